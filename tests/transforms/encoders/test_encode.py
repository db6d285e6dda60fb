import hashlib
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.ml.inference.base import RunInference
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from schemas import EMBEDDINGS, SchemaError
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.encoders.fake_encoder import DIMENSION, ToyEncoder, ToySource, toy_vector
from transforms.columnar import MAX_ELEMENT_BYTES, concatenate
from transforms.encoders.encode import (
    HASHED_TEXTS,
    REQUESTS,
    TEXTS,
    TEXTS_COUNTER,
    EncoderHandler,
    EncodeTexts,
    batch_requests,
    distinct_texts,
    encode_requests,
    hash_texts,
    partition_cached,
    vectors_of_items,
    vectors_schema,
)
from transforms.progress import Progress

ROWS = [(f"item{number}", f"text {number % 7}") for number in range(30)]


def texts(rows: list[tuple[str, str]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"item_id": item, "text": text} for item, text in rows], TEXTS)


def embeddings(rows: list[tuple[str, list[float]]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"content_hash": each, "vector": vector} for each, vector in rows], EMBEDDINGS.arrow
    )


def requests(rows: list[tuple[str, str]]) -> pa.RecordBatch:
    return distinct_texts([hash_texts(texts(rows), "toy")])


def test_the_hash_is_that_of_encoder_and_text() -> None:
    hashed = hash_texts(texts([("a", "Tee ☕"), ("b", "")]), "toy")
    assert hashed.schema == HASHED_TEXTS
    expected = [hashlib.sha256(("toy" + text).encode()).hexdigest()[:32] for text in ("Tee ☕", "")]
    assert hashed["content_hash"].to_pylist() == expected
    assert hash_texts(texts([("a", "Tee ☕")]), "other")["content_hash"][0].as_py() not in expected


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (pa.RecordBatch.from_pydict({"item_id": ["a"], "title": ["b"]}), "expected the columns"),
        (pa.RecordBatch.from_pydict({"item_id": [1], "text": ["b"]}), "expected the columns"),
        (pa.RecordBatch.from_pydict({"item_id": ["a", "b"], "text": ["c", None]}), "text is null in 1 of 2 rows"),
        (
            pa.RecordBatch.from_pydict({"item_id": [None], "text": ["c"]}, pa.schema(list(TEXTS))),
            "item_id is null in 1",
        ),
    ],
)
def test_other_rows_are_refused(rows: pa.RecordBatch, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        hash_texts(rows, "toy")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z", ""])), max_size=12), st.randoms())
def test_distinct_texts_do_not_depend_on_order_or_batches(rows: list[tuple[str, str]], chance: object) -> None:
    hashed = hash_texts(texts(rows), "toy")
    found = distinct_texts([hashed])
    assert found.schema == REQUESTS
    assert found["content_hash"].to_pylist() == sorted(set(hashed["content_hash"].to_pylist()))
    pairs = [(item, row["text"]) for row in found.to_pylist() for item in row["item_ids"]]
    assert sorted(pairs) == sorted(rows)
    chance.shuffle(rows)
    shuffled = hash_texts(texts(rows), "toy")
    assert distinct_texts([shuffled.slice(5), shuffled.slice(0, 5)]) == found


def test_what_is_stored_is_found() -> None:
    requested = requests([("a", "one"), ("b", "two"), ("c", "three")])
    hashes = requested["content_hash"].to_pylist()
    stored = embeddings([("0" * 32, [1.0, 0.0]), (hashes[2], [0.0, 1.0]), (hashes[0], [0.6, 0.8])])
    located = stored.append_column("file", pa.array(["f"] * 3))
    for batches in ([stored], [stored.slice(2), stored.slice(0, 2)], [located]):
        cached, vectors, new = partition_cached(requested, batches)
        assert cached["content_hash"].to_pylist() == vectors["content_hash"].to_pylist() == [hashes[0], hashes[2]]
        assert vectors["vector"].to_pylist() == pytest.approx(np.array([[0.6, 0.8], [0.0, 1.0]]))
        assert new["content_hash"].to_pylist() == [hashes[1]]
    cached, vectors, new = partition_cached(requested, [])
    assert (cached.num_rows, vectors.num_rows) == (0, 0)
    assert new == requested


def test_requests_are_cut_by_count_and_by_size() -> None:
    many = requests([(str(number), f"text {number}") for number in range(1100)])
    assert [rows_of_slice.num_rows for rows_of_slice in batch_requests(many)] == [512, 512, 76]
    large = requests([(str(number), f"{number}" + "x" * (MAX_ELEMENT_BYTES // 4)) for number in range(10)])
    slices = list(batch_requests(large))
    assert max(rows_of_slice.nbytes for rows_of_slice in slices) <= 1.1 * MAX_ELEMENT_BYTES
    assert pa.concat_batches(slices) == large


def test_vectors_become_embeddings(tmp_path: Path) -> None:
    requested = requests(ROWS)
    found = encode_requests(requested, ToyEncoder(tmp_path / "calls"))
    assert found["content_hash"] == requested["content_hash"]
    expected = [toy_vector(text) for text in requested["text"].to_pylist()]
    assert np.array_equal(np.array(found["vector"].to_pylist(), np.float32), np.stack(expected))


def test_an_encoder_that_does_not_give_unit_length_is_refused(tmp_path: Path) -> None:
    class Long(ToyEncoder):
        def encode(self, texts: list[str]) -> np.ndarray:
            return super().encode(texts) * 2

    with pytest.raises(SchemaError, match="vector_not_of_unit_length in 7 of 7 rows"):
        encode_requests(requests(ROWS), Long(tmp_path / "calls"))


def test_vectors_of_items_come_in_slices() -> None:
    ids = [[f"i{number}" for number in range(3000)], [], ["j"]]
    vectors = np.eye(3, 384, dtype=np.float32)
    slices = list(vectors_of_items(pa.array(ids), pa.array(vectors.tolist(), pa.list_(pa.float32()))))
    assert {rows_of_slice.schema for rows_of_slice in slices} == {vectors_schema(384)}
    assert max(rows_of_slice.nbytes for rows_of_slice in slices) <= 1.1 * MAX_ELEMENT_BYTES
    whole = pa.concat_batches(slices)
    assert whole["item_id"].to_pylist() == [*ids[0], "j"]
    numbers = whole["vector"].flatten().to_numpy().reshape(-1, 384)
    assert np.array_equal(numbers, vectors[[0] * 3000 + [2]])


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different lengths: \[1, 2\]"):
        list(vectors_of_items(pa.array([["a"], ["b"]]), pa.array([[1.0], [0.6, 0.8]], pa.list_(pa.float32()))))
    assert list(vectors_of_items(pa.array([], pa.list_(pa.string())), pa.array([], pa.list_(pa.float32())))) == []


class Outcome:
    """The outputs of one run of the graph."""

    def __init__(
        self, source: ToySource, batches: list[pa.RecordBatch], buckets: int, stored: list[pa.RecordBatch] | None
    ):
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            kept = None if stored is None else create(pipeline, "Stored", stored)
            encoded = create(pipeline, "Texts", batches) | EncodeTexts(source, buckets, kept)
            return encoded._asdict()

        found = run_graph(build)
        self.slices = found["vectors"]
        self.vectors = sorted(
            (row["item_id"], tuple(row["vector"])) for rows_of_slice in self.slices for row in rows_of_slice.to_pylist()
        )
        self.embeddings = concatenate(found["embeddings"], EMBEDDINGS.arrow).sort_by("content_hash")
        self.counts: dict[str, int] = {}
        for (metric, _), number in found["counts"]:
            self.counts[metric] = self.counts.get(metric, 0) + number


EXPECTED = sorted((item, tuple(toy_vector(text).tolist())) for item, text in ROWS)


def test_each_item_gets_the_vector_of_its_text(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    found = Outcome(source, [texts(ROWS[:11]), texts(ROWS[11:])], buckets=3, stored=None)
    assert found.vectors == EXPECTED
    assert {rows_of_slice.schema for rows_of_slice in found.slices} == {vectors_schema(DIMENSION)}
    assert found.counts == {"texts_encoded": 7, "texts_reused": 0}
    EMBEDDINGS.check(found.embeddings)
    assert found.embeddings["content_hash"].to_pylist() == requests(ROWS)["content_hash"].to_pylist()


def test_each_distinct_text_is_encoded_once_by_an_encoder_loaded_once(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    Outcome(source, [texts([row]) for row in ROWS], buckets=4, stored=None)
    assert sum(source.calls()) == 7
    assert len(source.calls()) <= 4
    assert source.loads() == 1


def test_what_is_stored_is_not_encoded_again(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    before = Outcome(source, [texts(ROWS[:4])], buckets=2, stored=None)
    assert before.counts["texts_encoded"] == 4
    after = Outcome(source, [texts(ROWS)], buckets=5, stored=[before.embeddings])
    assert after.vectors == EXPECTED
    assert after.counts == {"texts_encoded": 3, "texts_reused": 4}
    assert sum(source.calls()) == 7
    hashes = after.embeddings["content_hash"].to_pylist()
    assert len(hashes) == len(set(hashes)) == 7
    assert set(before.embeddings["content_hash"].to_pylist()) < set(hashes)
    last = Outcome(source, [texts(ROWS)], buckets=3, stored=[after.embeddings])
    assert last.vectors == EXPECTED
    assert last.counts == {"texts_encoded": 0, "texts_reused": 7}
    assert last.embeddings.equals(after.embeddings)


@pytest.mark.parametrize("num_stored", [0, 4, len(ROWS)])
def test_the_progress_counts_items_with_a_vector(tmp_path: Path, num_stored: int) -> None:
    source, progress = ToySource(tmp_path), Progress(str(tmp_path / "progress"))
    before = Outcome(source, [texts(ROWS[:num_stored])], buckets=2, stored=None)

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        stored = create(pipeline, "Stored", [before.embeddings])
        batches = create(pipeline, "Texts", [texts(ROWS[:9]), texts(ROWS[9:])])
        return (batches | EncodeTexts(source, buckets=3, stored=stored, progress=progress))._asdict()

    run_graph(build)
    assert progress.expected() == progress.done() == {TEXTS_COUNTER: len(ROWS)}


def test_vectors_of_another_encoder_are_not_used(tmp_path: Path) -> None:
    hashes = set(hash_texts(texts(ROWS), "other")["content_hash"].to_pylist())
    stored = embeddings([(each, [1.0, 0.0, 0.0, 0.0]) for each in sorted(hashes)])
    found = Outcome(ToySource(tmp_path), [texts(ROWS)], buckets=2, stored=[stored])
    assert found.vectors == EXPECTED
    assert found.counts["texts_reused"] == 0


def test_what_goes_through_together_does_not_depend_on_the_order_of_the_input(tmp_path: Path) -> None:
    calls = []
    for name, rows in (("forth", ROWS), ("back", ROWS[::-1])):
        (tmp_path / name).mkdir()
        source = ToySource(tmp_path / name)
        Outcome(source, [texts(rows[:9]), texts(rows[9:])], buckets=2, stored=None)
        calls.append(sorted(source.calls()))
    assert calls[0] == calls[1]


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    found = Outcome(ToySource(tmp_path), [texts([])], buckets=2, stored=[embeddings([("0" * 32, [1.0])])])
    assert found.vectors == []
    assert found.counts.get("texts_encoded", 0) == 0


def test_unknown_arguments_are_refused(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    with pytest.raises(TypeError, match="batch_size"):
        EncoderHandler(source, Progress(), batch_size=32)
    with pytest.raises(TypeError, match="batch_size"):
        EncodeTexts(source, batch_size=32)
    with pytest.raises(ValueError, match=r"no inference_args, got \['top_k'\]"):
        (
            beam.Pipeline(FnApiRunner())
            | beam.Create([requests(ROWS)])
            | RunInference(EncoderHandler(source, Progress()), inference_args={"top_k": 1})
        )
