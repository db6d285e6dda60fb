"""Each published layout, on files in exactly that layout: what is matched, read, left out and invalid."""

import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tests.transforms.ingestion import published
from tests.transforms.ingestion.published import publish
from transforms.datasets.files import list_input_files
from transforms.ingestion.blocks import read_blocks
from transforms.ingestion.convert import convert_rows
from transforms.ingestion.layout import Layout
from transforms.ingestion.layouts.registry import LAYOUTS
from transforms.ingestion.matching import match_files
from transforms.ingestion.votes import elect

Rows = list[dict[str, object]]


def utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[misc, arg-type]


class Read:
    """All that is read from a folder, by the role of the files."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        match = match_files(layout, list_input_files(str(folder)))
        self.others = {Path(path).name: reason for path, reason in match.others.items()}
        self.rows: dict[str, Rows] = {}
        self.reasons: list[str] = []
        self.counts: dict[tuple[str, str], int] = {}
        votes: list[pa.RecordBatch] = []
        for file, own in match.files:
            for block in read_blocks(file.path, own.format, own.columns_read):
                found = convert_rows(block.rows, block.positions, file.path, own, bool(own.item_columns))
                self.rows.setdefault(own.role, []).extend(found.rows.to_pylist())
                self.reasons += [*found.errors["reason"].to_pylist(), *(bad.reason for bad in block.bad)]
                for key, number in found.counts:
                    self.counts[key] = self.counts.get(key, 0) + number
                votes += [found.votes] if found.votes is not None else []
        self.elected = elect(pa.concat_batches(votes)).to_pylist() if votes else []

    def interactions(self, *names: str) -> set[tuple[object, ...]]:
        return {tuple(row[name] for name in names) for row in self.rows["interactions"]}

    def items(self) -> dict[object, dict[str, object]]:
        return {row["item_id"]: row for row in self.rows["items"]}


def read(name: str, folder: Path, items: str = "track") -> Read:
    return Read(LAYOUTS[name](items), folder)  # type: ignore[arg-type]


def test_movielens_csv(tmp_path: Path) -> None:
    found = read("movielens", publish(tmp_path, published.MOVIELENS_CSV))
    assert found.interactions("user_id", "item_id", "timestamp", "event", "value") == {
        ("1", "1", utc(2000, 7, 30, 18, 45, 3), "rating", 4.0),
        ("1", "3", utc(2000, 7, 30, 18, 20, 47), "rating", 2.5),
        ("2", "1", utc(2015, 10, 24, 19, 27, 15), "rating", 5.0),
    }
    items = found.items()
    assert items["1"]["title"] == "Toy Story (1995)"
    assert items["1"]["tags"] == ["Adventure", "Animation", "Children"]
    assert items["3"]["title"] == 'Misérables, Les "restored" (1995)'
    assert items["3"]["tags"] is None
    assert [(row["item_id"], row["tag"]) for row in found.rows["item_tags"]] == [
        ("1", "pixar"),
        ("1", "Pixar"),
        ("1", "fun"),
    ]
    assert set(found.others) == {"links.csv", "README.txt"}
    assert found.reasons == []


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"], ids=["ml-1m", "ml-10m"])
def test_movielens_with_double_colons(tmp_path: Path, encoding: str) -> None:
    found = read("movielens", publish(tmp_path, published.MOVIELENS_DAT, encoding))
    assert found.interactions("user_id", "item_id", "timestamp", "value") == {
        ("1", "1193", utc(2000, 12, 31, 22, 12, 40), 5.0),
        ("1", "661", utc(2000, 12, 31, 22, 35, 9), 3.0),
        ("2", "1193", utc(2000, 12, 31, 21, 33, 33), 4.0),
    }
    items = found.items()
    assert items["661"]["title"] == "James: the Giant Peach (1996)"
    assert items["661"]["tags"] == ["Animation", "Children's", "Musical"]
    assert items["1193"]["title"] == "Cité des enfants perdus, La (1995)"
    assert found.reasons == []


def test_movielens_100k(tmp_path: Path) -> None:
    found = read("movielens", publish(tmp_path, published.MOVIELENS_100K, "latin-1"))
    assert found.interactions("user_id", "item_id", "timestamp", "value") == {
        ("196", "1", utc(1997, 12, 4, 15, 55, 49), 3.0),
        ("186", "55", utc(1998, 4, 4, 19, 22, 22), 3.0),
    }
    items = found.items()
    assert items["1"]["tags"] == ["Animation", "Children's", "Comedy"]
    assert (items["55"]["title"], items["55"]["tags"]) == ("Léon (1995)", [])
    assert found.reasons == []


def test_mind(tmp_path: Path) -> None:
    found = read("mind", publish(tmp_path, published.MIND))
    assert found.interactions("user_id", "item_id", "timestamp", "event", "row") == {
        ("U13740", "N55689", utc(2019, 11, 11, 9, 5, 58), "click", 0),
        ("U91836", "N39317", utc(2019, 11, 12, 18, 11, 30), "click", 1),
        ("U91836", "N55689", utc(2019, 11, 12, 18, 11, 30), "click", 1),
    }
    assert found.counts == {
        ("interactions_dropped", "not_clicked"): 3,
        ("interactions_dropped", "in_history"): 3,
    }
    news = found.items()["N55689"]
    assert news["title"] == 'The "Broncos" win'
    assert news["tags"] == ["sports", "football_nfl"]
    assert news["description"] == 'It\'s a "win".'
    assert found.reasons == []


def test_impressions_without_labels_are_counted(tmp_path: Path) -> None:
    files = published.MIND | {"train/behaviors.tsv": "1\tU1\t11/11/2019 9:05:58 AM\t\tN1 N2\n"}
    found = read("mind", publish(tmp_path, files))
    assert found.rows["interactions"] == []
    assert found.counts == {("interactions_dropped", "without_label"): 2}


def test_kuairand(tmp_path: Path) -> None:
    found = read("kuairand", publish(tmp_path, published.KUAIRAND))
    assert found.interactions("user_id", "item_id", "timestamp", "event", "dwell_seconds") == {
        ("0", "10", utc(2022, 4, 9, 1, 33, 2, 289_000), "click", 5.332),
        ("1", "20", utc(2022, 4, 22, 2), "click", 60.0),
    }
    assert found.counts == {("interactions_dropped", "not_clicked"): 1}
    items = found.items()
    assert (items["10"]["title"], items["10"]["creator"], items["10"]["tags"]) == ("", "7", ["12", "65"])
    assert (items["20"]["creator"], items["20"]["tags"]) == ("8", None)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_amazon_2023(tmp_path: Path, compressed: bool) -> None:
    found = read("amazon", publish(tmp_path, published.AMAZON_2023, compressed=compressed))
    user = "AGKHLEW2SOWHNMFQIJGBECAF7INQ"
    assert found.interactions("user_id", "item_id", "timestamp", "event", "value") == {
        (user, "B00YQ6X8EO", utc(2020, 5, 5, 14, 8, 48, 923_000), "review", 5.0),
        (user, "B081TJ8YS4", utc(2020, 5, 4, 18, 10, 55, 70_000), "review", 4.0),
    }
    items = found.items()
    assert items["B00YQ6X8EO"]["description"] == "A spray.; For hair."
    assert items["B00YQ6X8EO"]["tags"] == ["Beauty", "Hair"]
    assert items["B00YQ6X8EO"]["creator"] == "Herbivore Botanicals"
    assert (items["B081TJ8YS4"]["title"], items["B081TJ8YS4"]["creator"]) == ("", None)


def test_amazon_2018(tmp_path: Path) -> None:
    found = read("amazon", publish(tmp_path, published.AMAZON_2018))
    assert found.interactions("user_id", "item_id", "timestamp", "value") == {
        ("A3CIUOJXQ5VDQ2", "B0000530HU", utc(2016, 9, 1), 5.0)
    }
    item = found.items()["B0000530HU"]
    assert (item["title"], item["creator"]) == ("Loud 'N Clear Sound Amplifier", "idea village")
    assert item["tags"] == ["Pet Supplies", "Dogs"]


def test_lastfm_tracks(tmp_path: Path) -> None:
    found = read("lastfm", publish(tmp_path, published.LASTFM))
    assert found.interactions("user_id", "item_id", "timestamp", "event") == {
        ("user_000001", "t1", utc(2009, 5, 4, 23, 8, 57), "play"),
        ("user_000001", '"坂本龍一" / Composition 0919', utc(2009, 5, 4, 13, 54, 10), "play"),
        ("user_000002", "NoBody / Composition 0919", utc(2009, 5, 4, 13, 52, 4), "play"),
    }
    texts = {row["item_id"]: (row["title"], row["creator"]) for row in found.elected}
    assert texts["t1"] == ("Live at Home (Pacha)-09-28-2007", "Deep Dish")
    assert texts["NoBody / Composition 0919"] == ("Composition 0919", "NoBody")


def test_lastfm_artists(tmp_path: Path) -> None:
    found = read("lastfm", publish(tmp_path, published.LASTFM), "artist")
    assert found.interactions("user_id", "item_id") == {
        ("user_000001", "f1b1cf71"),
        ("user_000001", "a7f7df4a"),
        ("user_000002", "NoBody"),
    }
    assert {(row["item_id"], row["title"], row["creator"]) for row in found.elected} >= {
        ("f1b1cf71", "Deep Dish", None),
        ("NoBody", "NoBody", None),
    }


def test_online_retail(tmp_path: Path) -> None:
    found = read("retail", publish(tmp_path, published.RETAIL, "latin-1"))
    assert found.interactions("user_id", "item_id", "timestamp", "event", "value") == {
        ("17850", "85123A", utc(2010, 12, 1, 8, 26), "purchase", 6.0),
        ("15311", "82567", utc(2010, 12, 1, 9, 41), "purchase", 2.0),
        ("17850", "85123A", utc(2011, 1, 5, 14, 5), "purchase", 1.0),
        ("17851", "85123A", utc(2011, 1, 5, 14, 6), "purchase", 1.0),
        ("17851", "22139", utc(2011, 1, 5, 14, 7), "purchase", 1.0),
    }
    assert found.counts == {("interactions_dropped", "cancelled"): 1, ("interactions_dropped", "no_customer"): 1}
    titles = {row["item_id"]: row["title"] for row in found.elected}
    assert titles == {
        "85123A": "WHITE HANGING HEART T-LIGHT HOLDER",
        "82567": "AIRLINE LOUNGE,METAL SIGN",
        "22139": "TEA SET £5",
    }


def test_online_retail_2(tmp_path: Path) -> None:
    found = read("retail", publish(tmp_path, published.RETAIL_2))
    assert found.interactions("user_id", "item_id", "timestamp", "value") == {
        ("13085", "85048", utc(2009, 12, 1, 7, 45), 12.0)
    }
    assert found.counts == {("interactions_dropped", "cancelled"): 1}


def test_invalid_rows_have_reasons_and_positions(tmp_path: Path) -> None:
    rows = (
        "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,1\n,1,4.0,964982703\n1,1,4.0,soon\n1,nan,4.0,964982703\n"
    )
    files = published.MOVIELENS_CSV | {"ratings.csv": rows}
    found = read("movielens", publish(tmp_path, files))
    assert found.reasons == [
        "null_user_id",
        "timestamp_not_a_time",
        "placeholder_item_id",
        "wrong_number_of_fields",
    ]
    assert [row["row"] for row in found.rows["interactions"]] == [0]
