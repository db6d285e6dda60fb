"""The model as it is taught: which of its numbers are learnt; and how what was learnt is written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transforms.language_models.dtype import resolve_dtype
from transforms.language_models.folder import ModelFolder
from transforms.language_models.pretrained import cast_weights, load_pretrained
from transforms.language_models.tuning.config import TuningConfig

if TYPE_CHECKING:
    import torch


def trainable_model(
    model: ModelFolder, config: TuningConfig, device: torch.device, first_prompt: Sequence[int] = ()
) -> Any:
    """A model of transformers, or one of PEFT around it, whose learnt numbers alone ask for gradients.

    Weights that stay as they are have 16 bits where the device multiplies such numbers by itself; what is learnt has
    32.

    Args:
        model: what is taught.
        config: how.
        device: where it is to be.
        first_prompt: tokens whose vectors a prompt begins with, over and over (Lester et al. 2021 find that real words
            are a better start than chance); empty: chance.
    """
    import torch

    whole = config.method == "full"
    shortest = resolve_dtype("auto", device)
    short = shortest == torch.bfloat16 and not whole  # the range of float16 is too small for gradients
    loaded = load_pretrained(model)
    if short:
        cast_weights(loaded, torch.bfloat16)
    loaded.config.use_cache = False
    if whole:
        return loaded.to(device)
    from peft import get_peft_model

    with warnings.catch_warnings():  # PEFT asks transformers in a way that is to be given up
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        trainable = get_peft_model(loaded, _adapter_config(loaded, model, config))
    if config.method == "prompt_tuning" and first_prompt:
        _begin_prompt(trainable, first_prompt, config.prompt_tokens)
    return trainable.to(device)


def _adapter_config(loaded: Any, model: ModelFolder, config: TuningConfig) -> Any:
    from peft import LoraConfig, PromptTuningConfig, TaskType

    task = TaskType.SEQ_2_SEQ_LM if model.encoder_decoder else TaskType.CAUSAL_LM
    if config.method == "prompt_tuning":
        # The vectors stand before what an encoder reads, and nowhere else.
        return PromptTuningConfig(
            task_type=task,
            num_virtual_tokens=config.prompt_tokens,
            tokenizer_name_or_path=None,
            num_transformer_submodules=1 if model.encoder_decoder else None,
        )
    layers = None
    if config.top_layers is not None and not model.encoder_decoder:
        count = loaded.config.num_hidden_layers
        layers = list(range(max(count - config.top_layers, 0), count))
    return LoraConfig(
        task_type=task,
        r=config.rank,
        lora_alpha=2 * config.rank,
        target_modules=_linear_layers(loaded),
        layers_to_transform=layers,
    )


def _begin_prompt(trainable: Any, tokens: Sequence[int], count: int) -> None:
    import torch

    words = torch.tensor([tokens[place % len(tokens)] for place in range(count)])
    prompt = trainable.prompt_encoder[trainable.active_adapter].embedding.weight
    with torch.no_grad():
        prompt.copy_(trainable.get_input_embeddings()(words))


def _linear_layers(loaded: Any) -> list[str]:
    """The names that linear layers have inside each layer of a model, but the one that makes logits."""
    import torch

    head = loaded.get_output_embeddings()
    linear = [name for name, part in loaded.named_modules() if isinstance(part, torch.nn.Linear) and part is not head]
    return sorted({name.rpartition(".")[2] for name in linear})


def save_tuned(trainable: Any, tokenizer: Any, folder: Path, base: str) -> None:
    """Writes what was learnt, in 16 bits: an adapter as PEFT lays it out, or a whole model with its tokenizer.

    Args:
        trainable: of `trainable_model`.
        tokenizer: of the model.
        folder: where to; it is made.
        base: what an adapter says of the model that it is for; empty: as PEFT found it.
    """
    import torch
    from peft import PeftModel

    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(trainable, PeftModel):
        trainable.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return
    if base:
        trainable.active_peft_config.base_model_name_or_path = base
    for learnt in trainable.parameters():
        if learnt.requires_grad:
            learnt.data = learnt.data.to(torch.float16)
    trainable.save_pretrained(str(folder), save_embedding_layers=False)  # none is taught, and to look would ask a hub
    (folder / "README.md").unlink(missing_ok=True)  # a form that nobody filled in
