import pytest

from transforms.naming.examples.config import ExampleConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_titles", 1),
        ("max_name_sources", 0),
        ("most_of_source", 0),
        ("most_examples", 0),
        ("min_continuity", 1.1),
        ("min_relevance", -1.1),
        ("held_out", -0.1),
        ("validation", 1.0),
        ("max_source_share", 0.0),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*got {value}"):
        ExampleConfig(**{name: value})


def test_something_is_left_to_learn_from() -> None:
    with pytest.raises(ValueError, match=r"must leave something for training, got 0.6 and 0.4"):
        ExampleConfig(held_out=0.6, validation=0.4)
