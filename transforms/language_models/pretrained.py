"""Weights of a folder in memory, and the type of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transforms.language_models.folder import ModelFolder
from transforms.model_files import without_progress_bar

if TYPE_CHECKING:
    import torch


def load_pretrained(folder: ModelFolder) -> Any:
    """A model of transformers in 32 bits; safetensors alone are read, and no code from the folder is run.

    Another type is given to it afterwards, by `cast_weights`: to load one, transformers changes torch's own for all
    threads meanwhile.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kind = AutoModelForSeq2SeqLM if folder.encoder_decoder else AutoModelForCausalLM
    with without_progress_bar():
        return kind.from_pretrained(
            folder.folder,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )


def cast_weights(model: Any, dtype: torch.dtype) -> None:
    """Gives weights a type, and not what a model reckons itself: tables of positions would be too coarse."""
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
