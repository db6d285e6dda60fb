import pytest

from transforms.inflection import singularize
from transforms.naming.text import contains, count_scripts, display_width, normalize


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("networks", "network"),
        ("stories", "story"),
        ("boxes", "box"),
        ("glass", "glass"),
        ("bus", "bus"),
        ("s", "s"),
        ("watches", "watch"),
        ("analysis", "analysis"),
        ("자동차", "자동차"),
        ("ios", "ios"),
    ],
)
def test_plurals(word: str, expected: str) -> None:
    assert singularize(word) == expected


def test_case_punctuation_and_plurals_make_no_difference() -> None:
    assert normalize("Jazz-Guitars!") == normalize("jazz guitar") == "jazz guitar"
    assert normalize("☕!") == "☕!"
    assert normalize("ＡＩ") == "ai"


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert display_width("tea") == 3
    assert display_width("お茶") == 4
    assert display_width("e\u0301") == 1


def test_containment_is_of_whole_words_and_of_characters_where_there_are_no_blanks() -> None:
    assert contains("deep machine learning", "machine learning")
    assert not contains("deepmachine", "machine")
    assert contains("機械学習", "学習")


def test_letters_by_script() -> None:
    assert count_scripts(["お茶 tea", "차"]) == {"Kana": 1, "Han": 1, "Latin": 3, "Hangul": 1}
