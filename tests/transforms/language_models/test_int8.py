"""Linear layers in 8 bits: their rounding, and completions that depend on their prompts alone."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.transforms.language_models.completions import top_text  # noqa: E402
from tests.transforms.language_models.tiny_models import make_llama, make_t5  # noqa: E402
from transforms.language_models.constraint import ClosedSet  # noqa: E402
from transforms.language_models.decoding import DecodingConfig  # noqa: E402
from transforms.language_models.dtype import cpu_has_int8  # noqa: E402
from transforms.language_models.folder import read_model  # noqa: E402
from transforms.language_models.int8 import (  # noqa: E402
    quantize_linear_layers,
    quantize_tokens,
    quantize_weights,
)
from transforms.language_models.transformers_model import TransformersModel  # noqa: E402

PROMPTS = ["red tea pot", "garden", "a much longer question about tea pots in the garden of a car", "tea", "blue pots"]
native = pytest.mark.skipif(not cpu_has_int8(), reason="this processor has no exact product of 8-bit integers")


def loaded(folder: Path, dtype: str = "int8", number: int = 1) -> TransformersModel:
    decoding = DecodingConfig(8, num_sequences=number)
    return TransformersModel(read_model(folder), decoding=decoding, device="cpu", dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize("tokens", [1, 5])
def test_activations_are_rounded_by_the_largest_of_their_token(tokens: int) -> None:
    rows = np.random.default_rng(0).normal(size=(tokens, 32)).astype(np.float32) * 10.0 ** np.arange(tokens)[:, None]
    rows = np.concatenate([rows.astype(np.float32), np.zeros((1, 32), np.float32)])
    levels, scales = np.empty((2, *rows.shape), np.uint8), np.empty(len(rows), np.float32)
    quantize_tokens(rows, levels, scales)
    high, low = levels.astype(int) - 128
    assert np.abs(256 * high + low).max(axis=1).tolist() == [32512] * tokens + [0]
    error = np.abs((256 * high + low) * scales[:, None].astype(float) - rows)
    assert (error <= scales[:, None] * 0.51).all()


def test_weights_are_rounded_by_the_largest_of_their_output() -> None:
    levels, scales = quantize_weights(np.array([[1, -127, 63.4], [0, 0, 0], [0.5, 0.25, -0.125]], np.float32))
    assert levels.tolist() == [[1, -127, 63], [0, 0, 0], [127, 64, -32]]
    assert scales.tolist() == pytest.approx([1, 1, 0.5 / 127])


@native
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(7, 24), (3, 5, 24)], ids=str)
def test_a_layer_is_close_to_itself_in_32_bits(bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(24, 40, bias=bias)

        def get_output_embeddings(self) -> None:
            return None

    model, inputs = Model(), torch.randn(shape)
    expected = model.inner(inputs).detach()
    quantize_linear_layers(model)
    found = model.inner(inputs)
    assert type(model.inner).__name__ == "Int8Linear"
    assert found.shape == expected.shape
    assert float((found - expected).norm() / expected.norm()) < 0.01
    # A token gets the same bits whatever stands beside it, however large.
    beside = torch.cat([inputs.reshape(-1, 24)[:1], torch.randn(9, 24) * 1000])
    assert torch.equal(model.inner(beside)[0], found.reshape(-1, 40)[0])


@native
@pytest.mark.parametrize("make", [make_llama, make_t5])
@pytest.mark.parametrize("number", [1, 3])
def test_a_completion_depends_on_its_prompt_alone(tmp_path: Path, make: object, number: int) -> None:
    model = loaded(make(tmp_path / "model"), number=number)  # type: ignore[operator]
    together = model.generate(PROMPTS)
    assert together == [each for prompt in PROMPTS for each in model.generate([prompt])]
    assert model.generate(PROMPTS[::-1]) == together[::-1]
    assert len({top_text(each) for each in together}) >= 3


@native
def test_probabilities_are_close_to_those_in_32_bits(tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "model")
    members = ClosedSet(("red cars", "tea pots", "blue garden"))
    exact, rounded = (loaded(folder, dtype).rank(PROMPTS, members) for dtype in ("float32", "int8"))
    assert not np.array_equal(exact, rounded)
    assert np.abs(np.exp(exact) - np.exp(rounded)).max() < 0.1
