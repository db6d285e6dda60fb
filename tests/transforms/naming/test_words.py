import pytest

from transforms.naming.words import contains, folded, scripts_of, singular, width


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
    assert singular(word) == expected


def test_case_punctuation_and_plurals_make_no_difference() -> None:
    assert folded("Jazz-Guitars!") == folded("jazz guitar") == "jazz guitar"
    assert folded("☕!") == "☕!"
    assert folded("ＡＩ") == "ai"


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert width("tea") == 3
    assert width("お茶") == 4
    assert width("e\u0301") == 1


def test_containment_is_of_whole_words_and_of_characters_where_there_are_no_blanks() -> None:
    assert contains("deep machine learning", "machine learning")
    assert not contains("deepmachine", "machine")
    assert contains("機械学習", "学習")


def test_letters_by_script() -> None:
    assert scripts_of(["お茶 tea", "차"]) == {"Kana": 1, "Han": 1, "Latin": 3, "Hangul": 1}
