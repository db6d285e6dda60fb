import pytest

from transforms.encoders.vocabulary_coverage import MIN_COVERED_FRACTION, covered_word_fraction


def test_words_are_counted_and_numbers_are_not() -> None:
    assert covered_word_fraction(["Garden tools, 1999!", "tea 42"]) == 1.0
    assert covered_word_fraction(["garden zzyzxq"]) == 0.5
    assert covered_word_fraction(["1234 5678", "..."]) == 0.0
    assert covered_word_fraction([]) == 0.0


@pytest.mark.parametrize(
    "texts",
    [
        ["Садовые инструменты и чайники", "Путешествия"],
        ["园艺工具和茶壶", "旅行书籍"],
        ["SKU-99812-XK7Q", "a8f3e90b12cd77aa"],
        ["Gartenstuhl klappbar aus Holz", "Kinderfahrrad mit Stützrädern", "Bluse mit Blumenmuster"],
    ],
)
def test_other_scripts_languages_and_codes_are_unknown(texts: list[str]) -> None:
    assert covered_word_fraction(texts) < MIN_COVERED_FRACTION


def test_english_titles_are_known() -> None:
    titles = ["WHITE HANGING HEART T-LIGHT HOLDER", "Deep residual learning for image recognition", "The Hobbit (2012)"]
    assert covered_word_fraction(titles) > 0.8
