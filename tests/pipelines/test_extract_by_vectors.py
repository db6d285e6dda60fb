"""The real command with vectors: of an encoder, or of one's own; and with salient terms of one's own."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.common.run import run_job
from pipelines.extract import checks
from pipelines.salience import job as salience_job
from schemas import EMBEDDINGS, JOURNEYS, SALIENT_TERMS
from tests.pipelines.logs import ITEMS, LOG, TOPICS, content, errors, extract, manifest, metric_values, rows, write
from tests.transforms.encoders.fake_encoder import WordSource, word_vector

TITLES = dict(zip(ITEMS["item_id"].to_pylist(), ITEMS["title"].to_pylist(), strict=True))
VECTORS = pa.table({"item_id": list(TITLES), "embedding": [word_vector(title) for title in TITLES.values()]})


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    folder = write(tmp_path, {"log.parquet": LOG, "items.parquet": ITEMS, "vectors.parquet": VECTORS})
    return folder / "log.parquet", folder / "items.parquet"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WordSource:
    """An encoder that the command takes for the one that `--encoder` names."""
    found = WordSource(tmp_path)
    monkeypatch.setattr(checks, "resolve_encoder", lambda _option, _name: found)
    return found


def topics_of(journey: dict[str, list[str]]) -> set[str]:
    return {TITLES[item].rpartition(" ")[0] for item in journey["item_ids"]}


def test_journeys_by_an_encoder(
    tmp_path: Path, inputs: tuple[Path, Path], source: WordSource, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "out"
    assert extract(workspace, *inputs, "--encoder=words") == 0
    journeys = rows(workspace, JOURNEYS)
    assert {next(iter(topics_of(journey))) for journey in journeys} == set(TOPICS)
    assert all(len(topics_of(journey)) == 1 for journey in journeys)
    assert all(topics_of(journey) <= set(journey["terms"]) for journey in journeys)
    assert len(rows(workspace, EMBEDDINGS)) == sum(source.calls()) == 60
    assert "embeddings" in capsys.readouterr().out
    assert manifest(workspace, JOURNEYS).configuration["encoder"] == "toy"

    before = content(workspace, JOURNEYS)
    assert extract(workspace, *inputs, "--encoder=words") == 0
    assert extract(tmp_path / "other", *inputs, "--encoder=words", f"--embeddings={workspace}") == 0
    assert sum(source.calls()) == 60
    assert content(workspace, JOURNEYS) == content(tmp_path / "other", JOURNEYS) == before
    assert content(tmp_path / "other", EMBEDDINGS) == content(workspace, EMBEDDINGS)


def test_learned_terms_are_those_of_the_program_that_learns(
    tmp_path: Path, inputs: tuple[Path, Path], source: WordSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salience_job, "resolve_encoder", lambda _option, _name: source)
    learns = [f"--items={inputs[1]}", "--encoder=words", "--salience_model=default", "--max_terms=16"]
    assert run_job(salience_job.SalienceJob, [*learns, f"--workspace={tmp_path / 'salience'}"]) == 0
    assert extract(tmp_path / "out", *inputs, "--encoder=words", "--scorer=learned") == 0
    found = rows(tmp_path / "out", SALIENT_TERMS)
    assert found == rows(tmp_path / "salience", SALIENT_TERMS)
    assert any(term not in TITLES[row["item_id"]] for row in found for term in row["terms"])
    assert manifest(tmp_path / "out", JOURNEYS).configuration["scorer"] == "learned"

    assert extract(tmp_path / "words", *inputs, "--encoder=words") == 0
    assert found != rows(tmp_path / "words", SALIENT_TERMS)
    members = [[row["item_ids"] for row in rows(tmp_path / name, JOURNEYS)] for name in ("out", "words")]
    assert members[0] == members[1]


def test_vectors_of_ones_own_are_those_of_an_encoder(
    tmp_path: Path, inputs: tuple[Path, Path], source: WordSource
) -> None:
    assert extract(tmp_path / "encoder", *inputs, "--encoder=words") == 0
    assert extract(tmp_path / "own", *inputs, f"--item_embeddings={tmp_path / 'vectors.parquet'}") == 0
    assert content(tmp_path / "own", JOURNEYS) == content(tmp_path / "encoder", JOURNEYS)
    assert not (tmp_path / "own" / "embeddings").exists()
    assert source.loads() == 1


def test_items_without_a_vector_are_in_no_journey(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    existing = VECTORS.slice(2)
    unknown = dict.fromkeys(VECTORS["item_id"].to_pylist()[:1])
    null = pa.table({"item_id": list(unknown), "embedding": pa.array(list(unknown.values()), pa.list_(pa.float32()))})
    again = pa.table({"item_id": existing["item_id"][:1], "embedding": [[9.0] * 256]})
    broken = pa.table({"item_id": ["x"], "embedding": [[float("nan")] * 256]})
    cast = [
        table.cast(pa.schema({"item_id": pa.string(), "embedding": pa.list_(pa.float32())}))
        for table in (existing, null, again, broken)
    ]
    write(tmp_path, {"some.parquet": pa.concat_tables(cast)})
    assert extract(tmp_path / "out", *inputs, f"--item_embeddings={tmp_path / 'some.parquet'}") == 0
    journeys = rows(tmp_path / "out", JOURNEYS)
    absent = set(VECTORS["item_id"].to_pylist()[:2])
    assert absent.isdisjoint(item for journey in journeys for item in journey["item_ids"])
    visits = sum(item in absent for item in LOG["item_id"].to_pylist())
    assert metric_values(tmp_path / "out")["interactions_without_vectors", ""] == visits
    assert sorted(errors(tmp_path / "out").values()) == ["duplicate_item", "embedding_not_finite"]


def test_vectors_of_several_lengths_are_refused(
    tmp_path: Path, inputs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"odd.parquet": pa.table({"item_id": list(TITLES), "embedding": [[1.0] * 3] * 59 + [[1.0] * 4]})})
    assert extract(tmp_path / "out", *inputs, f"--item_embeddings={tmp_path / 'odd.parquet'}") == 1
    reported = capsys.readouterr().err
    assert "vectors of items must have one length, got lengths [3, 4]; nothing was committed" in reported
    assert not (tmp_path / "out" / "journeys").exists()


@pytest.mark.parametrize("join", ["broadcast", "shuffle"])
def test_salient_terms_of_ones_own(tmp_path: Path, inputs: tuple[Path, Path], join: str) -> None:
    """Items are taken apart by what is given, which is another thing than their titles say."""
    items = list(TITLES)[:50]
    terms = [[f"group{number % 2}", "all"] for number in range(50)]
    given = pa.table(
        {"item_id": [*items, "gone"], "terms": [*terms, ["gone"]], "saliences": [[0.9, 0.01]] * 50 + [[1.0]]}
    )
    write(tmp_path, {"terms.parquet": given})
    by_terms = ("--cluster_by=terms", "--threshold=0.5", f"--catalogue_join={join}")
    assert extract(tmp_path / "out", *inputs, f"--salient_terms={tmp_path / 'terms.parquet'}", *by_terms) == 0
    assert len(rows(tmp_path / "out", SALIENT_TERMS)) == len(TITLES)
    for journey in rows(tmp_path / "out", JOURNEYS):
        assert journey["terms"][0] in ("group0", "group1")
        assert {f"group{items.index(item) % 2}" for item in journey["item_ids"]} == set(journey["terms"][:1])
    assert not errors(tmp_path / "out")
