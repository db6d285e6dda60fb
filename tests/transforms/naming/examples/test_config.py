import pytest

from transforms.naming.examples.config import ExampleConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_titles", 1),
        ("max_name_sources", 0),
        ("max_examples_per_source", 0),
        ("max_examples", 0),
        ("min_continuity", 1.1),
        ("min_relevance", -1.1),
        ("test_fraction", -0.1),
        ("validation_fraction", 1.0),
        ("max_source_fraction", 0.0),
    ],
)
def test_invalid_values_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*got {value}"):
        ExampleConfig(**{name: value})


def test_the_fractions_must_leave_sources_for_training() -> None:
    with pytest.raises(ValueError, match=r"must leave sources for training, got 0.6 and 0.4"):
        ExampleConfig(test_fraction=0.6, validation_fraction=0.4)
