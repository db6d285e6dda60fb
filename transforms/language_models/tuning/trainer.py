"""The training loop: the Trainer of transformers, with logits at the positions of completions only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.language_models.tuning.collate import Collate, TrainingBatch
from transforms.language_models.tuning.config import TuningConfig
from transforms.language_models.tuning.rows import IGNORED

BATCHES_SORTED_TOGETHER = 50
"""Batches whose examples are sorted by length together, so that each batch needs little padding."""


class TrainingStatus(NamedTuple):
    """The progress of a training.

    Attributes:
        step: number of finished steps.
        steps: total number of steps.
        training_loss: mean loss of the last steps, nats per token; None: unknown so far.
        validation_loss: loss on the validation split at the last evaluation; None: unknown so far.
        match_rate: match rate at the last evaluation, see `ClosedSetMetrics`; None: unknown so far, or not measured.
        recall: recall@10 at the last evaluation; None: as for the match rate.
    """

    step: int
    steps: int
    training_loss: float | None
    validation_loss: float | None
    match_rate: float | None = None
    recall: float | None = None


Measure = Callable[[], Mapping[str, float]]
"""Computes further metrics of the model at an evaluation, among them `score`, by which evaluations are compared."""


def length_grouped_order(lengths: Sequence[int], batch_size: int, seed: int) -> npt.NDArray[np.int64]:
    """Compute a random order of examples in which the examples of a batch have similar lengths.

    Args:
        lengths: number of tokens of each example.
        batch_size: examples of a batch.
        seed: random seed.

    Returns:
        The indices of all examples, shape (examples,).
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(lengths))
    window = batch_size * BATCHES_SORTED_TOGETHER
    order = []
    for start in range(0, len(shuffled), window):
        part = shuffled[start : start + window]
        by_length = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        batches = np.split(by_length, range(batch_size, len(part), batch_size))
        full, rest = (batches[:-1], batches[-1:]) if len(batches[-1]) < batch_size else (batches, [])
        order += [full[index] for index in random.permutation(len(full))] + rest
    return np.concatenate(order)


def completion_loss(model: Any, inputs: dict[str, Any], encoder_decoder: bool) -> Any:
    """Compute the mean loss over the tokens of completions, nats per token, weighted if the batch has weights.

    Args:
        model: a model of transformers or PEFT.
        inputs: a batch of `collate_rows` or `collate_packed`.
        encoder_decoder: whether the model reads prompts and completions separately.
    """
    return _packed_loss(model, inputs) if "visible" in inputs else _rows_loss(model, inputs, encoder_decoder)


def _packed_loss(model: Any, inputs: dict[str, Any]) -> Any:
    import torch

    dtype = model.get_input_embeddings().weight.dtype
    mask = torch.zeros(inputs["visible"].shape, dtype=dtype, device=inputs["visible"].device)
    mask.masked_fill_(~inputs["visible"], torch.finfo(dtype).min)
    read = {"input_ids": inputs["input_ids"], "position_ids": inputs["position_ids"], "attention_mask": mask}
    kept = inputs["kept"]
    logits = model(**read, logits_to_keep=kept).logits if _can_skip_logits(model) else model(**read).logits[:, kept]
    predicted = logits[inputs["target_rows"], inputs["target_places"]].float()  # bfloat16 is too coarse for sums
    losses = torch.nn.functional.cross_entropy(predicted, inputs["labels"], reduction="none")
    weights = inputs["target_weights"].to(losses)
    return (losses * weights).sum() / weights.sum()


def _rows_loss(model: Any, inputs: dict[str, Any], encoder_decoder: bool) -> Any:
    import torch

    labels, weights = inputs["labels"], inputs.get("weights")
    if encoder_decoder:
        logits = model(**{name: value for name, value in inputs.items() if name != "weights"}).logits
    else:
        kept = labels.shape[1] + 1
        # Some models can skip the logits that are not needed; all models return those of the last positions.
        arguments = {"logits_to_keep": kept} if _can_skip_logits(model) else {}
        read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        logits = model(**read, **arguments).logits[:, -kept:-1]
    flat = logits.reshape(-1, logits.shape[-1]).float()  # bfloat16 is too coarse for sums
    targets = labels.reshape(-1)
    if weights is None:
        return torch.nn.functional.cross_entropy(flat, targets, ignore_index=IGNORED)
    losses = torch.nn.functional.cross_entropy(flat, targets, ignore_index=IGNORED, reduction="none")
    token_weights = (weights.to(losses)[:, None] * (labels != IGNORED)).reshape(-1)
    return (losses * token_weights).sum() / token_weights.sum()


def _can_skip_logits(model: Any) -> bool:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(base.forward).parameters


def make_trainer(
    trainable: Any,
    batches: tuple[Sequence[TrainingBatch], Sequence[TrainingBatch]],
    collate: Collate,
    config: TuningConfig,
    encoder_decoder: bool,
    folders: tuple[Path, Path],
    show: Callable[[TrainingStatus], None],
    measure: Measure | None = None,
) -> Any:
    """Create a Trainer of transformers.

    Args:
        trainable: a model of `trainable_model`.
        batches: batches of the training split, in the order of training, and batches of the validation split.
        collate: converts a batch to tensors.
        config: the configuration of tuning.
        encoder_decoder: whether the model reads prompts and completions separately.
        folders: the folder of states from which a stopped training resumes, and the folder of logs for TensorBoard.
        show: called with the progress.
        measure: computes further metrics, at each evaluation; None: evaluations are compared by the loss.
    """
    from torch.utils.tensorboard import SummaryWriter
    from transformers import EarlyStoppingCallback, Trainer, TrainerCallback
    from transformers.integrations.integration_utils import TensorBoardCallback

    class CompletionTrainer(Trainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            loss = completion_loss(model, inputs, encoder_decoder)
            return (loss, {}) if return_outputs else loss

        def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
            output = super().evaluation_loop(*args, **kwargs)
            if measure is None:
                return output
            further = {f"eval_{name}": value for name, value in measure().items()}
            return output._replace(metrics={**(output.metrics or {}), **further})

    class ShowProgress(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            show(_training_status(state))

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            show(_training_status(state))

    checkpoints, logs = folders
    trainer = CompletionTrainer(
        model=trainable,
        args=_arguments(config, len(batches[0]), checkpoints, str(trainable.device), measure is not None),
        data_collator=collate,
        train_dataset=batches[0],
        eval_dataset=batches[1],
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=config.patience),
            TensorBoardCallback(SummaryWriter(str(logs))),
            ShowProgress(),
        ],
    )
    _disable_printing(trainer)
    return trainer


def _arguments(config: TuningConfig, steps: int, checkpoints: Path, device: str, has_score: bool) -> Any:
    from transformers import TrainingArguments

    interval = max(steps // config.evaluations, 1)
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=1,  # the batches of all epochs are in one list
        per_device_train_batch_size=1,  # an element of the list is a batch
        per_device_eval_batch_size=1,
        learning_rate=config.peak_learning_rate,
        warmup_steps=round(config.warmup * steps),
        lr_scheduler_type="linear",
        weight_decay=0.0,
        bf16=config.method == "full" and device != "cpu",
        train_sampling_strategy="sequential",
        eval_strategy="steps",
        eval_steps=interval,
        eval_on_start=True,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_score" if has_score else "eval_loss",
        greater_is_better=has_score,
        logging_steps=max(interval // 5, 1),
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        prediction_loss_only=True,
        label_names=["labels"],
        dataloader_pin_memory=device != "cpu",
        use_cpu=device == "cpu",
        seed=config.seed,
    )


def _disable_printing(trainer: Any) -> None:
    """Remove the callback that prints each log; a progress bar shows it, and TensorBoard keeps it."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _training_status(state: Any) -> TrainingStatus:
    names = ("loss", "eval_loss", "eval_match_rate", "eval_recall_10")
    last = (next((log[name] for log in reversed(state.log_history) if name in log), None) for name in names)
    return TrainingStatus(state.global_step, state.max_steps, *last)
