from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.beam_testing import create, run_graph
from tests.transforms.encoders.fake_encoder import WordSource, word_vector
from tests.transforms.naming.examples.builders import TOPICS, chunks, score, scored_batch
from transforms.columnar import concatenate
from transforms.encoders.encode import vectors_schema
from transforms.naming.examples.candidates import CANDIDATES
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.examples.quality import (
    MAX_TITLES_SCORED,
    SCORED,
    FilterByQuality,
    filter_by_quality,
    quality,
    texts_of,
    unpack_vectors,
)
from transforms.naming.examples.quality import score as judge_rows


def candidates(*named: tuple[str, tuple[str, ...]]) -> pa.RecordBatch:
    rows = [score(f"{number:x}", name=name, titles=list(titles)) for number, (name, titles) in enumerate(named)]
    return scored_batch(rows).select(CANDIDATES.names)


def test_by_hand() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    found = quality(
        np.array([east, north, east]), np.array([east, east, north, east, east, east, north]), np.array([0, 3, 5])
    )
    assert found.continuity == pytest.approx([1 / 3, 1, 0])
    assert found.relevance == pytest.approx([2 / np.sqrt(5), 0, 1 / np.sqrt(2)])


def test_titles_that_cancel_out_are_about_nothing() -> None:
    found = quality(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0]))
    assert found.continuity == pytest.approx([-1])
    assert found.relevance.tolist() == [0]


@given(st.lists(st.integers(2, 6), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_like_a_plain_reference(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(sum(sizes) + len(sizes), 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names, titles = vectors[: len(sizes)], vectors[len(sizes) :]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    found = quality(names, titles, starts)
    for name, start, size, continuity, relevance in zip(names, starts, sizes, *found, strict=True):
        own = titles[start : start + size]
        pairs = [own[i] @ own[j] for i in range(size) for j in range(size) if i != j]
        mean = own.mean(axis=0)
        assert continuity == pytest.approx(np.mean(pairs), abs=1e-9)
        assert relevance == pytest.approx(name @ mean / np.linalg.norm(mean), abs=1e-6)


def test_what_is_encoded() -> None:
    many = tuple(f"t{number}" for number in range(1, 2 * MAX_TITLES_SCORED + 1))
    texts = texts_of(candidates(("Tea", ("a", "b", "c")), ("Coffee", many))).to_pylist()
    first, second = score("0")["example_id"], score("1")["example_id"]
    by_id = {text["item_id"]: text["text"] for text in texts}
    assert len(by_id) == len(texts)
    assert {key: text for key, text in by_id.items() if key.startswith(first)} == {
        f"{first}:0": "Tea", f"{first}:1": "a", f"{first}:2": "b", f"{first}:3": "c",
    }  # fmt: skip
    of_second = {int(key.split(":")[1]): text for key, text in by_id.items() if key.startswith(second)}
    assert of_second.pop(0) == "Coffee"
    assert len(of_second) == MAX_TITLES_SCORED
    assert all(text == f"t{place}" for place, text in of_second.items())


def vectors_for(rows: pa.RecordBatch) -> pa.RecordBatch:
    texts = texts_of(rows)
    vectors = [word_vector(text).tolist() for text in texts["text"].to_pylist()]
    columns = [texts["item_id"], pa.array(vectors, pa.list_(pa.float32(), len(vectors[0])))]
    return unpack_vectors(pa.RecordBatch.from_arrays(columns, schema=vectors_schema(len(vectors[0]))))


def test_rows_are_judged_whatever_the_order_of_vectors() -> None:
    rows = candidates(("Alpine climbing", TOPICS["Alpine climbing"]), ("Alpine climbing", ("k l m", "x y z", "p q r")))
    vectors = vectors_for(rows)
    found = judge_rows(rows, [vectors]).to_pylist()
    assert found[0]["relevance"] > 0.5 > found[1]["relevance"]
    assert found[0]["continuity"] > found[1]["continuity"]
    shuffled = vectors.take(pa.array(np.random.default_rng(1).permutation(vectors.num_rows)))
    assert judge_rows(rows, chunks(shuffled, 3)).to_pylist() == found
    with pytest.raises(ValueError, match="vectors do not belong to 1 examples"):
        judge_rows(rows.slice(0, 1), [vectors])
    with pytest.raises(ValueError, match="vectors do not belong to 2 examples"):
        judge_rows(rows, [vectors.filter(pa.array([place != 0 for place in vectors["place"].to_pylist()]))])


def test_limits_are_allowed_themselves() -> None:
    rows = scored_batch(
        [
            score("a", continuity=0.1, relevance=0.3),
            score("b", continuity=0.0999, relevance=0.9),
            score("c", continuity=0.9, relevance=0.2999),
            score("d", continuity=0.0, relevance=0.0),
        ]
    )
    kept = filter_by_quality(rows, ExampleConfig(min_continuity=0.1, min_relevance=0.3))
    assert kept.rows["example_id"].to_pylist() == [score("a")["example_id"]]
    assert {reason: number for (_, reason), number in kept.counts} == {"incoherent": 2, "irrelevant": 1}


def test_good_candidates_are_kept_and_texts_encoded_once(tmp_path: Path) -> None:
    rows = candidates(*TOPICS.items(), ("Jazz", TOPICS["Chess openings"]), ("Chess openings", TOPICS["Orchid growing"]))

    def run(count: int, buckets: int, stored: list[pa.RecordBatch]) -> dict:
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            before = create(pipeline, "Stored", stored) if stored else None
            keep = FilterByQuality(ExampleConfig(min_relevance=0.5), WordSource(tmp_path), before, buckets)
            return (create(pipeline, "Rows", chunks(rows, count)) | keep)._asdict()

        return run_graph(build)

    first = run(1, 4, [])
    kept = concatenate(first["examples"], SCORED).sort_by("example_id")
    assert kept["name"].to_pylist() == list(TOPICS)
    counts: dict[tuple[str, str], int] = {}
    for key, number in first["counts"]:
        counts[key] = counts.get(key, 0) + number
    texts = {text for name, titles in TOPICS.items() for text in (name, *titles)} | {"Jazz"}
    assert counts["texts_encoded", ""] == len(texts) == sum(WordSource(tmp_path).calls())
    assert counts["collections_dropped", "irrelevant"] == 2
    again = run(3, 2, first["embeddings"])
    assert concatenate(again["examples"], SCORED).sort_by("example_id").equals(kept)
    assert sum(WordSource(tmp_path).calls()) == len(texts)
