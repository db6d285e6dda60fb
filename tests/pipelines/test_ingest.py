"""The real command on published files: what it writes, prints and refuses, and that other jobs read what it wrote."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq
import pytest

from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from pipelines.ingest.job import IngestJob
from schemas import ERRORS, INTERACTIONS, ITEMS, METRICS
from tests.pipelines.logs import content, errors, manifest, metric_values, rows
from tests.transforms.ingestion import published
from tests.transforms.ingestion.published import publish

SAMPLES = Path(__file__).parents[2] / "samples"
ANY_RUNNER = "--runner=FnApiRunner"


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are then not wrapped."""
    monkeypatch.setenv("COLUMNS", "200")


def ingest(*options: str) -> tuple[int, str]:
    """Runs the command; gives its exit code and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = run_job(IngestJob, [ANY_RUNNER, *options])
    return code, printed.getvalue()


def succeed(*options: str) -> str:
    code, printed = ingest(*options)
    assert code == 0
    return printed


def generate(folder: Path, splits: int, seed: int) -> Path:
    """Writes a log and a catalogue of MovieLens in a number of folders, with its rows in an order by chance."""
    chance = np.random.default_rng(0)
    ratings = [
        f"{chance.integers(30)},{chance.integers(45)},{chance.integers(1, 11) / 2},{964_982_703 + chance.integers(40)}"
        for _ in range(1500)
    ]
    ratings += ratings[:5]  # repeated rows
    ratings += ["1,2", ",3,4.0,964982703", "1,3,4.0,soon"]
    movies = [
        f"{item},Film {item} (19{10 + item}),{'Drama|War' if item % 2 else '(no genres listed)'}" for item in range(40)
    ]
    tags = [f"{chance.integers(30)},{chance.integers(45)},tag {chance.integers(30)},964982703" for _ in range(900)]
    headers = {
        "ratings.csv": ("userId,movieId,rating,timestamp", ratings),
        "movies.csv": ("movieId,title,genres", movies),
        "tags.csv": ("userId,movieId,tag,timestamp", tags),
    }
    for name, (header, lines) in headers.items():
        order = np.random.default_rng(seed).permutation(len(lines))
        for split in range(splits):
            chosen = [lines[place] for place in order[split::splits]]
            path = folder / f"{seed * split + 1}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([header, *chosen]) + "\n")
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The workspace of a run on one file of each kind, and what it printed."""
    folder = tmp_path_factory.mktemp("ingest")
    source = generate(folder / "in", 1, 1)
    return folder / "out", succeed("--format=movielens", f"--input={source}", f"--workspace={folder / 'out'}")


def test_datasets_have_their_schema_and_order(done: tuple[Path, str]) -> None:
    workspace, _ = done
    for schema in (INTERACTIONS, ITEMS):
        stored = manifest(workspace, schema)
        assert stored.schema_fingerprint == schema.fingerprint
        for part in stored.parts:
            table = pq.read_table(workspace / schema.name / part.name)
            schema.check(table)
            keys = [tuple(row[name] for name in schema.sort_by) for row in table.to_pylist()]
            assert keys == sorted(keys)
    configuration = manifest(workspace, INTERACTIONS).configuration
    assert configuration["columns"]["interactions"]["user_id"] == "userId"
    assert configuration["options"]["format"] == "movielens"


def test_counts_and_errors(done: tuple[Path, str]) -> None:
    workspace, _ = done
    values = metric_values(workspace)
    assert values["interactions_read", ""] == 1508
    assert values["interactions", ""] == len(rows(workspace, INTERACTIONS)) == 1505
    assert values["items", ""] == len(rows(workspace, ITEMS)) == 40
    unknown = sum(int(str(row["item_id"])) >= 40 for row in rows(workspace, INTERACTIONS))
    assert values["interactions_without_item", ""] == unknown > 0
    lines = (workspace.parent / "in" / "1" / "ratings.csv").read_text().splitlines()[1:]
    assert {lines[place or 0]: reason for (_, place), reason in errors(workspace).items()} == {
        "1,2": "wrong_number_of_fields",
        ",3,4.0,964982703": "null_user_id",
        "1,3,4.0,soon": "timestamp_not_a_time",
    }


def test_tags_of_users_follow_genres(done: tuple[Path, str]) -> None:
    tags = {row["item_id"]: row["tags"] for row in rows(done[0], ITEMS)}
    assert tags["1"][:2] == ["Drama", "War"]
    assert all(tag.startswith("tag ") for tag in tags["1"][2:])
    assert 10 < len(tags["1"]) <= 22
    assert tags["2"][0].startswith("tag ")


def test_the_summary_ends_with_the_next_commands(done: tuple[Path, str]) -> None:
    workspace, printed = done
    assert "rows of the log read" in printed
    assert "invalid interactions: null_user_id" in printed
    command, _, of_all_stages = map(shlex.split, printed.strip().splitlines()[-3:])
    assert command[1:3] == ["-m", "pipelines.extract"]
    options = command[3:]
    values = metric_values(workspace)
    allowed = options[2]
    rate = float(allowed.removeprefix("--max_error_rate="))
    assert 0 <= rate - values["interactions_without_item", ""] / values["interactions", ""] < 0.01
    assert of_all_stages[1:] == ["-m", "pipelines.run_all", *options[:-1], f"--workspace={workspace}/results"]
    assert options == [
        f"--interactions={workspace}/interactions",
        f"--items={workspace}/items",
        allowed,
        f"--workspace={workspace}/journeys",
    ]
    tolerant = [*options, ANY_RUNNER, "--buckets=2", "--allow_empty"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert run_job(ExtractJob, tolerant) == 0
    assert metric_values(workspace / "journeys")["interactions_read", ""] == 1505


@pytest.mark.parametrize(
    ("splits", "seed", "options"),
    [
        (3, 2, ()),
        (1, 3, ("--runner=DirectRunner",)),
        (2, 4, ("--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing")),
    ],
    ids=["three folders", "DirectRunner", "two processes"],
)
def test_same_bytes_for_any_files_and_order(
    done: tuple[Path, str],
    tmp_path: Path,
    splits: int,
    seed: int,
    options: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # of workers that are processes of their own
    source = generate(tmp_path / "in", splits, seed)
    succeed("--format=movielens", f"--input={source}", f"--workspace={tmp_path / 'out'}", *options)
    for schema in (INTERACTIONS, ITEMS):
        assert content(tmp_path / "out", schema) == content(done[0], schema), schema.name
    ours, theirs = (
        {key: value for key, value in metric_values(place).items() if "item_tags" not in key[0]}
        for place in (tmp_path / "out", done[0])
    )
    assert ours == theirs


def test_the_number_of_parts_does_not_change_the_rows(done: tuple[Path, str], tmp_path: Path) -> None:
    source = generate(tmp_path / "in", 2, 5)
    succeed("--format=movielens", f"--input={source}", f"--workspace={tmp_path / 'out'}", "--parts=3")
    assert len(manifest(tmp_path / "out", INTERACTIONS).parts) == 3
    for schema in (INTERACTIONS, ITEMS):
        ours, theirs = (sorted(map(repr, rows(workspace, schema))) for workspace in (tmp_path / "out", done[0]))
        assert ours == theirs


def test_too_many_invalid_rows_commit_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = publish(
        tmp_path / "in",
        published.MOVIELENS_CSV | {"ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,soon\n1,1,4.0,964982703\n"},
    )
    code, _ = ingest("--format=movielens", f"--input={source}", f"--workspace={tmp_path / 'out'}")
    assert code == 1
    assert "1 of 2 rows of interactions are invalid (1 x timestamp_not_a_time)" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*/_manifest.json"))
    assert not list(tmp_path.glob("out/*/*.parquet"))


def test_a_file_that_was_cut_off_fails_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = publish(tmp_path / "in", published.AMAZON_2023, compressed=True)
    path = source / "All_Beauty.jsonl.gz"
    whole = path.read_bytes()
    lines = "".join(
        json.dumps(
            {"user_id": f"u{row * 7919}", "parent_asin": "B00YQ6X8EO", "timestamp": 1588687728923 + row, "rating": 5.0}
        )
        + "\n"
        for row in range(50_000)
    )
    publish(source, {"All_Beauty.jsonl": lines}, compressed=True)
    assert whole != path.read_bytes()
    path.write_bytes(path.read_bytes()[:-1000])
    code, _ = ingest("--format=amazon", f"--input={source}", f"--workspace={tmp_path / 'out'}")
    assert code == 1
    assert "All_Beauty.jsonl.gz: cannot be read after row" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*/_manifest.json"))


LOGS = {
    "mind": (published.MIND, "utf-8", (3, 3), ("entries of impressions without a click", "column history")),
    "kuairand": (published.KUAIRAND, "utf-8", (2, 2), ("videos that were shown and not clicked", "without a title")),
    "amazon": (published.AMAZON_2018, "utf-8", (1, 1), ()),
    "lastfm": (published.LASTFM, "utf-8", (3, 3), ()),
    "retail": (published.RETAIL, "latin-1", (5, 3), ("lines of cancelled orders", "lines without a customer")),
}
"""Files and encoding of a log, the numbers of interactions and items, and what the summary says."""


@pytest.mark.parametrize("name", LOGS)
def test_other_published_logs(tmp_path: Path, name: str) -> None:
    files, encoding, kept, texts = LOGS[name]
    source = publish(tmp_path / "in", files, encoding)
    printed = succeed(f"--format={name}", f"--input={source}", f"--workspace={tmp_path / 'out'}")
    assert (len(rows(tmp_path / "out", INTERACTIONS)), len(rows(tmp_path / "out", ITEMS))) == kept
    assert rows(tmp_path / "out", ERRORS) == []
    assert [text for text in texts if text not in printed] == []


SHORT = "user,item,time\n1,2,2020-01-01\n1,3,2020-01-02\n"
REFUSALS = {
    "no log": (
        "movielens",
        {"movies.csv": "movieId,title,genres\n"},
        "no file with the interactions of MovieLens; such a file is named ratings.csv, ratings.dat, u.data",
    ),
    "a catalogue without a column": (
        "movielens",
        {"ratings.csv": "userId,movieId,rating,timestamp\n", "movies.csv": "movieId,name\n"},
        "no column 'title', 'genres'; the file has movieId, name",
    ),
    "two versions": (
        "movielens",
        published.MOVIELENS_CSV | published.MOVIELENS_100K,
        "files of several versions of MovieLens",
    ),
    "a spreadsheet": ("retail", {"Online Retail.xlsx": "PK"}, "write each of its sheets as CSV: duckdb -c"),
    "an archive": ("mind", {"MINDsmall_train.zip": "PK"}, "this is an archive: unpack it"),
    "too few fields": (
        "mind",
        published.MIND | {"train/behaviors.tsv": "U1\tN1\n"},
        "the first row has 2 fields, not 5 fields",
    ),
    "no titles": ("csv", {"log.csv": SHORT}, "the log has no column that looks like a title"),
    "no times": (
        "csv",
        {"log.csv": "who,what\n1,2\n"},
        "no column looks like timestamp; give it: --columns=timestamp=NAME; the file has who, what",
    ),
    "no JSON": ("jsonl", {"log.jsonl": "user,item\n"}, "the first line is no JSON object"),
    "no rows": ("csv", {"log.bin": "x"}, "log.bin: the file has no rows"),
    "other files": ("jsonl", {"a.csv": "x", "b.csv": "x"}, "no file is named .jsonl, .json, .ndjson"),
}
"""A format, files, and the message."""


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    name, files, message = REFUSALS[case]
    source = publish(tmp_path / "in", files)
    assert ingest(f"--format={name}", f"--input={source}", f"--workspace={tmp_path / 'out'}")[0] == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "files", "option", "message"),
    [
        ("mind", published.MIND, "--columns=user_id=x", "--columns is for --format=csv, jsonl, parquet"),
        ("mind", published.MIND, "--timestamp_unit=ms", "--timestamp_unit is for --format=csv, jsonl, parquet"),
        ("mind", published.MIND, "--lastfm_items=artist", "--lastfm_items is for --format=lastfm"),
        ("movielens", published.MOVIELENS_CSV, "--date_order=month_first", "--date_order has no effect"),
        ("csv", {"log.csv": SHORT}, "--lastfm_items=artist", "--lastfm_items is for --format=lastfm"),
        ("csv", {"log.csv": SHORT}, "--columns=title=name", "no column 'name'; the file has user, item, time"),
        ("csv", {"log.csv": SHORT}, "--columns=timestamp=item", "--timestamp_unit="),
        ("csv", {"log.csv": SHORT}, "--item_columns=title=x", "--item_columns are those of a catalogue"),
        ("csv", {"log.csv": SHORT}, "--items_input=missing", "--items_input: no such file or folder"),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, files: dict[str, str], option: str, message: str
) -> None:
    source = publish(tmp_path / "in", files)
    assert ingest(f"--format={name}", f"--input={source}", f"--workspace={tmp_path / 'out'}", option)[0] == 2
    assert message in capsys.readouterr().err


def test_a_workspace_inside_the_input_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = publish(tmp_path / "in", published.MIND)
    assert ingest("--format=mind", f"--input={source}", f"--workspace={source / 'out'}")[0] == 2
    assert "lies inside an input" in capsys.readouterr().err


def test_a_dry_run_of_a_published_log_shows_what_its_rows_become(tmp_path: Path) -> None:
    news = published.MIND["train/news.tsv"].replace("Another headline", "[bold] An [/odd] headline")
    source = publish(tmp_path / "in", published.MIND | {"train/news.tsv": news, "notes.txt": "x"})
    printed = succeed("--format=mind", f"--input={source}", f"--workspace={tmp_path / 'out'}", "--dry_run")
    assert "2019-11-11 09:05:58+00:00 · 2019-11-12 18:11:30+00:00" in printed
    assert "sports, football_nfl" in printed
    assert f"not read: {source}/notes.txt: no file of MIND has this name" in printed
    assert printed.index("behaviors.tsv") < printed.index("news.tsv")
    assert not (tmp_path / "out").exists()


def test_format_and_input_are_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ingest()[0] == 2
    assert "--format and --input are required" in capsys.readouterr().err
    assert ingest("--format=csv", f"--input={tmp_path / 'none'}")[0] == 2
    assert "--input: no such file or folder" in capsys.readouterr().err


def unknown_log(folder: Path) -> tuple[pa.Table, Path]:
    """A log with unusual names and its own titles, as a table and as CSV."""
    chance = np.random.default_rng(4)
    products = chance.integers(0, 12, 300)
    table = pa.table(
        {
            "ticket": [str(90_000 + row) for row in range(300)],
            "shopper": [f"s{user}" for user in chance.integers(0, 20, 300)],
            "code": [f"K{product}" for product in products],
            "wording": [
                f"Kettle of type {product}{' old' if row % 9 == 0 else ''}" for row, product in enumerate(products)
            ],
            "moment": [f"{1 + row % 12}/{1 + row % 28}/2011 8:{row % 60:02}" for row in range(300)],
            "pieces": [str(1 + row % 5) for row in range(300)],
        }
    )
    folder.mkdir(parents=True)
    pa_csv.write_csv(table, folder / "log.csv", pa_csv.WriteOptions(delimiter=";"))
    return table, folder / "log.csv"


def test_a_dry_run_proposes_columns_which_then_are_used(tmp_path: Path) -> None:
    table, path = unknown_log(tmp_path / "in")
    given = ("--columns=user_id=shopper,item_id=code,value=pieces", "--format=csv", f"--input={path}")
    workspace = f"--workspace={tmp_path / 'out'}"
    printed = succeed(*given, workspace, "--dry_run")
    assert not (tmp_path / "out").exists()
    options = shlex.split(printed.strip().splitlines()[-1])
    assert options == [
        "--columns=timestamp=moment,user_id=shopper,item_id=code,value=pieces,title=wording",
        "--date_order=month_first",
    ]
    assert "Kettle of type" in printed
    assert "the only column of times" in printed
    succeed(f"--input={path}", "--format=csv", *options, workspace)
    found = rows(tmp_path / "out", INTERACTIONS)
    assert len(found) == 300
    assert sum(float(str(row["value"])) for row in found) == sum(map(int, table["pieces"].to_pylist()))
    items = {row["item_id"]: row["title"] for row in rows(tmp_path / "out", ITEMS)}
    assert items == {f"K{product}": f"Kettle of type {product}" for product in range(12)}


def test_the_examples_of_a_proposal_are_as_in_the_file(tmp_path: Path) -> None:
    text = "user,item,time,title\n" + "".join(
        f"{row % 9}.0,00{row % 7},2020-01-0{1 + row % 9},A {row % 7}\n" for row in range(40)
    )
    source = publish(tmp_path / "in", {"log.csv": text})
    printed = succeed("--format=csv", f"--input={source}", f"--workspace={tmp_path / 'out'}", "--dry_run")
    assert "0.0 · 1.0 · 2.0" in printed
    assert "000 · 001 · 002" in printed


def test_jsonl_and_parquet_give_what_csv_gives(tmp_path: Path) -> None:
    _, path = unknown_log(tmp_path / "in")
    columns = "--columns=timestamp=moment,user_id=shopper,item_id=code,value=pieces,title=wording"
    table = pa_csv.read_csv(path, parse_options=pa_csv.ParseOptions(delimiter=";"))
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    assert pa_json.read_json(tmp_path / "log.jsonl").num_rows == 300
    pq.write_table(table, tmp_path / "log.parquet")
    for name, source in (("csv", path), ("jsonl", tmp_path / "log.jsonl"), ("parquet", tmp_path / "log.parquet")):
        succeed(f"--format={name}", f"--input={source}", f"--workspace={tmp_path / name}", columns)
    for name in ("jsonl", "parquet"):
        for schema in (INTERACTIONS, ITEMS):
            assert content(tmp_path / name, schema) == content(tmp_path / "csv", schema)


def test_a_catalogue_of_its_own(tmp_path: Path) -> None:
    source = publish(
        tmp_path / "in",
        {
            "log.csv": "user,item,time\nu1,1,2020-01-01\nu1,2,2020-01-02T10:00:00+02:00\nu2,9,1577836800\n",
            "items.csv": "item,name,category,text\n1,[One] thing,a;b,x\n2,Two things,c,y\n2,Two things,c,y\n",
        },
    )
    printed = succeed(
        "--format=csv",
        f"--input={source / 'log.csv'}",
        f"--items_input={source / 'items.csv'}",
        f"--workspace={tmp_path / 'out'}",
        "--item_columns=description=",
    )
    assert "--item_columns=item_id=item,title=name,tags=category" in printed
    assert "33% of the interactions have items that the catalogue does not have" in printed
    commands = [line for line in printed.splitlines() if "-m pipelines." in line]
    assert [line.split().count("--max_error_rate=0.34") for line in commands] == [1, 1]
    assert {row["item_id"]: row["tags"] for row in rows(tmp_path / "out", ITEMS)} == {"1": ["a", "b"], "2": ["c"]}
    assert {row["description"] for row in rows(tmp_path / "out", ITEMS)} == {None}
    assert "[One] thing" in printed
    assert metric_values(tmp_path / "out")["items_repeated", ""] == 1


def test_texts_of_another_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "user,item,time,title\nu1,1,2020-01-01,Caf\xe9 one\nu2,1,2020-01-02,Caf\xe9 one\nu2,2,2020-01-02,Plain two\n"
    source = publish(tmp_path / "in", {"log.csv": text}, "latin-1")
    options = ("--format=csv", f"--input={source}")
    assert ingest(*options, f"--workspace={tmp_path / 'refused'}")[0] == 2
    assert (
        "in column 'title' is not UTF-8: give --encoding=cp1252, by which it is 'Caf\xe9 one'"
        in capsys.readouterr().err
    )
    succeed(*options, f"--workspace={tmp_path / 'decoded'}", "--encoding=latin-1")
    assert {row["title"] for row in rows(tmp_path / "decoded", ITEMS)} == {"Caf\xe9 one", "Plain two"}
    assert [ingest(*options, f"--encoding={name}")[0] for name in ("latin-99", "rot13")] == [2, 2]


def test_single_damaged_texts_of_utf8_are_left_out(tmp_path: Path) -> None:
    lines = ["user,item,time,title", *(f"u{row % 2},{row},2020-01-01,Caf\xe9 {row}" for row in range(5))]
    text = "\n".join(lines).encode().replace(b"\xc3\xa9 3", b"\xe9 3")
    (tmp_path / "log.csv").write_bytes(text)
    printed = succeed("--format=csv", f"--input={tmp_path / 'log.csv'}", f"--workspace={tmp_path / 'out'}")
    assert "interactions: 1 values of title could not be read" in printed
    assert {row["title"] for row in rows(tmp_path / "out", ITEMS) if row["item_id"] in ("3", "4")} == {"", "Caf\xe9 4"}


def test_long_texts_of_a_log_are_counted(tmp_path: Path) -> None:
    lines = [
        "user,item,time,title",
        *(f"u{row % 2},{row % 3},2020-01-01,{'word ' * (300 * (row % 3))}" for row in range(9)),
    ]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    printed = succeed("--format=csv", f"--input={tmp_path / 'log.csv'}", f"--workspace={tmp_path / 'out'}")
    assert "interactions: 6 texts of title have more than 1,000 characters" in printed


_LOG = "user_id,item_id,title,timestamp\n"
_ROWS = "".join(f"u{row % 3},i{row % 5},One thing of {row % 5},{1_700_000_000 + row}\n" for row in range(30))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ((_LOG + _ROWS).encode("utf-16"), ()),
        ((_LOG + _ROWS).encode("utf-16-le"), ("--encoding=utf-16",)),
        ((_LOG + _ROWS).replace("thing", "c\xf4t\xe9").encode("cp1252"), ("--encoding=cp1252",)),
        ((_LOG + _ROWS).replace("title", "t\xedtulo").encode("latin-1"), ("--encoding=latin-1",)),
        (f"sep=;\n{_LOG}{_ROWS}".replace(",", ";").encode(), ()),
        ((_LOG + re.sub("(One.*),", r'"The \\"one\\", \1",', _ROWS)).encode(), ()),
        ("".join(f"{row},{line}\n" for row, line in enumerate(_ROWS.splitlines())).encode(), ("index",)),
        ((_LOG + _ROWS).replace("\n", ",\n").encode(), ()),
        ((_LOG + _ROWS).replace("\n", ",,\n").encode(), ()),
        ((_LOG.replace("title", '"title\n(en)"') + _ROWS).encode(), ()),
    ],
    ids=["utf-16", "no mark", "cp1252", "names", "sep", "backslashes", "index", "empty", "two empty", "line end"],
)
def test_csv_of_any_origin_is_read(tmp_path: Path, content: bytes, options: tuple[str, ...]) -> None:
    if options == ("index",):
        content, options = f",{_LOG}".encode() + content, ()
    (tmp_path / "log.csv").write_bytes(content)
    printed = succeed(
        "--format=csv", f"--input={tmp_path / 'log.csv'}", f"--workspace={tmp_path / 'out'}", "--dry_run", *options
    )
    assert "u0 \xb7 u1 \xb7 u2" in printed
    assert "timestamp=timestamp" in printed


@pytest.mark.parametrize(
    ("format_name", "content", "message"),
    [
        ("csv", b"PAR1\x00", "give --format=parquet"),
        ("csv", b"id,title\n1,2,3\n1,2,3\n", "2 of the first 2 rows have another number of fields than the first line"),
        ("csv", _LOG.encode() + _ROWS.replace(",One", ",\xe9").encode("latin-1"), "give --encoding=cp1252"),
        ("csv", _ROWS.encode(), "give names for its 4 fields: --header=NAME,NAME,..."),
        ("csv", b"u1,i1,One thing,2024-01-15 10:00\n" * 9, "the first line has no names of columns"),
        ("jsonl", b"{'user_id': 1}\n", "the first line is no JSON object: \"{'user_id': 1}\""),
        ("jsonl", b'[{"user_id": 1},\n{"user_id": 2}]', "the file is an array of JSON"),
        ("jsonl", b'{\n "user_id": 1\n}\n', "objects of JSON extend over several lines"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format_name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    assert ingest(f"--format={format_name}", f"--input={path}", f"--workspace={tmp_path / 'out'}")[0] == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert str(path) in printed or "in column 'title'" in printed


@pytest.mark.parametrize("log", ["_delta_log/0.json", "metadata/v1.metadata.json", ".hoodie/hoodie.properties"])
def test_folders_of_table_formats_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], log: str) -> None:
    source = SAMPLES / "github_stars" / "interactions.parquet"
    table = tmp_path / "table"
    (table / log).parent.mkdir(parents=True)
    (table / log).write_text("{}")
    (table / "a.parquet").write_bytes(source.read_bytes())
    assert ingest("--format=parquet", f"--input={table}", f"--workspace={tmp_path / 'out'}")[0] == 2
    assert "whose log says which of its files are current" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{}.0", "item '1.0' of the log is '1' in the catalogue"),
        ("000{}", "item '0001' of the log is '1' in the catalogue"),
        ("sku-{}", "such as 'sku-1'; the first id of the catalogue is '1'"),
    ],
)
def test_a_catalogue_of_other_ids_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, message: str
) -> None:
    source = publish(
        tmp_path / "in",
        {
            "log.csv": "user,item,time\n" + "".join(f"u{row},{form.format(1 + row)},2020-01-01\n" for row in range(9)),
            "items.csv": "item,title\n" + "".join(f"{1 + row},Thing of {row}\n" for row in range(9)),
        },
    )
    options = [
        f"--input={source / 'log.csv'}",
        f"--items_input={source / 'items.csv'}",
        f"--workspace={tmp_path / 'out'}",
    ]
    assert ingest("--format=csv", "--columns=item_id=item,user_id=user", *options)[0] == 1
    printed = capsys.readouterr().err
    assert "9 of 9 interactions have items that the catalogue lacks" in printed
    assert message in printed
    assert not list(tmp_path.glob("out/*/_manifest.json"))
    succeed("--format=csv", "--columns=item_id=item,user_id=user", *options, "--max_error_rate=1")


def test_items_without_any_title_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _LOG + "".join(f"u{row},i{row},,2020-01-01\n" for row in range(9))
    source = publish(tmp_path / "in", {"log.csv": text})
    options = (f"--input={source}", f"--workspace={tmp_path / 'out'}", "--columns=title=title")
    assert ingest("--format=csv", *options)[0] == 1
    assert "9 of 9 items have no title" in capsys.readouterr().err


def test_a_log_without_a_first_row_of_names(tmp_path: Path) -> None:
    source = publish(tmp_path / "in", {"log.tsv": "u1\ti1\t964982703\tOne thing\nu2\ti1\t964982704\tOne thing\n"})
    succeed(
        "--format=csv",
        f"--input={source}",
        "--header=user,item,time,title",
        f"--workspace={tmp_path / 'out'}",
    )
    assert len(rows(tmp_path / "out", INTERACTIONS)) == 2


@pytest.mark.parametrize(
    ("name", "interactions", "items"),
    [("arxiv_authors", 69_622, 33_771), ("github_stars", 4_536, 4_269)],
)
def test_real_logs_are_guessed_and_read_whole(tmp_path: Path, name: str, interactions: int, items: int) -> None:
    log = f"--input={SAMPLES / name / 'interactions.parquet'}"
    catalogue = f"--items_input={SAMPLES / name / 'items.parquet'}"
    succeed("--format=parquet", log, catalogue, f"--workspace={tmp_path / 'out'}")
    values = metric_values(tmp_path / "out")
    assert (values["interactions", ""], values["items", ""]) == (interactions, items)
    assert values["interactions_without_item", ""] == 0


def test_a_real_log_of_a_shop_is_read_as_published(tmp_path: Path) -> None:
    """The real rows of Online Retail, written as the CSV of the publication again."""
    log = pq.read_table(SAMPLES / "online_retail" / "interactions.parquet").slice(0, 20_000)
    titles = pq.read_table(SAMPLES / "online_retail" / "items.parquet", columns=["item_id", "title"])
    names = dict(zip(*(titles[name].to_pylist() for name in ("item_id", "title")), strict=True))
    published_rows = pa.table(
        {
            "InvoiceNo": [
                ("C" if event == "return" else "") + str(536365 + place)
                for place, event in enumerate(log["event"].to_pylist())
            ],
            "StockCode": log["item_id"],
            "Description": [names[item] for item in log["item_id"].to_pylist()],
            "Quantity": log["value"].cast(pa.int64()),
            "InvoiceDate": log["timestamp"].cast(pa.timestamp("s")).cast(pa.string()),
            "UnitPrice": ["1.0"] * log.num_rows,
            "CustomerID": [f"{user}.0" for user in log["user_id"].to_pylist()],
            "Country": ["United Kingdom"] * log.num_rows,
        }
    )
    (tmp_path / "in").mkdir()
    pa_csv.write_csv(published_rows, tmp_path / "in" / "retail.csv")
    succeed("--format=retail", f"--input={tmp_path / 'in'}", f"--workspace={tmp_path / 'out'}")
    kept = [row for row in log.to_pylist() if row["event"] == "purchase"]
    found = rows(tmp_path / "out", INTERACTIONS)
    keys = ("user_id", "item_id", "timestamp", "value")
    assert sorted(tuple(row[key] for key in keys) for row in found) == sorted(
        tuple(row[key] for key in keys) for row in kept
    )
    assert metric_values(tmp_path / "out")["interactions_dropped", "cancelled"] == log.num_rows - len(kept)
    assert len(rows(tmp_path / "out", METRICS)) > 3
