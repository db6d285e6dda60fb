from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest

from schemas import GENERATIONS, JOURNEY_NAMES
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.naming.test_prompt_inputs import items, journeys
from transforms.columnar import concatenate
from transforms.language_models.generate import PROMPTS
from transforms.naming.assignment import NamingContext
from transforms.naming.config import NamingConfig
from transforms.naming.stages import (
    JOURNEYS_COUNTER,
    NAMING_INPUTS,
    AssignNames,
    BuildRequests,
    NameFromTerms,
    PrepareInputs,
    ResolveRetries,
    ToPrompts,
)
from transforms.progress import Progress

ROWS = [
    (f"user{number}", rank, [f"i{number}", f"i{rank}", f"i{number + rank}"])
    for number in range(6)
    for rank in (1, 2, 3)
]
TITLES = {f"i{number}": f"Title {'abcdefghijklmnop'[number]}{number} of tea" for number in range(1, 12)}
NAMER = NamingContext(NamingConfig("few_shot", num_examples=1), "toy 1")


def said(requests: pa.RecordBatch) -> pa.RecordBatch:
    """A model that generates `Tea`, and another name if that is taken; it fails for item 5."""
    assert requests.schema == PROMPTS
    rows = [
        {
            "content_hash": row["content_hash"],
            "rank": 0,
            "text": f"Kettles {row['content_hash'][:3]}" if "Taken" in row["prompt"] else "Tea",
            "log_prob": -1.0,
        }
        for row in requests.to_pylist()
        if "f5 " not in row["prompt"]
    ]
    return pa.RecordBatch.from_pylist(rows, GENERATIONS.arrow)


def given(pipeline: beam.Pipeline, chunks: int) -> dict[str, beam.PCollection]:
    rows = journeys(ROWS)
    step = -(-rows.num_rows // chunks)
    cut = [rows.slice(start, step) for start in range(0, rows.num_rows, step)]
    return {"journeys": create(pipeline, "Journeys", cut), "items": create(pipeline, "Items", [items(TITLES)])}


def counted(counts: list) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for key, number in counts:
        found[key] = found.get(key, 0) + number
    return found


def sorted_names(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    rows = concatenate(batches, JOURNEY_NAMES.arrow)
    JOURNEY_NAMES.check(rows)
    return rows.sort_by([("user_id", "ascending"), ("journey_id", "ascending")])


def by_model(chunks: int, buckets: int, progress: Progress | None = None) -> dict:
    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        ready, _ = given(pipeline, chunks) | "Ready" >> PrepareInputs(NAMER.config, buckets)
        requests = ready | "Ask" >> BuildRequests(NAMER)
        texts = requests | "Requests1" >> ToPrompts() | "Model1" >> beam.Map(said).with_output_types(pa.RecordBatch)
        none = create(pipeline, "NoFailures", [])
        assign = AssignNames(NAMER, buckets, progress or Progress())
        first = {"requests": requests, "generations": texts, "failures": none} | "First" >> assign
        retries = (
            first.retries | "Requests2" >> ToPrompts() | "Model2" >> beam.Map(said).with_output_types(pa.RecordBatch)
        )
        names, counts = (
            {"retries": first.retries, "generations": retries, "failures": none, "assigned": first.names}
            | "Second" >> ResolveRetries(NAMER, buckets)
        )  # fmt: skip
        return {
            "names": (first.names, names) | "Both" >> beam.Flatten(),
            "counts": (first.counts, counts) | "BothCounts" >> beam.Flatten(),
        }

    return run_graph(build)


def by_terms(chunks: int, buckets: int) -> dict:
    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        ready, counts = given(pipeline, chunks) | "Ready" >> PrepareInputs(NamingConfig(), buckets)
        names, more = ready | "Name" >> NameFromTerms(NamingContext(NamingConfig()), buckets)
        return {"ready": ready, "names": names, "counts": (counts, more) | beam.Flatten()}

    return run_graph(build)


def test_journeys_are_named_by_terms() -> None:
    found = by_terms(1, 4)
    names = sorted_names(found["names"])
    assert all(rows.schema == NAMING_INPUTS for rows in found["ready"])
    assert names.num_rows == len(ROWS)
    counts = counted(found["counts"])
    assert counts["journeys", ""] == counts["names", "salient"] == len(ROWS)
    assert counts["items_without_title", ""] == 3
    assert names.equals(sorted_names(by_terms(5, 1)["names"]))


def test_journeys_are_named_by_a_model_in_two_rounds() -> None:
    found = by_model(1, 4)
    names = sorted_names(found["names"])
    rows = names.to_pylist()
    assert [(row["user_id"], row["journey_id"]) for row in rows] == [
        (user, f"{rank:016x}") for user, rank, _ in sorted(ROWS)
    ]
    for user in {row["user_id"] for row in rows}:
        of_user = [row["name"] for row in rows if row["user_id"] == user]
        assert len(set(of_user)) == 3
    counts = counted(found["counts"])
    by_model_count, by_terms_count = counts["names", "few_shot"], counts["names", "salient"]
    assert by_model_count + by_terms_count == len(ROWS)
    assert counts["names_rejected", "no_completion"] == by_terms_count > 0
    assert counts["journeys_retried", ""] > 0
    assert {"Tea"} < {row["name"] for row in rows if row["method"] == "few_shot"}


def test_the_progress_counts_journeys(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "progress"))
    by_model(2, 4, progress)
    assert progress.done() == {JOURNEYS_COUNTER: len(ROWS)}


@pytest.mark.parametrize(("chunks", "buckets"), [(5, 7)])
def test_chunks_and_buckets_do_not_matter(chunks: int, buckets: int) -> None:
    assert sorted_names(by_model(1, 4)["names"]).equals(sorted_names(by_model(chunks, buckets)["names"]))
