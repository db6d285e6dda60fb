"""Journeys of catalogues in several languages, and of titles with boilerplate and markup, from files to parquet."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import JOURNEYS
from tests.catalogues_by_language import TITLES, one_theme_fraction, write_catalogue
from tests.pipelines.logs import extract, metric_values, rows
from transforms.function_words import word_lists

_LANGUAGES = ("de", "fr", "es", "ko", "ja", "th", "ar", "ru")


def _journeys(folder: Path, log: Path, items: Path, *options: str) -> pa.Table:
    assert extract(folder / "out", log, items, *options) == 0
    return pa.Table.from_pylist(rows(folder / "out", JOURNEYS))


def _of_one_theme(journeys: pa.Table) -> float:
    return one_theme_fraction(journeys) * journeys.num_rows


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    folder = tmp_path_factory.mktemp("en")
    return _journeys(folder, *write_catalogue(folder, "en"), "--cluster_by=terms")


@pytest.mark.parametrize("language", _LANGUAGES)
def test_journeys_by_terms_are_as_good_as_in_english(language: str, english: pa.Table, tmp_path: Path) -> None:
    journeys = _journeys(tmp_path, *write_catalogue(tmp_path, language), "--cluster_by=terms")
    assert one_theme_fraction(journeys) >= 0.9 * one_theme_fraction(english)
    assert _of_one_theme(journeys) >= 0.9 * _of_one_theme(english)
    shown = {term.casefold() for terms in journeys["terms"].to_pylist() for term in terms}
    assert not shown & word_lists()[language]
    assert metric_values(tmp_path / "out")["languages", language] == 1


def test_several_languages_in_one_catalogue(tmp_path: Path) -> None:
    journeys = _journeys(tmp_path, *write_catalogue(tmp_path, "en", "de", "ru", "th"), "--cluster_by=terms")
    assert one_theme_fraction(journeys) >= 0.85
    shown = {term.casefold() for terms in journeys["terms"].to_pylist() for term in terms}
    assert not shown & (word_lists()["de"] | word_lists()["ru"] | word_lists()["th"])


_NOISE = ("(Official Video)", "(1080p)", "| Full Album", "- Episode 4", "500ml")


@pytest.mark.parametrize("options", [("--cluster_by=vectors",), ("--cluster_by=terms",)])
def test_boilerplate_neither_joins_nor_explains(options: tuple[str, ...], tmp_path: Path, english: pa.Table) -> None:
    log, items = write_catalogue(tmp_path, "en")
    catalogue = pq.read_table(items)
    noisy = [f"{title} {_NOISE[at % len(_NOISE)]}" for at, title in enumerate(catalogue["title"].to_pylist())]
    pq.write_table(pa.table({"item_id": catalogue["item_id"], "title": noisy}), items)
    journeys = _journeys(tmp_path, log, items, *options)
    assert one_theme_fraction(journeys) >= 0.95 * one_theme_fraction(english)
    shown = {term.casefold() for terms in journeys["terms"].to_pylist() for term in terms}
    assert not shown & {
        "official",
        "official video",
        "video",
        "1080p",
        "500ml",
        "episode",
        "s02e08",
        "album",
        "4k",
        "hd",
    }
    values = metric_values(tmp_path / "out")
    assert values["titles_with_boilerplate", ""] == len(noisy)
    assert values["boilerplate_phrases", ""] == len(_NOISE)


@pytest.mark.parametrize("options", [("--cluster_by=vectors",), ("--cluster_by=terms",)])
def test_markup_changes_no_journey(options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "marked").mkdir()
    log, items = write_catalogue(tmp_path / "plain", "en")
    plain = _journeys(tmp_path / "plain", log, items, *options)
    catalogue = pq.read_table(items)
    forms = (
        "<b>{}</b>",
        "&nbsp;{}",
        "{} {{{{price}}}}",
        "<ul><li>{}</li></ul>",
        "&lt;p&gt;{}&lt;/p&gt;",
        "{}&amp;nbsp;",
    )
    marked = [forms[at % 6].format(title) for at, title in enumerate(catalogue["title"].to_pylist())]
    pq.write_table(pa.table({"item_id": catalogue["item_id"], "title": marked}), tmp_path / "marked" / "items.parquet")
    assert _journeys(tmp_path / "marked", log, tmp_path / "marked" / "items.parquet", *options).equals(plain)


def test_translations_have_the_same_number_of_titles() -> None:
    assert {len(titles) for themes in TITLES.values() for titles in themes.values()} == {8}
