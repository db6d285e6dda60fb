from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.distinct import find_clashes, told_apart
from transforms.naming.words import folded, width


def test_the_first_keeps_its_name() -> None:
    assert find_clashes(["Jazz guitar", "Blues", "jazz-guitars!", "BLUES", "Tea"], ["teas"]) == ([0, 1], [2, 3, 4])


def test_a_term_makes_the_difference() -> None:
    assert told_apart("Jazz", ["jazz", "bebop"], ["Blues"], 60) == "Jazz"
    assert told_apart("Jazz", ["jazz", "bebop"], ["jazz"], 60) == "Jazz: bebop"
    assert told_apart("Jazz", ["bebop", "swing"], ["Jazz", "Jazz bebop"], 60) == "Jazz: swing"


def test_a_number_does_where_no_term_can() -> None:
    assert told_apart("Jazz", [], ["jazz", "jazz 2"], 60) == "Jazz 3"
    assert told_apart("J" * 30, ["bebop"], ["J" * 30], 30) == "J" * 28 + " 2"


@given(
    st.lists(st.text("ab é-!茶", min_size=1, max_size=34), max_size=8), st.lists(st.text("abc", max_size=8), max_size=3)
)
def test_names_told_apart_differ_and_fit(names: list[str], terms: list[str]) -> None:
    given_names: list[str] = []
    for name in names:
        given_names.append(told_apart(name, terms, given_names, 40 if width(name) <= 40 else width(name)))
    assert len({folded(name) for name in given_names}) == len(names)
