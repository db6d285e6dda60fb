"""The real command on a small catalogue, a log and collections; and what it says when it cannot run."""

import contextlib
import dataclasses
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.common.run import run_job
from pipelines.salience import job as salience_job
from pipelines.salience.job import SalienceJob
from schemas import EMBEDDINGS, ERRORS, METRICS, SALIENCE_MODEL, SALIENT_TERMS, TIMESTAMP
from tests.pipelines.logs import content, manifest, rows, write
from tests.transforms.salience.topic_catalogue import TOPICS, TopicSource, rows_of_items

ROOT = Path(__file__).parents[2]
COUNT = 1500


@dataclasses.dataclass(frozen=True)
class Source(TopicSource):
    kind: str = "minilm"


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that a test leaves to their defaults lie in a folder of its own; the encoder needs no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of workers that are processes of their own
    monkeypatch.setattr(salience_job, "resolve_encoder", lambda _option, _name: Source())


def catalogue(tagged: float = 1.0) -> pa.Table:
    described = rows_of_items(COUNT, tagged, named=0.2)
    described.append(described[0] | {"title": "zzz again"})
    described.append({"item_id": "", "title": "no id", "tags": None})
    columns = {"item_id": pa.string(), "title": pa.string(), "tags": pa.list_(pa.string())}
    return pa.Table.from_pylist(described, pa.schema(columns))


def salience(*options: str) -> str:
    """Runs the command, which must succeed; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(SalienceJob, ["--max_error_rate=0.1", "--min_association=0.99", *options]) == 0
    return printed.getvalue()


def learned_from(workspace: Path) -> str:
    (found,) = [row["slice"] for row in rows(workspace, METRICS) if row["metric"] == "model_trained_on"]
    return str(found)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("salience"), {"items.parquet": catalogue()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(salience_job, "resolve_encoder", lambda _option, _name: Source())
        reported = salience(
            f"--items={folder / 'items.parquet'}", f"--workspace={folder / 'out'}", "--runner=FnApiRunner"
        )
    assert "model trained on: tags and queries" in reported
    assert "expected calibration error" in reported
    return folder / "out"


def test_datasets(workspace: Path) -> None:
    found = {str(row["item_id"]): row for row in rows(workspace, SALIENT_TERMS)}
    assert len(found) == COUNT
    for row in rows_of_items(6):
        terms = found[row["item_id"]]["terms"]
        assert isinstance(terms, list)
        assert row["tags"][0] in terms
        assert len(set(terms) & set(TOPICS[row["tags"][0]])) > 2  # more than the two that stand in the title
    assert learned_from(workspace) == "tags and queries"
    assert {row["reason"] for row in rows(workspace, ERRORS)} == {"duplicate_item", "empty_item_id"}
    assert len(rows(workspace, EMBEDDINGS)) > 100
    assert {"intercept", "nearness"} < {row["feature"] for row in rows(workspace, SALIENCE_MODEL)}
    configuration = manifest(workspace, SALIENT_TERMS).configuration
    assert configuration["trains"]
    assert configuration["encoder_fingerprint"] == "topics"


@pytest.mark.parametrize(
    "options",
    [("--runner=DirectRunner",), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")],
    ids=["DirectRunner", "two processes"],
)
def test_same_bytes_whoever_computes_and_in_whatever_order(
    tmp_path: Path, workspace: Path, options: tuple[str, ...]
) -> None:
    whole = catalogue()
    shuffled = whole.take(np.random.default_rng(1).permutation(whole.num_rows))
    folder = write(tmp_path / "in", {"a.parquet": shuffled.slice(0, 100), "b.parquet": shuffled.slice(100)})
    salience(f"--items={folder}", *options)
    for schema in (SALIENT_TERMS, SALIENCE_MODEL, METRICS):
        assert content(tmp_path / "salience", schema) == content(workspace, schema), schema.name


def test_a_model_and_vectors_of_a_run_before_are_used_again(tmp_path: Path, workspace: Path) -> None:
    folder = write(tmp_path / "in", {"items.parquet": catalogue()})
    salience(f"--items={folder}", f"--previous={workspace}", f"--salience_model={workspace}", "--runner=FnApiRunner")
    again = tmp_path / "salience"
    assert learned_from(again) == "nothing"
    assert rows(again, SALIENCE_MODEL) == rows(workspace, SALIENCE_MODEL)
    assert rows(again, SALIENT_TERMS) == rows(workspace, SALIENT_TERMS)
    metric_values = {row["metric"]: row["value"] for row in rows(again, METRICS)}
    assert metric_values["texts_encoded"] == 0
    assert len(rows(again, EMBEDDINGS)) == len(rows(workspace, EMBEDDINGS))
    assert manifest(again, SALIENT_TERMS).inputs[SALIENCE_MODEL.name] == manifest(workspace, SALIENCE_MODEL).digest


def test_a_catalogue_without_tags(tmp_path: Path) -> None:
    log = pa.table(
        {
            "user_id": [f"u{number % 6}" for number in range(COUNT)],
            "item_id": [f"i{number:04}" for number in range(COUNT)],
            "timestamp": pa.array(range(10**15, 10**15 + COUNT), TIMESTAMP),
        }
    )
    folder = write(tmp_path / "in", {"items.parquet": catalogue(0.0), "log.parquet": log})
    salience(f"--items={folder / 'items.parquet'}", "--runner=FnApiRunner")
    assert learned_from(tmp_path / "salience") == "nothing"
    salience(f"--items={folder / 'items.parquet'}", f"--interactions={folder / 'log.parquet'}", "--runner=FnApiRunner")
    assert learned_from(tmp_path / "salience") == "titles consumed together"


def test_names_of_collections_are_tags(tmp_path: Path) -> None:
    topics = list(TOPICS)
    titles = [[row["title"] for row in rows_of_items(COUNT, named=0.2)[number::6]] for number in range(6)]
    table = pa.table(
        {
            "source": ["large"] * 6 + ["small"],
            "name": [*topics, "left out"],
            "item_titles": [*titles, ["nothing", "of", "this"]],
        }
    )
    folder = write(tmp_path / "in", {"collections.parquet": table})
    salience(f"--collections={folder}", "--min_collections_per_source=6", "--max_items=1200", "--runner=FnApiRunner")
    assert learned_from(tmp_path / "salience") == "tags and queries"
    found = rows(tmp_path / "salience", SALIENT_TERMS)
    assert len(found) == 1200
    assert not any("left" in str(row["terms"]) for row in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give either --items or --collections"),
        (("--items=x", "--collections=y"), "give either --items or --collections"),
        (("--collections=in.parquet", "--interactions=in.parquet"), "--interactions are for --items"),
        (("--items=in.parquet", "--interactions=x", "--salience_model=default"), "=default trains nothing"),
        (("--items=nowhere",), "--items: no such file or folder"),
        (("--items=in.parquet", "--salience_model=nowhere"), "--salience_model: no such file or folder"),
        (("--items=in.parquet", "--previous=nowhere"), "--previous: no such file or folder"),
        (("--items=in.parquet", "--neighbours=-1"), "argument --neighbours: must be a whole number, at least 0"),
        (("--items=in.parquet", "--item_columns=colour=x"), "items have no column 'colour'"),
        (("--items=in.parquet", "--neigbours=1"), "unknown option --neigbours; did you mean --neighbours?"),
    ],
)
def test_what_is_not_allowed_is_reported(
    options: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"in.parquet": catalogue()})
    assert run_job(SalienceJob, options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_a_folder_that_holds_something_else_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"in.parquet": catalogue(), "other/salience_model/x.parquet": catalogue()})
    assert run_job(SalienceJob, ["--items=in.parquet", "--salience_model=other"]) == 2
    assert "holds no salience_model that this version wrote" in capsys.readouterr().err.replace("\n", " ")
