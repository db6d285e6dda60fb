from typing import Any, get_args

import pytest

from schemas.journey_names import METHODS
from transforms.naming.config import Method, NamingConfig


def test_methods_are_those_of_the_dataset() -> None:
    assert get_args(Method) == METHODS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "guess"}, "method must be one of .*'guess'"),
        ({"prompt_fields": "tags"}, "prompt_fields must be one of .*'tags'"),
        ({"max_items": 0}, r"max_items must be in \[1, 1000\], got 0"),
        ({"max_terms": 0}, "max_terms must be at least 1, got 0"),
        ({"max_title_characters": 19}, "max_title_characters must be at least 20, got 19"),
        ({"num_examples": 9}, r"num_examples must be in \[0, 8\], got 9"),
        ({"max_width": 29}, "max_width must be at least 30, got 29"),
        ({"min_width": 61}, "min_width must be at most max_width = 60, got 61"),
        ({"max_words": 0}, "max_words must be at least 1, got 0"),
    ],
)
def test_wrong_values_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NamingConfig(**given)
