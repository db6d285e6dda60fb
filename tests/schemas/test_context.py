from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.context import format_context, format_contexts, parse_context, parse_contexts

IDS = st.text(min_size=1, max_size=4).filter(lambda text: text.split() == [text])


def test_the_most_recent_cluster_is_last() -> None:
    assert format_context(["12", "7"]) == "12 7"
    assert parse_context("12 7") == ("12", "7")


def test_the_empty_context_is_the_empty_text() -> None:
    assert format_context([]) == ""
    assert parse_context("") == ()
    assert parse_contexts(pa.array(["a b", "", "c"])).to_pylist() == [["a", "b"], [], ["c"]]


@given(st.lists(st.lists(IDS, max_size=3), max_size=5))
def test_what_is_formatted_is_parsed_again(contexts: list[list[str]]) -> None:
    texts = [format_context(context) for context in contexts]
    assert [list(parse_context(text)) for text in texts] == contexts
    assert parse_contexts(pa.array(texts, pa.string())).to_pylist() == contexts


@given(st.lists(st.tuples(IDS, IDS), max_size=5))
def test_columns_are_formatted_like_single_contexts(contexts: list[tuple[str, str]]) -> None:
    places = [pa.array([context[place] for context in contexts], pa.string()) for place in range(2)]
    assert format_contexts(places).to_pylist() == [format_context(context) for context in contexts]
    assert format_contexts(places[:1]).to_pylist() == [first for first, _ in contexts]


@pytest.mark.parametrize("cluster_id", ["", "a b", " a", "a\n", "a\u00a0b"])
def test_ids_with_white_space_are_refused(cluster_id: str) -> None:
    for write in (format_context, lambda ids: format_contexts([pa.array(ids)])):
        with pytest.raises(ValueError, match="a cluster id must not be empty or have white space, got"):
            write([cluster_id])


@pytest.mark.parametrize("parse", [parse_context, lambda text: parse_contexts(pa.array(["", "a b", text]))])
@pytest.mark.parametrize("text", [" ", "a  b", " a", "a ", "a\tb", "a b\u00a0"])
def test_text_without_single_spaces_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="a context must be cluster ids joined by single spaces, got "):
        parse(text)
