"""Messages about files of other formats, with other names, and with columns in paths."""

import gzip
import shlex
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.common.options import column_mapping
from pipelines.common.recorded_options import as_text
from schemas import INTERACTIONS, ITEMS
from transforms.datasets.column_hints import columns_option, name_rank, shown_names, suggest_columns
from transforms.datasets.empty_outputs import EmptyOutputsCheck
from transforms.datasets.error_rate import UNKNOWN_ITEM, DataError, ErrorRateCheck
from transforms.datasets.files import InputNotFoundError, resolve_source
from transforms.datasets.partitions import partition_values
from transforms.datasets.reading import ParquetReader, UnreadableFileError

CSV = b"user_id,item_id,timestamp\n1,2,3\n"


@pytest.mark.parametrize(
    ("name", "content", "clue"),
    [
        (
            "log.csv",
            CSV,
            "this is CSV, not parquet; convert it: duckdb -c \"COPY (FROM read_csv('{path}')) TO '{stem}.parquet'\"",
        ),
        ("log.parquet", CSV, "this is CSV, not parquet"),
        (
            "log.jsonl",
            b'{"user_id": 1}\n',
            "this is JSON, not parquet; convert it: duckdb -c \"COPY (FROM read_json('{path}'))",
        ),
        ("log", b'[{"user_id": 1}]', "this is JSON, not parquet"),
        ("log.csv.gz", gzip.compress(CSV, mtime=0), "this is CSV compressed by gzip, not parquet; convert it: duckdb"),
        ("log.gz", gzip.compress(b"\x00", mtime=0), "this is gzip, not parquet; unpack it"),
        ("log.orc", b"ORC\x08\x03", "this is ORC, not parquet"),
        ("log.avro", b"Obj\x01\x04", "this is Avro, not parquet"),
        ("log.xlsx", b"PK\x03\x04..", "a zip archive or a spreadsheet, not parquet"),
        ("log.feather", b"ARROW1\x00\x00", "Arrow IPC"),
        ("log.parquet", b"<!DOCTYPE html><p>Sign in, please</p>", "this is a page of HTML or XML, not parquet"),
        ("o'neil $log.csv", CSV, "(FROM read_csv('{folder}/o''neil \\$log.csv')) TO '{folder}/o''neil \\$log.parquet'"),
        ("log.bin", b"\x00\x01\x02" * 9, "magic bytes"),
    ],
)
def test_other_formats(tmp_path: Path, name: str, content: bytes, clue: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as refused:
        ParquetReader(str(path))
    assert clue.format(path=path, stem=tmp_path / "log", folder=tmp_path) in str(refused.value)


def test_a_folder_of_csv(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_bytes(CSV)
    with pytest.raises(InputNotFoundError, match=r"contains 1 files; convert CSV: duckdb .*day.csv.*day.parquet"):
        resolve_source(str(tmp_path))


@pytest.mark.parametrize(
    ("missing", "found", "suggested"),
    [
        (["user_id", "item_id", "timestamp"], ["visitor", "content", "ts"], ["visitor", "content", "ts"]),
        (["user_id", "item_id"], ["userId", "movieId", "rating"], ["userId", "movieId"]),
        (["item_id", "title"], ["parent_asin", "product_name"], ["parent_asin", "product_name"]),
        (["user_id"], ["a", "b"], ["NAME"]),
        (["user_id"], ["usr_id", "item_id"], ["usr_id"]),
    ],
)
def test_suggested_columns(missing: list[str], found: list[str], suggested: list[str]) -> None:
    assert suggest_columns(missing, found) == dict(zip(missing, suggested, strict=True))


def test_optional_columns_need_a_usual_name_that_can_be_read() -> None:
    found = ["ITEM_ID", "TITLE", "genres", "OVERVIEW", "artists", "stars", "item"]
    suggested = suggest_columns(
        ["item_id", "title"],
        found,
        ["description", "tags", "creator"],
        lambda column, name: name not in ("item", "genres"),
    )
    assert suggested == {"item_id": "ITEM_ID", "title": "TITLE", "description": "OVERVIEW", "creator": "artists"}


LOG = ("user_id", "item_id", "timestamp", "event", "value")
CATALOGUE = ("item_id", "title", "description", "tags", "creator")
EXPORTS = {
    "analytics": (
        LOG,
        "event_date event_timestamp event_name user_pseudo_id page_location",
        {
            "user_id": "user_pseudo_id",
            "item_id": "page_location",
            "timestamp": "event_timestamp",
            "event": "event_name",
        },
    ),
    "stars": (
        LOG,
        "login|last_login|repository|starred at|about",
        {"user_id": "login", "item_id": "repository", "timestamp": "starred at"},
    ),
    "posts": (
        LOG,
        "screen_name last_login tweet_id created_at",
        {"user_id": "screen_name", "item_id": "tweet_id", "timestamp": "created_at"},
    ),
    "plays": (
        LOG,
        "nickname track_id time_played played_at",
        {"user_id": "nickname", "item_id": "track_id", "timestamp": "played_at"},
    ),
    "news": (LOG, "user_id click_time news_id history", {"item_id": "news_id", "timestamp": "click_time"}),
    "fashion log": (
        LOG,
        "t_dat customer_id article_id price sales_channel_id",
        {"user_id": "customer_id", "item_id": "article_id", "timestamp": "t_dat", "value": "price"},
    ),
    "fashion catalogue": (
        CATALOGUE,
        "article_id product_code prod_name product_type_no product_type_name detail_desc",
        {"item_id": "article_id", "title": "prod_name", "description": "detail_desc"},
    ),
    "games": (
        LOG,
        "app_id app_name review_id review author_num_reviews author_steamid timestamp_updated timestamp_created",
        {"user_id": "author_steamid", "item_id": "app_id", "timestamp": "timestamp_created"},
    ),
    "music log": (
        LOG,
        "ts username platform ms_played spotify_track_uri master_metadata_track_name",
        {"user_id": "username", "item_id": "spotify_track_uri", "timestamp": "ts"},
    ),
    "music catalogue": (
        CATALOGUE,
        "master_metadata_album_artist_name master_metadata_track_name spotify_track_uri",
        {
            "item_id": "spotify_track_uri",
            "title": "master_metadata_track_name",
            "creator": "master_metadata_album_artist_name",
        },
    ),
    "history": (
        LOG,
        "header title titleUrl time products",
        {"user_id": "NAME", "item_id": "titleUrl", "timestamp": "time"},
    ),
    "shop": (
        CATALOGUE,
        "Handle|Title|Body (HTML)|Vendor|Type|Tags|Image Src",
        {
            "item_id": "Handle",
            "title": "Title",
            "description": "Body (HTML)",
            "tags": "Tags",
            "creator": "Vendor",
        },
    ),
    "videos": (
        CATALOGUE,
        "thumbnail_link video_id title channel_title publishedAt",
        {"item_id": "video_id", "creator": "channel_title"},
    ),
    "videos by day": (LOG, "user_id videoId publishedAt", {"item_id": "videoId", "timestamp": "publishedAt"}),
    "reviews": (
        LOG,
        "reviewerName reviewerID asin overall summary reviewTime unixReviewTime",
        {"user_id": "reviewerID", "item_id": "asin", "timestamp": "unixReviewTime", "value": "overall"},
    ),
    "books": (CATALOGUE, "book_id authors title image_url", {"item_id": "book_id", "creator": "authors"}),
    "listeners": (LOG, "userid artmbid artname plays timestamp", {"user_id": "userid", "item_id": "artmbid"}),
    "listened": (CATALOGUE, "artmbid artname", {"item_id": "artmbid", "title": "artname"}),
    "businesses": (
        LOG,
        "review_id user_id business_id stars date",
        {"item_id": "business_id", "timestamp": "date", "value": "stars"},
    ),
    "purchases": (
        LOG,
        "event_time event_type product_id category_id category_code user_id user_session",
        {"item_id": "product_id", "timestamp": "event_time", "event": "event_type"},
    ),
    "purchased": (
        CATALOGUE,
        "category_id product_id category_code product_title",
        {"item_id": "product_id", "title": "product_title", "tags": "category_code"},
    ),
}
"""The columns of exports and data sets that are often read, and what they are."""


@pytest.mark.parametrize("case", EXPORTS)
def test_the_words_of_names_suggest_columns(case: str) -> None:
    columns, names, expected = EXPORTS[case]
    found = names.split("|") if "|" in names else names.split()
    required = [name for name in columns if name in ("user_id", "item_id", "timestamp", "title")]
    missing = [name for name in required if name not in found]
    optional = [name for name in columns if name not in required and name not in found]
    assert suggest_columns(missing, found, optional) == expected


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("user_id", "review_id"),
        ("user_id", "view_id"),
        ("user_id", "last_login"),
        ("user_id", "login_count"),
        ("user_id", "user_agent"),
        ("user_id", "author_num_reviews"),
        ("item_id", "thumbnail_link"),
        ("item_id", "products"),
        ("item_id", "category_code"),
        ("title", "username"),
        ("title", "artist_name"),
        ("timestamp", "birth_date"),
        ("timestamp", "time_spent"),
        ("timestamp", "time_played"),
        ("timestamp", "release_at"),
        ("timestamp", "timezone"),
        ("tags", "key"),
        ("tags", "category_id"),
        ("event", "product_type"),
        ("title", "product_category_name"),
    ],
)
def test_words_that_mean_something_else(column: str, name: str) -> None:
    assert name_rank(column, name) is None


def test_the_only_name_of_an_id_is_suggested() -> None:
    assert suggest_columns(["item_id", "title"], ["id", "name"]) == {"item_id": "id", "title": "name"}
    assert suggest_columns(["item_id"], ["a_id", "b_id"]) == {"item_id": "NAME"}
    assert suggest_columns(["user_id", "item_id"], ["id"]) == {"user_id": "NAME", "item_id": "NAME"}


def test_what_cannot_be_read_is_not_suggested() -> None:
    assert suggest_columns(["item_id"], ["item", "sku"], (), lambda column, name: name == "sku") == {"item_id": "sku"}
    assert suggest_columns(["timestamp"], ["year", "month", "day"]) == {"timestamp": "NAME"}
    assert suggest_columns(["timestamp"], ["day"]) == {"timestamp": "day"}


@pytest.mark.parametrize(
    ("renamed", "suggested", "option"),
    [
        ({"timestamp": "when"}, {"user_id": "who"}, "--columns=timestamp=when,user_id=who"),
        ({}, {"item_id": "Item ID", "title": "Title"}, "'--columns=item_id=Item ID,title=Title'"),
        ({}, {"item_id": '"item_id"'}, "'--columns=item_id=\"item_id\"'"),
        ({}, {"item_id": "last, first"}, "'--columns=item_id=last\\, first'"),
        ({}, {"item_id": "it's\\,"}, None),
    ],
)
def test_the_option_to_type_works_in_a_shell(
    renamed: dict[str, str], suggested: dict[str, str], option: str | None
) -> None:
    printed = columns_option("--columns", renamed, suggested)
    assert option is None or printed == option
    (typed,) = shlex.split(printed)
    given = column_mapping(INTERACTIONS, ITEMS)(typed.removeprefix("--columns="))
    assert given == {**renamed, **suggested}
    assert column_mapping(INTERACTIONS, ITEMS)(as_text(given)) == given


def test_names_that_do_not_look_like_what_they_are_have_quotes() -> None:
    names = ["user_id", "content.id", "Item ID", '"item_id"', "item_id ", "\ufeffitem_id", "a,b"]
    assert shown_names(names) == ("user_id, content.id, Item ID, '\"item_id\"', 'item_id ', '\\ufeffitem_id', 'a,b'")


def test_columns_of_a_path(tmp_path: Path) -> None:
    assert partition_values("/a/date=2024-01-15/event=click%20it/x=__HIVE_DEFAULT_PARTITION__/p=q.parquet") == {
        "date": "2024-01-15",
        "event": "click it",
        "x": None,
    }
    path = tmp_path / "event=click" / "user_id=other" / "part.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["a", "b"]}), path)
    with ParquetReader(str(path)) as reader:
        assert reader.schema.names == ["user_id", "event"]  # a column of the file is not replaced
        (batch,) = reader.batches(0, ["event", "user_id"])
    assert batch.to_pydict() == {"user_id": ["a", "b"], "event": ["click", "click"]}


class TestARefusedCatalogue:
    CHECK = ErrorRateCheck(("interactions", "items"), 0.1, consequences={"items": UNKNOWN_ITEM})
    COUNTS: ClassVar = {("interactions_read", ""): 100, ("interactions_invalid", UNKNOWN_ITEM): 90}

    def test_is_what_the_message_is_about(self) -> None:
        counts = self.COUNTS | {("items_read", ""): 10, ("items_invalid", "null_title"): 9}
        with pytest.raises(DataError) as refused:
            self.CHECK.check(counts)
        assert refused.value.datasets == ("items",)
        assert "interactions" not in str(refused.value)

    def test_does_not_hide_other_errors_of_the_log(self) -> None:
        counts = self.COUNTS | {("items_read", ""): 10, ("items_invalid", "null_title"): 9}
        with pytest.raises(DataError) as refused:
            self.CHECK.check(counts | {("interactions_invalid", "null_user_id"): 20})
        assert refused.value.datasets == ("interactions", "items")

    def test_a_log_of_other_items_is_refused(self) -> None:
        with pytest.raises(DataError, match="90 of 100 rows of interactions are invalid"):
            self.CHECK.check(self.COUNTS | {("items_read", ""): 10})


class TestEmptyOutputs:
    CHECK = EmptyOutputsCheck(("journeys",), ("terms",), ("event_not_kept",))
    READ: ClassVar = {("interactions_read", ""): 10}

    def test_says_what_was_dropped(self) -> None:
        with pytest.raises(DataError) as refused:
            self.CHECK.check({"journeys": 0}, self.READ | {("interactions_dropped", "event_not_kept"): 10})
        assert str(refused.value) == (
            "no journeys would be left (10 interactions read; 10 x event_not_kept); nothing was committed; "
            "--allow_empty commits an empty result"
        )

    def test_says_which_options_were_given(self) -> None:
        check = EmptyOutputsCheck(("journeys",), options=("--min_size=99", "--min_coherence=0.5"))
        with pytest.raises(DataError, match=r"read; no row was dropped; given: --min_size=99 --min_coherence=0.5\)"):
            check.check({"journeys": 0}, self.READ)

    def test_a_vocabulary_without_terms(self) -> None:
        with pytest.raises(DataError, match="no terms would be left"):
            self.CHECK.check({"journeys": 3}, self.READ | {("terms", ""): 0})

    def test_a_filter_that_drops_everything(self) -> None:
        dropped = {("interactions_dropped", "event_not_kept"): 8, ("interactions_invalid", "null_user_id"): 2}
        with pytest.raises(DataError, match="no interactions that pass the filter would be left"):
            self.CHECK.check({"journeys": 3}, self.READ | dropped)
        self.CHECK.check({"journeys": 3}, self.READ | dropped | {("interactions_read", ""): 11})

    def test_results_with_rows_pass(self) -> None:
        self.CHECK.check({"journeys": 1}, self.READ | {("terms", ""): 1})
        EmptyOutputsCheck().check({}, {})


def test_the_most_usual_name_has_the_lowest_rank() -> None:
    ranks = [name_rank("user_id", name) for name in ("user_id", "userId", "User ID", "visitor", "author")]
    assert ranks[0] == ranks[1] == ranks[2] == 0
    assert ranks == sorted(ranks)  # type: ignore[type-var]
    assert name_rank("user_id", "shoe size") is None
    assert name_rank("timestamp", "createdAt") is not None
