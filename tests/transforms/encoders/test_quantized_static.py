import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.encoders.interface import Encoder
from transforms.encoders.locate import PACKAGED
from transforms.encoders.quantized_static import (
    MAX_WEIGHT,
    QuantizedTable,
    quantize_table,
    read_table,
    sum_rows,
    write_table,
)
from transforms.encoders.spec import EncoderSpec
from transforms.model_files import ModelUnavailableError

TRIPLES = [
    ("gardening tips", "horticulture for beginners", "car engines"),
    ("learn to play the guitar", "acoustic music lessons", "income tax law"),
    ("baking sourdough bread", "recipes for pastry", "football results"),
]


def is_nearer(encoder: Encoder, text: str, near: str, far: str) -> bool:
    first, second, third = encoder.encode([text, near, far])
    return bool(first @ second > first @ third)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return EncoderSpec("static").load()


def test_rows_are_scaled_to_127_and_lengths_kept_as_weights() -> None:
    table = quantize_table(np.array([[2.0, -4.0], [0.0, 0.0], [1.0, 0.5], [1e-9, 0.0]]))
    assert table.rows.tolist() == [[64, -127], [0, 0], [127, 64], [127, 0]]
    assert table.weights.tolist() == [MAX_WEIGHT, 0, round(MAX_WEIGHT / 4), 0]


def test_zeros_cannot_be_quantized() -> None:
    with pytest.raises(ValueError, match="a table of zeros"):
        quantize_table(np.zeros((3, 2)))


TABLE = QuantizedTable(
    np.random.default_rng(0).integers(-127, 128, (9, 4)).astype(np.int8),
    np.random.default_rng(1).integers(0, MAX_WEIGHT + 1, 9).astype(np.int32),
)


@given(st.lists(st.lists(st.integers(0, 8), max_size=6), max_size=10))
def test_sums_are_exact(tokens: list[list[int]]) -> None:
    found = sum_rows(TABLE, tokens)
    plain = [
        [sum(int(TABLE.rows[token, column]) * int(TABLE.weights[token]) for token in each) for column in range(4)]
        for each in tokens
    ]
    assert found.tolist() == plain


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_table(tmp_path / "table.npz", TABLE)
    found = read_table(tmp_path / "table.npz")
    assert np.array_equal(found.rows, TABLE.rows)
    assert np.array_equal(found.weights, TABLE.weights)


@pytest.mark.parametrize("triple", TRIPLES, ids=lambda triple: triple[0])
def test_the_packaged_encoder_knows_what_texts_mean(encoder: Encoder, triple: tuple[str, str, str]) -> None:
    assert is_nearer(encoder, *triple)


def test_a_vector_depends_on_its_text_alone(encoder: Encoder) -> None:
    texts = ["red tea pot", "", "   ", "a longer text about gardens and tea", "\u200b"] * 40
    together = encoder.encode(texts)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(200), abs=1e-6)
    for text, vector in zip(texts[:5], together, strict=False):
        assert encoder.encode([text])[0].tobytes() == vector.tobytes()
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_long_texts_are_truncated(encoder: Encoder) -> None:
    assert encoder.encode(["tea " * 64])[0].tobytes() == encoder.encode(["tea " * 9000])[0].tobytes()
    with pytest.raises(ModelUnavailableError, match="at most 256 tokens, got 257"):
        EncoderSpec("static", max_tokens=257).load()


def test_sums_of_the_longest_text_fit(encoder: Any) -> None:
    largest = np.argmax(encoder._table.weights)
    assert np.abs(sum_rows(encoder._table, [[int(largest)] * 256])).max() < 1 << 27


def test_the_package_has_at_most_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) <= 10_000_000


def test_it_needs_no_model_library() -> None:
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'safetensors'])\n"
        "from transforms.encoders.spec import EncoderSpec\n"
        "spec = EncoderSpec('static')\n"
        "print(spec.load().encode(['tea']).shape, len(spec.fingerprint()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 256) 64\n"
