"""A language model and examples -> an adapter, or a model, in the layout of PEFT and transformers."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import ModelFolder
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt, tokenize_template
from transforms.language_models.tuning.config import TrainingExample, TuningConfig
from transforms.language_models.tuning.rows import Row, token_rows
from transforms.language_models.tuning.trainable import save_tuned, trainable_model
from transforms.language_models.tuning.trainer import TrainingStatus, length_grouped_order, make_trainer
from transforms.model_files import ModelUnavailableError, file_sha256

CHECKPOINTS = "checkpoints"
LOGS = "logs"
_PACKAGES = ("torch", "transformers", "peft", "accelerate", "tensorboard")


class TuningResult(NamedTuple):
    """What came of a training.

    Attributes:
        steps: steps that were done; fewer than planned where the loss fell no more.
        examples: examples that were looked at.
        tokens: tokens of these, padding not among them.
        trainable_parameters: numbers that were learnt.
        skipped: examples that were longer than allowed.
        loss_before: loss on the validation part before, nats a token.
        loss: the lowest one; what was learnt by then is what is kept.
    """

    steps: int
    examples: int
    tokens: int
    trainable_parameters: int
    skipped: int
    loss_before: float
    loss: float


def tune(
    model: ModelFolder,
    template: PromptTemplate,
    training: Sequence[TrainingExample],
    validation: Sequence[TrainingExample],
    config: TuningConfig,
    folder: Path,
    base: str = "",
    show: Callable[[TrainingStatus], None] = lambda _: None,
) -> TuningResult:
    """Teaches a model.

    The pairs are gone through once: a caller who wants several passes says so, and may ask differently in each. Where a
    training is stopped, the same call goes on from the last evaluation.

    Args:
        model: what is taught; its folder stays as it is.
        template: what is said around each question, in training as in use.
        training: what is learnt, in any order: it is mixed by the seed.
        validation: what decides when it ends, and which state is kept.
        config: how.
        folder: where the adapter, or the model, is written, and logs for TensorBoard.
        base: what the adapter says of the model that it is for, such as a hub id; empty: the folder's path.
        show: is told how far it is.

    Raises:
        ValueError: when there is nothing to learn from, or nothing that is short enough.
        ModelUnavailableError: when packages are missing.
    """
    _check_packages()
    import torch
    from transformers import AutoTokenizer, set_seed

    set_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True, trust_remote_code=False)
    around = tokenize_template(tokenizer, template, model.encoder_decoder)
    known = [token_rows(tokenizer, around, pairs, model.encoder_decoder) for pairs in (training, validation)]
    learnt_from, judged_by = (_short_enough(rows, config.max_tokens) for rows in known)
    order = length_grouped_order([_length(row) for row in learnt_from], config.batch_size, config.seed)
    learnt_from = [learnt_from[place] for place in order]
    checkpoints = folder / CHECKPOINTS / _run_id(model, config, learnt_from, judged_by)
    trainable = trainable_model(model, config, device, tokenize_prompt(tokenizer, template.instructions))
    padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    trainer = make_trainer(
        trainable,
        (learnt_from, judged_by),
        config,
        model.encoder_decoder,
        padding,
        checkpoints,
        folder / LOGS,
        show,
    )
    trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    losses = [log["eval_loss"] for log in trainer.state.log_history if "eval_loss" in log]
    done = learnt_from[: trainer.state.global_step * config.batch_size]
    tuned = TuningResult(
        steps=trainer.state.global_step,
        examples=len(done),
        tokens=sum(map(_length, done)),
        trainable_parameters=sum(each.numel() for each in trainable.parameters() if each.requires_grad),
        skipped=sum(map(len, known)) - len(learnt_from) - len(judged_by),
        loss_before=losses[0],
        loss=min(losses),
    )
    save_tuned(trainable, tokenizer, folder, base)
    shutil.rmtree(folder / CHECKPOINTS)
    return tuned


def _check_packages() -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelUnavailableError(f"teaching a language model needs the packages {', '.join(missing)}: {INSTALL_LLM}")


def _length(row: Row) -> int:
    return len(row.asked) + len(row.answer)


def _short_enough(rows: Sequence[Row], most: int) -> list[Row]:
    kept = [row for row in rows if _length(row) <= most]
    if not kept:
        raise ValueError(f"of {len(rows)} examples none has at most max_tokens = {most} tokens")
    return kept


def _run_id(model: ModelFolder, config: TuningConfig, *parts: Sequence[Row]) -> str:
    """What is taught, and how, in 16 hexadecimal digits: a state of another training is not gone on from."""
    files = [f"{path.name} {file_sha256(path)}" for path in model.fingerprinted_files]
    text = json.dumps([files, dataclasses.asdict(config), parts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _last_checkpoint(checkpoints: Path) -> Any:
    from transformers.trainer_utils import get_last_checkpoint

    return get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
