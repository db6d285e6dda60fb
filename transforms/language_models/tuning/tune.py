"""Tuning of a language model on examples: an adapter or a model, in the layout of PEFT and transformers."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import ModelFolder
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt, tokenize_template
from transforms.language_models.tuning.closed_set_metrics import (
    ClosedSetMetrics,
    closed_set_examples,
    failed_thresholds,
    measure_closed_set,
    score_of,
)
from transforms.language_models.tuning.collate import TrainingBatch, collate_packed, collate_rows
from transforms.language_models.tuning.config import ClosedSetThresholds, TrainingExample, TuningConfig
from transforms.language_models.tuning.packing import PromptGroup, group_by_prompt, random_batches
from transforms.language_models.tuning.rows import Row, token_rows
from transforms.language_models.tuning.trainable import save_tuned, soft_prompt_of, trainable_model
from transforms.language_models.tuning.trainer import Measure, TrainingStatus, length_grouped_order, make_trainer
from transforms.model_files import ModelUnavailableError, file_sha256

CHECKPOINTS = "checkpoints"
LOGS = "logs"
_MIN_PROMPTS = 4
"""Minimum number of prompts of a packed batch, unless it is of fewer pairs."""

PACKAGES = ("torch", "transformers", "peft", "accelerate", "tensorboard")
"""Python packages that tuning needs."""


class TuningResult(NamedTuple):
    """The result of a training.

    Attributes:
        steps: number of finished steps; fewer than planned if training stopped early.
        examples: number of examples in these steps.
        tokens: tokens of these examples, without padding.
        trainable_parameters: number of trainable parameters.
        skipped: number of examples that were longer than `max_tokens`.
        loss_before: loss on the validation split before training, nats per token.
        loss: loss on the validation split at the evaluation whose parameters are kept.
        evaluations: `step`, `loss` and, with a closed set, the `ClosedSetMetrics` of each evaluation, by step.
        best_step: the step of the evaluation whose parameters are kept: the lowest loss; with a closed set, the
            highest score, see `score_of`.
    """

    steps: int
    examples: int
    tokens: int
    trainable_parameters: int
    skipped: int
    loss_before: float
    loss: float
    evaluations: list[dict[str, float]]
    best_step: int


class RejectedModelError(ValueError):
    """A tuned model does not pass the thresholds, so nothing is written.

    Attributes:
        evaluations: see `TuningResult`.
    """

    def __init__(self, failures: Sequence[str], evaluations: list[dict[str, float]]) -> None:
        super().__init__(f"the model is rejected: {'; '.join(failures)}")
        self.evaluations = evaluations


@dataclasses.dataclass(frozen=True)
class ClosedSetTask:
    """A task with a closed set of completions.

    Attributes:
        outputs: all completions that are valid after some prompt.
        thresholds: requirements for the tuned model.
    """

    outputs: tuple[str, ...]
    thresholds: ClosedSetThresholds = dataclasses.field(default_factory=ClosedSetThresholds)


def tune(
    model: ModelFolder,
    template: PromptTemplate,
    training: Sequence[TrainingExample],
    validation: Sequence[TrainingExample],
    config: TuningConfig,
    folder: Path,
    base: str = "",
    show: Callable[[TrainingStatus], None] = lambda _: None,
    closed_set: ClosedSetTask | None = None,
) -> TuningResult:
    """Train a model on examples, and write the adapter or the model.

    If a training is stopped, the same call resumes from the last evaluation.

    Args:
        model: the folder of the model; it is not changed.
        template: the text around each prompt, in training and in use.
        training: examples of the training split; the seed determines their order.
        validation: examples that decide when training stops, and which parameters are kept.
        config: the configuration of tuning.
        folder: the output folder of the adapter or the model, and of logs for TensorBoard.
        base: the name of the base model in the adapter's configuration, such as a hub id; empty: the folder's path.
        show: called with the progress.
        closed_set: the closed set of completions, for a task that has one; None: none.

    Raises:
        ValueError: if a split has no example that is short enough.
        RejectedModelError: if the model does not pass the thresholds of the closed set. States for resuming remain:
            the same call with other thresholds uses them.
        ModelUnavailableError: if packages are missing.
    """
    _check_packages()
    import torch
    from transformers import AutoTokenizer, set_seed

    set_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True, trust_remote_code=False)
    tokenized = tokenize_template(tokenizer, template, model.encoder_decoder)
    if closed_set is not None:
        validation = validation[: closed_set.thresholds.measured_pairs]
    rows_of = [token_rows(tokenizer, tokenized, split, model.encoder_decoder) for split in (training, validation)]
    short_enough, validation_rows = (_short_enough(rows, config.max_tokens) for rows in rows_of)
    is_packed = not model.encoder_decoder and config.method != "prompt_tuning"
    training_batches = _epochs(short_enough, config, is_packed)
    validation_batches = _batches(validation_rows, config, config.seed, is_packed)
    padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    collate = collate_rows(model.encoder_decoder, padding)
    if is_packed:
        collate = collate_packed(len(tokenized.before), padding)
    checkpoints = folder / CHECKPOINTS / _run_id(model, config, training_batches, validation_batches)
    trainable = trainable_model(model, config, device, tokenize_prompt(tokenizer, template.instructions))
    measure = None
    if closed_set is not None:
        measure = _measure(trainable, tokenizer, model.encoder_decoder, template, closed_set, validation)
    trainer = make_trainer(
        trainable,
        (training_batches, validation_batches),
        collate,
        config,
        model.encoder_decoder,
        (checkpoints, folder / LOGS),
        show,
        measure,
    )
    trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    evaluations = _evaluations(trainer.state.log_history)
    best = next(each for each in evaluations if each["step"] == trainer.state.best_global_step)
    if closed_set is not None:
        kept = ClosedSetMetrics(*(best[name] for name in ClosedSetMetrics._fields))
        if failures := failed_thresholds(kept, closed_set.thresholds):
            raise RejectedModelError(failures, evaluations)
    done = [each for batch in training_batches[: trainer.state.global_step] for each in batch]
    result = TuningResult(
        steps=trainer.state.global_step,
        examples=sum(len(each.completions) if isinstance(each, PromptGroup) else 1 for each in done),
        tokens=sum(each.tokens for each in done),
        trainable_parameters=sum(each.numel() for each in trainable.parameters() if each.requires_grad),
        skipped=sum(map(len, rows_of)) - len(short_enough) - len(validation_rows),
        loss_before=evaluations[0]["loss"],
        loss=best["loss"],
        evaluations=evaluations,
        best_step=int(best["step"]),
    )
    save_tuned(trainable, tokenizer, folder, base)
    shutil.rmtree(folder / CHECKPOINTS)
    return result


def _measure(
    trainable: Any,
    tokenizer: Any,
    encoder_decoder: bool,
    template: PromptTemplate,
    closed_set: ClosedSetTask,
    validation: Sequence[TrainingExample],
) -> Measure:
    """Return the function that measures a model while it is trained."""
    from transforms.language_models.transformers_model import TransformersModel

    examples = closed_set_examples(validation, closed_set.outputs)
    base = trainable.get_base_model() if hasattr(trainable, "get_base_model") else trainable

    def measure() -> dict[str, float]:
        soft_prompt = soft_prompt_of(trainable)
        wrapped = TransformersModel.wrap(base, tokenizer, soft_prompt, encoder_decoder, template)
        metrics = measure_closed_set(wrapped, examples)
        return metrics._asdict() | {"score": score_of(metrics)}

    return measure


def _evaluations(logs: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return what was measured at each evaluation, by step; a resumed training repeats the evaluation at its start."""
    names = ("loss", *ClosedSetMetrics._fields)
    by_step = {log["step"]: log for log in logs if "eval_loss" in log}
    return [
        {"step": step} | {name: log[f"eval_{name}"] for name in names if f"eval_{name}" in log}
        for step, log in sorted(by_step.items())
    ]


def _check_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelUnavailableError(f"tuning a language model needs the packages {', '.join(missing)}: {INSTALL_LLM}")


def _epochs(rows: Sequence[Row], config: TuningConfig, is_packed: bool) -> list[TrainingBatch]:
    """Return the batches of all epochs in the order of training; each epoch has its own order."""
    return [batch for epoch in range(config.epochs) for batch in _batches(rows, config, config.seed + epoch, is_packed)]


def _batches(rows: Sequence[Row], config: TuningConfig, seed: int, is_packed: bool) -> list[TrainingBatch]:
    """Divide rows into batches in a random order; packed ones consist of groups of equal prompts."""
    if is_packed:
        # A batch has several prompts, although a prompt may have many completions.
        groups = group_by_prompt(rows, max(config.batch_size // _MIN_PROMPTS, 1))
        return list(random_batches(groups, config.batch_size, seed))
    order = length_grouped_order([row.tokens for row in rows], config.batch_size, seed)
    starts = range(0, len(order), config.batch_size)
    return [[rows[index] for index in order[start : start + config.batch_size]] for start in starts]


def _short_enough(rows: Sequence[Row], max_tokens: int) -> list[Row]:
    kept = [row for row in rows if row.tokens <= max_tokens]
    if not kept:
        raise ValueError(f"of {len(rows)} examples none has at most max_tokens = {max_tokens} tokens")
    return kept


def _run_id(model: ModelFolder, config: TuningConfig, *splits: Sequence[TrainingBatch]) -> str:
    """Compute 16 hexadecimal digits of model, configuration and batches: only the state of an equal run is resumed."""
    files = [f"{path.name} {file_sha256(path)}" for path in model.fingerprinted_files]
    text = json.dumps([files, dataclasses.asdict(config), splits])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _last_checkpoint(checkpoints: Path) -> Any:
    from transformers.trainer_utils import get_last_checkpoint

    return get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
