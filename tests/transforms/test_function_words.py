from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.catalogues_by_language import TITLES
from transforms.function_words import function_words_of, languages_of, word_lists

_SAMPLES = Path(__file__).parents[2] / "samples"


def _titles(language: str) -> list[str]:
    return [title for titles in TITLES[language].values() for title in titles]


@pytest.mark.parametrize("language", [language for language in TITLES if language != "en"])
def test_the_language_of_a_catalogue_is_found(language: str) -> None:
    assert languages_of(_titles(language))[0] == language


def test_an_english_catalogue_has_no_other_language() -> None:
    assert languages_of(_titles("en")) == ()
    assert function_words_of(_titles("en")) == {}


def test_several_languages_are_found_at_once() -> None:
    assert {"de", "fr", "ru", "th"} <= set(
        languages_of([*_titles("en"), *(t for x in ("de", "fr", "ru", "th") for t in _titles(x))])
    )


def test_one_word_of_another_language_is_no_evidence() -> None:
    titles = [f"Die Hard {number} with the hero" for number in range(100)]
    assert languages_of([*titles, *(f"Multi agent planning {number}" for number in range(100))]) == ()
    assert function_words_of(titles) == {}


def test_terms_of_english_texts_are_no_evidence() -> None:
    titles = [f"A benchmark of multi-hop RAG for the agent {number}" for number in range(100)]
    assert languages_of([*titles, *(f"Multi-hop RAG number {number}" for number in range(10))]) == ()


@pytest.mark.parametrize("sample", ["arxiv_authors", "github_stars", "online_retail"])
def test_the_samples_are_english(sample: str) -> None:
    titles = pq.read_table(_SAMPLES / sample / "items.parquet", columns=["title"])["title"].drop_null().to_pylist()
    assert languages_of(titles) == ()


def test_words_of_another_script_stay_function_words_in_bilingual_titles() -> None:
    titles = [f"Дом и сад (The house and the garden {number})" for number in range(20)]
    assert "и" in frozenset().union(*function_words_of(titles).values())


@pytest.mark.parametrize(
    ("language", "titles", "expected"),
    [
        ("hu", ["Hogyan kell a kovász", "Miért nem kel meg a tészta", "Egy nem kel meg a sütőben"], "hogyan egy"),
        ("fi", ["Miksi tämä on kuiva", "Missä on minun leipäni", "Mitä tämä sinun leipäsi on"], "tämä miksi"),
        ("ro", ["Cum se face pâinea în casă", "Cele mai bune rețete și trucuri", "Grădina mea și a ta"], "în și"),
        ("el", ["Αυτό είναι το προζύμι", "Τι πρέπει να ξέρετε", "Γιατί δεν φουσκώνει"], "αυτό είναι"),  # noqa: RUF001
        ("ta", ["வீட்டில் ரொட்டி எப்படி", "இது ஒரு நல்ல கேக்", "மாவு மற்றும் உப்பு"], "எப்படி ஒரு மற்றும்"),
    ],
)
def test_function_words_of_short_titles(language: str, titles: list[str], expected: str) -> None:
    assert set(expected.casefold().split()) <= function_words_of(titles)[language]


def test_words_that_english_titles_have_more_often_stay_words() -> None:
    german = ["Das Leben der Anderen", "Die Stadt und der Wald", "Das Haus und die Frau", "Als die Stadt war und blieb"]
    english = ["A good day to die", "The war of the worlds", "Live and let die", "How the war was won"]
    found = function_words_of([*german, *english])["de"]
    assert {"das", "der", "und"} <= found
    assert "war" not in found
    assert "die" in found  # in three German texts, two English ones


def test_few_short_titles_of_a_language_are_evidence() -> None:
    french = ["Le quai des brumes", "Les visiteurs du soir", "Le goût des autres", "Entre les murs"]
    english = [f"The night of the hunter {number}" for number in range(2000)]
    assert set(function_words_of([*french, *english])) == {"fr"}


def test_lists_are_normalised() -> None:
    for words in word_lists().values():
        assert all(word == word.lower() and " " not in word for word in words)
