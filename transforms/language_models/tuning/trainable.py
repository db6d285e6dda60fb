"""Models with trainable parameters, and the files that are written after training."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transforms.language_models.folder import ModelFolder
from transforms.language_models.pretrained import cast_weights, load_pretrained, make_head_input_contiguous
from transforms.language_models.tuning.config import TuningConfig
from transforms.precision.dtype import resolve_dtype

if TYPE_CHECKING:
    import torch


def trainable_model(
    model: ModelFolder, config: TuningConfig, device: torch.device, initial_prompt: Sequence[int] = ()
) -> Any:
    """Load a model of transformers, or wrap it by PEFT, with `requires_grad` set on trainable parameters only.

    Frozen weights are bfloat16 if the device supports it; trainable parameters are float32.

    Args:
        model: the folder of the model.
        config: the configuration of tuning.
        device: the device of the result.
        initial_prompt: tokens whose vectors initialize a soft prompt, repeated as needed (Lester et al. 2021 find that
            real words are a better start than random vectors); empty: random vectors.
    """
    import torch

    full = config.method == "full"
    # The range of float16 is too small for gradients.
    frozen_in_bfloat16 = resolve_dtype("auto", device) == torch.bfloat16 and not full
    loaded = load_pretrained(model)
    if frozen_in_bfloat16:
        cast_weights(loaded, torch.bfloat16)
    loaded.config.use_cache = False
    make_head_input_contiguous(loaded)
    if full:
        return loaded.to(device)
    from peft import get_peft_model

    with warnings.catch_warnings():  # PEFT reads an attribute that transformers deprecated
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        trainable = get_peft_model(loaded, _adapter_config(loaded, model, config))
    if config.method == "prompt_tuning" and initial_prompt:
        _initialize_soft_prompt(trainable, initial_prompt, config.prompt_tokens)
    return trainable.to(device)


def _adapter_config(loaded: Any, model: ModelFolder, config: TuningConfig) -> Any:
    from peft import LoraConfig, PromptTuningConfig, TaskType

    task = TaskType.SEQ_2_SEQ_LM if model.encoder_decoder else TaskType.CAUSAL_LM
    if config.method == "prompt_tuning":
        # The soft prompt precedes the input of an encoder, not that of the decoder.
        return PromptTuningConfig(
            task_type=task,
            num_virtual_tokens=config.prompt_tokens,
            tokenizer_name_or_path=None,
            num_transformer_submodules=1 if model.encoder_decoder else None,
        )
    layers = None
    if config.top_layers and not model.encoder_decoder:
        count = loaded.config.num_hidden_layers
        layers = list(range(max(count - config.top_layers, 0), count))
    return LoraConfig(
        task_type=task,
        r=config.rank,
        lora_alpha=2 * config.rank,
        target_modules=_linear_layers(loaded),
        layers_to_transform=layers,
    )


def _initialize_soft_prompt(trainable: Any, tokens: Sequence[int], count: int) -> None:
    import torch

    words = torch.tensor([tokens[index % len(tokens)] for index in range(count)])
    prompt = trainable.prompt_encoder[trainable.active_adapter].embedding.weight
    with torch.no_grad():
        prompt.copy_(trainable.get_input_embeddings()(words))


def soft_prompt_of(trainable: Any) -> torch.Tensor:
    """Return the vectors of the soft prompt of a model of `trainable_model`, shape (vectors, dimensions); else none."""
    base = trainable.get_base_model() if hasattr(trainable, "get_base_model") else trainable
    vectors = base.get_input_embeddings().weight
    if not hasattr(trainable, "prompt_encoder"):
        return vectors[:0].detach()
    return trainable.prompt_encoder[trainable.active_adapter].embedding.weight.detach()


def _linear_layers(loaded: Any) -> list[str]:
    """Return the names of the linear layers inside each layer of a model, without the LM head."""
    import torch

    head = loaded.get_output_embeddings()
    linear = [name for name, part in loaded.named_modules() if isinstance(part, torch.nn.Linear) and part is not head]
    return sorted({name.rpartition(".")[2] for name in linear})


def save_tuned(trainable: Any, tokenizer: Any, folder: Path, base: str) -> None:
    """Write an adapter in the layout of PEFT, in float16, or a whole model with its tokenizer, in bfloat16.

    Args:
        trainable: a model of `trainable_model`.
        tokenizer: the tokenizer of the model.
        folder: the output folder; it is created.
        base: the name of the base model in the adapter's configuration; empty: the path of its folder.
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
    for parameter in trainable.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float16)
    # No embedding layer is trained, and to check that PEFT would send a request to a hub.
    trainable.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model-card template
