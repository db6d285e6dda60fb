from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.text import display_width, normalize
from transforms.naming.uniqueness import disambiguate, find_collisions


def test_the_first_keeps_its_name() -> None:
    assert find_collisions(["Jazz guitar", "Blues", "jazz-guitars!", "BLUES", "Tea"], ["teas"]) == ([0, 1], [2, 3, 4])


def test_a_term_makes_the_difference() -> None:
    assert disambiguate("Jazz", ["jazz", "bebop"], ["Blues"], 60) == "Jazz"
    assert disambiguate("Jazz", ["jazz", "bebop"], ["jazz"], 60) == "Jazz: bebop"
    assert disambiguate("Jazz", ["bebop", "swing"], ["Jazz", "Jazz bebop"], 60) == "Jazz: swing"


def test_a_number_does_where_no_term_can() -> None:
    assert disambiguate("Jazz", [], ["jazz", "jazz 2"], 60) == "Jazz 3"
    assert disambiguate("J" * 30, ["bebop"], ["J" * 30], 30) == "J" * 28 + " 2"


@given(
    st.lists(st.text("ab é-!茶", min_size=1, max_size=34), max_size=8), st.lists(st.text("abc", max_size=8), max_size=3)
)
def test_names_distinguished_differ_and_fit(names: list[str], terms: list[str]) -> None:
    given_names: list[str] = []
    for name in names:
        given_names.append(
            disambiguate(name, terms, given_names, 40 if display_width(name) <= 40 else display_width(name))
        )
    assert len({normalize(name) for name in given_names}) == len(names)
