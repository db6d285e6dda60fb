"""The training loop: that of transformers, with logits only where something is to be said."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.language_models.tuning.config import TuningConfig
from transforms.language_models.tuning.rows import IGNORED, Collate, Row

BATCHES_SORTED_TOGETHER = 50
"""Examples of so many batches are brought into batches of nearly one length, which need little padding."""


class TrainingStatus(NamedTuple):
    """How far a training is.

    Attributes:
        step: steps done.
        steps: steps that there are.
        training_loss: mean loss of the last steps, nats a token; None: not known yet.
        validation_loss: loss on the validation part when it was last looked at; None: not yet.
    """

    step: int
    steps: int
    training_loss: float | None
    validation_loss: float | None


def length_grouped_order(lengths: Sequence[int], batch_size: int, seed: int) -> npt.NDArray[np.int64]:
    """The order in which examples are learnt from: mixed, but in batches of nearly one length.

    Args:
        lengths: of each example.
        batch_size: examples in a batch.
        seed: of the mixing.

    Returns:
        Their indices, shape (examples,); each so many of them are a batch.
    """
    random = np.random.default_rng(seed)
    mixed = random.permutation(len(lengths))
    window = batch_size * BATCHES_SORTED_TOGETHER
    order = []
    for start in range(0, len(mixed), window):
        part = mixed[start : start + window]
        by_length = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        batches = np.split(by_length, range(batch_size, len(part), batch_size))
        full, rest = (batches[:-1], batches[-1:]) if len(batches[-1]) < batch_size else (batches, [])
        order += [full[place] for place in random.permutation(len(full))] + rest
    return np.concatenate(order)


def answer_loss(model: Any, inputs: dict[str, Any], encoder_decoder: bool) -> Any:
    """Mean loss over the tokens of answers, nats a token.

    Args:
        model: of transformers or PEFT.
        inputs: a batch of `Collate`.
        encoder_decoder: whether the model reads the question apart from its answer.
    """
    import torch

    labels = inputs["labels"]
    if encoder_decoder:
        logits = model(**inputs).logits
    else:
        kept = labels.shape[1] + 1
        # Some models can leave out the logits that are not needed; all have them where they are last.
        less = {"logits_to_keep": kept} if _leaves_out_logits(model) else {}
        read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        logits = model(**read, **less).logits[:, -kept:-1]
    said = logits.reshape(-1, logits.shape[-1]).float()  # 16 bits are too few to sum up in
    return torch.nn.functional.cross_entropy(said, labels.reshape(-1), ignore_index=IGNORED)


def _leaves_out_logits(model: Any) -> bool:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(base.forward).parameters


def make_trainer(
    trainable: Any,
    rows: tuple[Sequence[Row], Sequence[Row]],
    config: TuningConfig,
    encoder_decoder: bool,
    padding: int,
    checkpoints: Path,
    logs: Path,
    show: Callable[[TrainingStatus], None],
) -> Any:
    """A trainer of transformers.

    Args:
        trainable: what learns.
        rows: what it learns from, in the order in which it does, and what decides when it ends.
        config: how.
        encoder_decoder: whether the model reads the question apart from its answer.
        padding: the token that pads.
        checkpoints: folder of the states that a stopped training goes on from.
        logs: folder for TensorBoard.
        show: is told how far it is.
    """
    from torch.utils.tensorboard import SummaryWriter
    from transformers import EarlyStoppingCallback, Trainer, TrainerCallback
    from transformers.integrations.integration_utils import TensorBoardCallback

    class AnswerTrainer(Trainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            loss = answer_loss(model, inputs, encoder_decoder)
            return (loss, {}) if return_outputs else loss

    class Shows(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            show(_training_status(state))

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            show(_training_status(state))

    trainer = AnswerTrainer(
        model=trainable,
        args=_arguments(config, len(rows[0]), checkpoints, str(trainable.device)),
        data_collator=Collate(encoder_decoder, padding),
        train_dataset=[row._asdict() for row in rows[0]],
        eval_dataset=[row._asdict() for row in rows[1]],
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=config.patience),
            TensorBoardCallback(SummaryWriter(str(logs))),
            Shows(),
        ],
    )
    _disable_printing(trainer)
    return trainer


def _arguments(config: TuningConfig, examples: int, checkpoints: Path, device: str) -> Any:
    from transformers import TrainingArguments

    steps = -(-examples // config.batch_size)
    between = max(steps // config.evaluations, 1)
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=1,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        learning_rate=config.peak_learning_rate,
        warmup_steps=round(config.warmup * steps),
        lr_scheduler_type="linear",
        weight_decay=0.0,
        bf16=config.method == "full" and device != "cpu",
        train_sampling_strategy="sequential",
        eval_strategy="steps",
        eval_steps=between,
        eval_on_start=True,
        save_strategy="steps",
        save_steps=between,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=max(between // 5, 1),
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
    """Takes away what prints each log: it is shown by a bar, and written for TensorBoard."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _training_status(state: Any) -> TrainingStatus:
    losses = {
        name: next((log[name] for log in reversed(state.log_history) if name in log), None)
        for name in ("loss", "eval_loss")
    }
    return TrainingStatus(state.global_step, state.max_steps, losses["loss"], losses["eval_loss"])
