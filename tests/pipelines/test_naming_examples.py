"""The real command on small collections; and what it says when it cannot run."""

import contextlib
import dataclasses
import io
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from pipelines.common.run import run_job
from pipelines.naming_examples import job as examples_job
from pipelines.naming_examples.job import NamingExamplesJob
from pipelines.naming_examples.summary import dropped_report
from schemas import COLLECTIONS, EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES, TUNING_PAIRS
from tests.pipelines.logs import content, errors, manifest, metric_values, rows, write
from tests.transforms.encoders.fake_encoder import WordSource
from transforms.extras import INSTALL_NAMING
from transforms.naming.validation import RejectionReason

ROOT = Path(__file__).parents[2]
SOURCES = 80
CRAFTS = ("weaving", "carving", "brewing", "grafting", "casting")
THINGS = ("willow", "cedar", "barley", "plum", "bronze", "linen", "oak")
PARTS = ("--test_fraction=0.2", "--validation_fraction=0.1", "--max_source_fraction=0.05")


@dataclasses.dataclass(frozen=True)
class Source(WordSource):
    kind: str = "words"

    def __str__(self) -> str:
        return self.kind


def collection(number: int) -> dict[str, object]:
    """A collection whose name and titles share words."""
    craft, thing, place = (
        CRAFTS[number % 5],
        THINGS[number % 7],
        f"valley{chr(97 + number % 26)}{chr(97 + number // 26)}",
    )
    titles = [f"{kind} {thing} {craft} {place}" for kind in ("early", "modern", "simple", "festive")]
    return {
        "source": f"person {number}",
        "name": f"{thing.title()} {craft} of {place}",
        "item_titles": titles,
        "item_descriptions": [f"All about {title}" for title in titles],
    }


def made() -> list[dict[str, object]]:
    whole = [collection(number) for number in range(SOURCES)]
    # A source with many collections, which must not dominate the metrics.
    whole += [collection(number) | {"source": "library"} for number in range(SOURCES, SOURCES + 15)]
    spoilt = collection(0) | {"source": "spoilt"}
    whole += [spoilt | {"name": "Favourites", "source": f"person {number}"} for number in range(3)]
    whole += [
        spoilt | {"name": "Something else entirely"},
        spoilt | {"name": "Willow weaving", "item_titles": ["one", "two"], "item_descriptions": None},
        spoilt | {"name": "Hot porn videos"},
    ]
    whole += [spoilt | {"source": ""}, spoilt | {"name": None}]
    return whole


def table(described: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(described, pa.schema([field.with_nullable(True) for field in COLLECTIONS.arrow]))


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that a test leaves to their defaults lie in a folder of its own; the encoder needs no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of workers that are processes of their own
    monkeypatch.setattr(examples_job, "resolve_encoder", lambda _option, _name: Source(tmp_path))


def make_examples(*options: str) -> str:
    """Runs the command, which must succeed; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(NamingExamplesJob, ["--min_relevance=0.5", *PARTS, *options]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collections, and the workspace `out` of a run on them; and its output."""
    folder = write(tmp_path_factory.mktemp("naming"), {"collections.parquet": table(made())})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples_job, "resolve_encoder", lambda _option, _name: Source(folder))
        message = make_examples(f"--collections={folder / 'collections.parquet'}", f"--workspace={folder / 'out'}")
    (folder / "message").write_text(message, encoding="utf-8")
    return folder


def test_collections_become_examples(folder: Path) -> None:
    examples = rows(folder / "out", NAMING_EXAMPLES)
    of_person = {str(row["source"]): row for row in examples if row["source"] != "library"}
    assert set(of_person) == {f"person {number}" for number in range(SOURCES)}
    first, given = of_person["person 1"], collection(1)
    assert (first["name"], first["titles"]) == (given["name"], given["item_titles"])
    assert "cedar" in first["terms"]
    assert len(first["terms"]) == len(first["weights"]) <= 10
    assert first["weights"] == sorted(first["weights"], reverse=True)
    assert first["relevance"] > 0.5
    configuration = manifest(folder / "out", NAMING_EXAMPLES).configuration
    assert configuration["examples"]["test_fraction"] == 0.2
    assert configuration["encoder_fingerprint"] == "toy"


def test_examples_become_tuning_pairs(folder: Path) -> None:
    splits = [str(row["split"]) for row in rows(folder / "out", NAMING_EXAMPLES)]
    pairs = rows(folder / "out", TUNING_PAIRS)
    found = [str(pair["split"]) for pair in pairs]
    assert {split: found.count(split) for split in set(found)} == {
        split: splits.count(split) * (2 if split == "train" else 1) for split in set(splits)
    }
    (first,) = (
        pair for pair in pairs if pair["completion"] == collection(1)["name"] and "0000-" in str(pair["pair_id"])
    )
    assert str(first["prompt"]).startswith("Titles:\n- ")
    prompt = manifest(folder / "out", TUNING_PAIRS).configuration["prompt"]
    assert prompt == {"prompt_fields": "titles", "max_items": 8, "instructions": "Name the interest."}


def test_no_source_is_in_two_parts_and_a_large_one_is_for_training(folder: Path) -> None:
    parts: dict[str, set[str]] = {}
    for row in rows(folder / "out", NAMING_EXAMPLES):
        parts.setdefault(str(row["split"]), set()).add(str(row["source"]))
    assert set(parts) == {"train", "validation", "test"}
    assert not parts["train"] & (parts["validation"] | parts["test"])
    assert not parts["validation"] & parts["test"]
    assert "library" in parts["train"]


def test_dropped_items_are_counted_and_reported(folder: Path) -> None:
    counted = metric_values(folder / "out")
    dropped = {slice_: number for (metric, slice_), number in counted.items() if metric == "collections_dropped"}
    expected = {"generic": 3, "irrelevant": 1, "few_titles": 1, "unsafe": 1}
    assert {reason: number for reason, number in dropped.items() if number} == expected
    examples = rows(folder / "out", NAMING_EXAMPLES)
    assert sum(number for (metric, _), number in counted.items() if metric == "examples") == len(examples)
    assert counted["collections_read", ""] == len(made()) == len(examples) + sum(dropped.values()) + 2
    assert errors(folder / "out") == {
        ("collections.parquet", len(made()) - 2): "empty_source",
        ("collections.parquet", len(made()) - 1): "null_name",
    }
    message = (folder / "message").read_text(encoding="utf-8")
    assert "dropped: generic name: 3" in message
    assert f"test: {sum(row['split'] == 'test' for row in examples)} examples of" in message
    assert str(min(examples, key=lambda row: str(row["example_id"]))["name"]) in message
    assert f"Written to {folder / 'out'}: tuning_pairs, naming_examples, metrics, errors, embeddings" in message


@pytest.mark.parametrize(
    "options",
    [("--runner=DirectRunner",), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")],
    ids=["DirectRunner", "two processes"],
)
def test_same_bytes_whoever_computes_and_in_whatever_order(
    tmp_path: Path, folder: Path, options: tuple[str, ...]
) -> None:
    whole = table(made())
    shuffled = whole.take(np.random.default_rng(1).permutation(whole.num_rows))
    shuffled = shuffled.rename_columns({"source": "owner"})
    given = write(tmp_path / "in", {"a/a.parquet": shuffled.slice(0, 30), "b.parquet": shuffled.slice(30)})
    paths = f"--collections={given / 'b.parquet'},{given / 'a'}"
    make_examples(paths, "--collection_columns=source=owner", *options)
    for schema in (NAMING_EXAMPLES, TUNING_PAIRS, METRICS, EMBEDDINGS):
        assert content(tmp_path / "examples", schema) == content(folder / "out", schema), schema.name
    assert len(rows(tmp_path / "examples", ERRORS)) == 2


def test_a_second_run_encodes_nothing_again(tmp_path: Path, folder: Path) -> None:
    collections = f"--collections={folder / 'collections.parquet'}"
    message = make_examples(collections, f"--previous={folder / 'out'}", "--max_examples_per_source=4")
    assert Source(tmp_path).calls() == []
    assert "texts encoded: 0" in message
    assert "dropped: above --max_examples_per_source: 11" in message
    make_examples(collections, "--max_examples=20")
    assert Source(tmp_path).calls() == []
    parts = [row["split"] for row in rows(tmp_path / "examples", NAMING_EXAMPLES)]
    assert parts.count("train") == 20


def test_where_all_sources_are_large_nothing_is_held_out_and_it_is_reported(tmp_path: Path, folder: Path) -> None:
    message = make_examples(f"--collections={folder / 'collections.parquet'}", "--max_source_fraction=0.001")
    assert {row["split"] for row in rows(tmp_path / "examples", NAMING_EXAMPLES)} == {"train"}
    assert "test: 0 examples of 0 sources" in message
    assert "--max_source_fraction" in message


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert run_job(NamingExamplesJob, [*options]) == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--collections"),
        (("--collections=,",), "--collections must name a file, folder or glob"),
        (("--collections=nowhere.parquet",), "--collections: no such file or folder"),
        (("--collections={0},nowhere",), "--collections: no such file or folder"),
        (("--collections={0}", "--collection_columns=owner=x"), "collections have no column 'owner'"),
        (
            ("--collections={0}", "--test_fraction=0.6", "--validation_fraction=0.4"),
            "--test_fraction and validation_fraction must leave",
        ),
        (("--collections={0}", "--min_titles=1"), "--min_titles: must be a whole number, at least 2"),
        (("--collections={0}", "--previous=nowhere"), "--previous"),
        (("--collections={1}", "--workspace={1}/in"), "lies inside --collections"),
    ],
)
def test_wrong_options(folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str) -> None:
    given = [option.format(folder / "collections.parquet", folder) for option in options]
    assert said in refused(capsys, *given)


def test_word_lists_are_needed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "glin_profanity", None)
    assert INSTALL_NAMING in refused(capsys, f"--collections={folder / 'collections.parquet'}")


def test_too_many_unusable_rows_commit_nothing(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collections = f"--collections={folder / 'collections.parquet'}"
    assert run_job(NamingExamplesJob, [collections, *PARTS, "--max_error_rate=0.001"]) == 1
    assert "2 of" in capsys.readouterr().err
    assert not (tmp_path / "examples" / NAMING_EXAMPLES.name / "_manifest.json").exists()


def test_each_reason_has_words() -> None:
    assert dropped_report({("collections_dropped", "leak"): 3, ("examples", "train"): 9}) == [
        "  dropped: also in another split: 3"
    ]
    with pytest.raises(ValueError, match="spite"):
        dropped_report({("collections_dropped", "spite"): 1})


@pytest.mark.parametrize("reason", [reason for reason in get_args(RejectionReason) if reason])
def test_each_rejection_of_a_name_has_words(reason: str) -> None:
    assert len(dropped_report({("collections_dropped", reason): 1})) == 1
