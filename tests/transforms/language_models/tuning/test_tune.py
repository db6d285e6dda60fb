import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")
pytest.importorskip("tensorboard")

from tests.transforms.language_models.completions import top_text  # noqa: E402
from tests.transforms.language_models.tiny_models import load_plain, load_tuned, make_llama, make_t5  # noqa: E402
from transforms.language_models.decoding import DecodingConfig  # noqa: E402
from transforms.language_models.folder import read_adapter, read_model  # noqa: E402
from transforms.language_models.prompt_template import PromptTemplate  # noqa: E402
from transforms.language_models.transformers_model import TransformersModel  # noqa: E402
from transforms.language_models.tuning import packing  # noqa: E402
from transforms.language_models.tuning.collate import Collate, collate_packed, collate_rows  # noqa: E402
from transforms.language_models.tuning.config import TrainingExample, TuningConfig, TuningMethod  # noqa: E402
from transforms.language_models.tuning.packing import group_by_prompt  # noqa: E402
from transforms.language_models.tuning.rows import Row  # noqa: E402
from transforms.language_models.tuning.trainer import TrainingStatus, completion_loss  # noqa: E402
from transforms.language_models.tuning.tune import CHECKPOINTS, LOGS, TuningResult, tune  # noqa: E402

pytestmark = pytest.mark.models

DIALOGUE = PromptTemplate("name these")
PAIRS = [
    TrainingExample("red tea pot", "tea"),
    TrainingExample("blue cars", "cars"),
    TrainingExample("garden pots", "garden"),
]
MANY = PAIRS * 120
RATES: dict[TuningMethod, float] = {"lora": 0.02, "prompt_tuning": 0.3, "full": 0.01}


@pytest.fixture(scope="module", autouse=True)
def single_threaded() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["llama", "t5"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "model"
    return make_llama(folder) if request.param == "llama" else make_t5(folder)


def _config(method: TuningMethod, **changed: Any) -> TuningConfig:
    return TuningConfig(method, RATES[method], batch_size=6, prompt_tokens=8, **{"evaluations": 4} | changed)


def _tune(
    model: Path, folder: Path, config: TuningConfig, pairs: list[TrainingExample] = MANY, **more: Any
) -> TuningResult:
    return tune(read_model(model), DIALOGUE, pairs, PAIRS, config, folder, **more)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_tuned_model_completes_its_examples(model: Path, tmp_path: Path, method: TuningMethod) -> None:
    # Half of these steps suffice for most seeds and processors, but not for all.
    tuned = _tune(model, tmp_path, _config(method, patience=100), MANY * 2)
    assert tuned.loss < 0.05 * tuned.loss_before
    assert (tuned.steps, tuned.examples, tuned.skipped) == (120, 720, 0)
    folder, adapter = (read_model(tmp_path), None) if method == "full" else (read_model(model), read_adapter(tmp_path))
    # In the precision of the training: in bfloat16, the sum of weights and adapter may round to another token.
    loaded = TransformersModel(folder, adapter, DIALOGUE, DecodingConfig(4), dtype="float32")
    responses = loaded.generate([pair.prompt for pair in PAIRS])
    assert [top_text(response) for response in responses] == [pair.completion for pair in PAIRS]


def test_a_prompt_is_tuned(model: Path, tmp_path: Path) -> None:
    tuned = _tune(model, tmp_path, _config("prompt_tuning"))
    assert tuned.loss < 0.8 * tuned.loss_before
    width = load_plain(model).get_input_embeddings().weight.shape[1]
    assert tuned.trainable_parameters == 8 * width
    assert read_adapter(tmp_path).kind == "PROMPT_TUNING"


def test_adapters_load_in_plain_peft(model: Path, tmp_path: Path) -> None:
    tune(read_model(model), DIALOGUE, MANY, PAIRS, _config("lora"), tmp_path, base="somebody/model")
    plain = load_tuned(model, tmp_path)
    assert plain.active_peft_config.base_model_name_or_path == "somebody/model"
    ids = torch.tensor([[7, 8, 9]])
    inputs = {"input_ids": ids} | ({"decoder_input_ids": ids} if "t5" in str(model) else {})
    with torch.no_grad():
        assert not torch.allclose(plain(**inputs).logits, load_plain(model)(**inputs).logits)


def test_the_loss_is_that_of_transformers(tmp_path: Path) -> None:
    model = load_plain(make_llama(tmp_path))
    rows = [Row([5, 6, 7, 8], [9, 3]), Row([10, 11], [12, 13, 3])]
    batch = collate_rows(encoder_decoder=False, padding=0)([rows])
    labels = torch.tensor([[-100] * 4 + [9, 3], [-100, -100, 12, 13, 3, -100]])
    with torch.no_grad():
        ours = completion_loss(model, batch, encoder_decoder=False)
        theirs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_tokens_of_an_example_count_by_its_weight(tmp_path: Path) -> None:
    model = load_plain(make_llama(tmp_path))
    collate = collate_rows(encoder_decoder=False, padding=0)

    def loss(*rows: Row) -> float:
        with torch.no_grad():
            return completion_loss(model, collate([rows]), encoder_decoder=False).item()

    one, other = Row([5, 6, 7, 8], [9, 3]), Row([10, 11], [12, 13, 3])
    weighted = loss(one._replace(weight=3.0), other._replace(weight=0.5))
    assert weighted == pytest.approx((3 * 2 * loss(one) + 0.5 * 3 * loss(other)) / (3 * 2 + 0.5 * 3), abs=1e-5)
    assert loss(one._replace(weight=2.0), other._replace(weight=2.0)) == pytest.approx(loss(one, other), abs=1e-6)


def test_packed_examples_have_the_loss_of_separate_ones(tmp_path: Path) -> None:
    model = load_plain(make_llama(tmp_path))
    random = np.random.default_rng(3)
    shared = [5, 6, 7]
    prompts = [[*shared, *random.integers(5, 90, size).tolist()] for size in (0, 1, 4, 9)]
    rows = [
        Row(prompt, [*random.integers(5, 90, size).tolist(), 3], weight)
        for prompt in prompts
        for size, weight in ((0, 1.0), (1, 0.5), (5, 2.0))
    ]

    def gradients(collate: Collate, batch: Any) -> tuple[float, list[Any]]:
        model.zero_grad()
        loss = completion_loss(model, collate([batch]), encoder_decoder=False)
        loss.backward()
        return loss.item(), [parameter.grad.clone() for parameter in model.parameters()]

    separate, expected = gradients(collate_rows(encoder_decoder=False, padding=0), rows)
    for row_tokens in (20, 256):
        packing.ROW_TOKENS, before = row_tokens, packing.ROW_TOKENS
        packed, found = gradients(collate_packed(len(shared), padding=0), group_by_prompt(rows, 2))
        packing.ROW_TOKENS = before
        assert packed == pytest.approx(separate, abs=1e-5)
        assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, expected, strict=True))


def test_each_epoch_goes_through_all_examples(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    tuned = _tune(model, tmp_path / "out", _config("lora", epochs=2, patience=100), PAIRS * 8)
    assert (tuned.steps, tuned.examples) == (8, 48)


def _stopped_after(steps: int) -> Callable[[TrainingStatus], None]:
    def show(shown: TrainingStatus) -> None:
        if shown.step >= steps:
            raise KeyboardInterrupt

    return show


def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    config = _config("lora", patience=100)
    whole = _tune(model, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        _tune(model, tmp_path / "parts", config, show=_stopped_after(40))
    seen: list[TrainingStatus] = []
    parts = _tune(model, tmp_path / "parts", config, show=seen.append)
    assert min(shown.step for shown in seen if shown.training_loss is not None) >= 30
    assert parts == whole
    stored = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert stored[0] == stored[1]
    assert not (tmp_path / "parts" / CHECKPOINTS).exists()


def test_another_training_does_not_go_on_from_it(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    with pytest.raises(KeyboardInterrupt):
        _tune(model, tmp_path / "out", _config("lora"), show=_stopped_after(40))
    seen: list[TrainingStatus] = []
    _tune(model, tmp_path / "out", _config("lora", seed=1), show=seen.append)
    assert min(shown.step for shown in seen) == 0


def test_training_ends_when_the_loss_falls_no_more(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    other = [
        TrainingExample("blue cars", "red"),
        TrainingExample("garden pots", "name"),
        TrainingExample("red tea pot", "blue"),
    ]
    config = _config("lora", evaluations=20, patience=2)
    tuned = tune(read_model(model), DIALOGUE, other * 120, PAIRS, config, tmp_path / "out")
    assert tuned.steps < 60


def test_losses_are_written_for_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = make_llama(tmp_path / "model")
    _tune(model, tmp_path / "out", _config("lora"))
    written = EventAccumulator(str(tmp_path / "out" / LOGS))
    written.Reload()
    assert {"train/loss", "eval/loss"} <= set(written.Tags()["scalars"])


def test_long_examples_are_left_out_and_counted(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    long = [TrainingExample("tea " * 200, "tea")]
    tuned = _tune(model, tmp_path / "out", _config("lora", max_tokens=64), MANY + long)
    assert tuned.skipped == 1
    with pytest.raises(ValueError, match="of 1 examples none has at most max_tokens = 64 tokens"):
        _tune(model, tmp_path / "none", _config("lora", max_tokens=64), long)


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = make_llama(tmp_path / "model")
    capfd.readouterr()
    _tune(model, tmp_path / "out", _config("lora"))
    assert capfd.readouterr() == ("", "")


def test_only_the_last_layers_get_lora(tmp_path: Path) -> None:
    model = make_llama(tmp_path / "model")
    _tune(model, tmp_path / "out", _config("lora", top_layers=1), PAIRS)
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["layers_to_transform"] == [1]
    assert set(config["target_modules"]) == {f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")}


def test_wrong_settings_are_reported() -> None:
    with pytest.raises(ValueError, match="method must be one of"):
        TuningConfig("everything")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"warmup must be in \[0, 1\), got 1"):
        TuningConfig(warmup=1)
    with pytest.raises(ValueError, match="learning_rate must be above 0, got -1"):
        TuningConfig(learning_rate=-1)


logging.getLogger("transformers").setLevel(logging.ERROR)
