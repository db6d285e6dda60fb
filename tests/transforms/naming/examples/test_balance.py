import apache_beam as beam
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.beam_testing import create, run_graph
from tests.transforms.naming.examples.builders import chunks, score, scored_batch
from transforms.columnar import concatenate
from transforms.naming.examples.balance import (
    IDS,
    CapExamples,
    cap_all,
    cap_sources,
    cutoff_id,
    training_ids,
)
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.examples.quality import SCORED

PART = {"a": "train", "b": "train", "c": "test", "d": "validation"}


def rows_of(sources: str) -> pa.RecordBatch:
    """An example of each source, which are letters; ids go down."""
    return scored_batch(
        [score(f"{1000 - number:x}", source=source, split=PART[source]) for number, source in enumerate(sources)]
    )


def left(sources: str, max_examples_per_source: int, maximum: int | None) -> list[str]:
    """What should be left: sources by id."""
    by_id = sources[::-1]
    kept = [
        (place, source)
        for place, source in enumerate(by_id)
        if PART[source] != "train" or by_id[:place].count(source) < max_examples_per_source
    ]
    training = [place for place, source in kept if PART[source] == "train"]
    allowed = set(training if maximum is None else training[:maximum])
    return [source for place, source in kept if PART[source] != "train" or place in allowed]


def sources_left(rows: pa.RecordBatch) -> list[str]:
    return rows.sort_by("example_id")["source"].to_pylist()


@given(st.text("abcd", max_size=20), st.integers(1, 5), st.integers(1, 12))
def test_like_a_plain_reference(sources: str, max_examples_per_source: int, maximum: int) -> None:
    rows = rows_of(sources)
    balanced = cap_sources(chunks(rows, 2) if sources else [], max_examples_per_source)
    assert sources_left(balanced.rows) == left(sources, max_examples_per_source, None)
    assert sum(number for _, number in balanced.counts) == rows.num_rows - balanced.rows.num_rows
    limit = cutoff_id([training_ids(balanced.rows)], maximum)
    limited = cap_all(balanced.rows, limit)
    assert sources_left(limited.rows) == left(sources, max_examples_per_source, maximum)
    assert sum(number for _, number in limited.counts) == balanced.rows.num_rows - limited.rows.num_rows


def test_no_limit_is_reached() -> None:
    assert cutoff_id([], 3).schema == IDS
    assert cutoff_id([rows_of("aab").select(IDS.names)], 3).num_rows == 0


@pytest.mark.parametrize("maximum", [None, 4])
def test_on_beam(maximum: int | None) -> None:
    sources = "aabbbbcccccaaaddbac"
    config = ExampleConfig(max_examples_per_source=3, max_examples=maximum)

    def run(count: int, buckets: int) -> dict:
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            balanced, counts = create(pipeline, "Rows", chunks(rows_of(sources), count)) | CapExamples(config, buckets)
            return {"examples": balanced, "counts": counts}

        return run_graph(build)

    for count, buckets in ((1, 4), (5, 1)):
        found = run(count, buckets)
        kept = concatenate(found["examples"], SCORED)
        assert sources_left(kept) == left(sources, 3, maximum)
        assert sum(number for _, number in found["counts"]) == len(sources) - kept.num_rows
