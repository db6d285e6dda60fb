import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metric_slice import format_slice, parse_slice

NAMES = st.text(min_size=1).filter(lambda name: not set(name) & set("=%/"))


@given(st.dictionaries(NAMES, st.text()))
def test_what_is_formatted_is_parsed_again(parts: dict[str, str]) -> None:
    assert parse_slice(format_slice(parts)) == parts


def test_formats() -> None:
    assert format_slice({}) == ""
    assert format_slice({"threshold": 0.05, "min_size": 3}) == "threshold=0.05/min_size=3"
    assert format_slice({"method": "Ward, BAAI/bge", "k": 2}) == "method=Ward, BAAI%2Fbge/k=2"


@pytest.mark.parametrize("name", ["", "a=b", "a/b", "%"])
def test_names_that_cannot_be_parsed_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a part of a slice needs a name"):
        format_slice({name: 1})


@pytest.mark.parametrize("text", ["all", "a=1/all", "=1"])
def test_text_without_names_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a slice must be name=value"):
        parse_slice(text)
