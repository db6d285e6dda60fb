"""Weights of a folder in memory: loading, adapters, and settings that batched decoding needs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.model_files import ModelUnavailableError, without_progress_bar

if TYPE_CHECKING:
    import torch


def load_pretrained(folder: ModelFolder) -> Any:
    """Load a model of transformers in float32, from safetensors only and without code from the folder.

    `cast_weights` converts it afterwards: to load another type, transformers changes the default type of torch for all
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
    """Convert parameters to a type, but no buffers: tables of positions would become too coarse."""
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)


def apply_adapter(model: Any, adapter: AdapterFolder | None) -> tuple[Any, torch.Tensor]:
    """Merge LoRA into the weights of a model, or load the vectors of a soft prompt.

    Returns:
        The model, and the soft prompt, shape (virtual tokens, hidden size); without one (0, hidden size).

    Raises:
        ModelUnavailableError: if a package is missing, or the adapter does not fit the model.
    """
    import torch

    width = model.get_input_embeddings().weight.shape[1]
    none = torch.zeros((0, width))
    if adapter is None:
        return model, none
    try:
        from peft import PeftModel
        from safetensors import SafetensorError
    except ImportError as error:
        raise ModelUnavailableError(f"an adapter needs the package {error.name}: {INSTALL_LLM}") from error
    try:
        with warnings.catch_warnings():  # PEFT reads an attribute that transformers deprecated
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            tuned = PeftModel.from_pretrained(model, adapter.folder)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise ModelUnavailableError(f"the adapter {adapter.folder} does not fit the model: {error}") from error
    if adapter.kind == "LORA":
        return tuned.merge_and_unload(), none
    tokens = tuned.active_peft_config.num_virtual_tokens
    prompt = tuned.get_prompt(batch_size=1)[0, :tokens].detach()
    if prompt.shape[1] != width:
        raise ModelUnavailableError(
            f"the adapter {adapter.folder} does not fit the model: vectors of {prompt.shape[1]} numbers, not {width}"
        )
    return tuned.get_base_model(), prompt


def reset_generation_config(model: Any) -> None:
    """Keep only the special tokens of a model's generation config; decoding is configured by `DecodingConfig`."""
    from transformers import GenerationConfig

    given, start = model.generation_config, model.generation_config.decoder_start_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=given.bos_token_id,
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None) if start is None else start,
    )


def make_head_input_contiguous(model: Any) -> None:
    """Make the input of the LM head contiguous; otherwise torch copies the head for each row."""
    head = model.get_output_embeddings()
    if head is not None:
        head.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(), *inputs[1:]))


def stop_token_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    """Return the tokens that end a completion: the end tokens of the model, and all that contain a line break."""
    named = [tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id]
    flat = [token for each in named for token in (each if isinstance(each, list) else [each]) if token is not None]
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    return frozenset(flat) | {token for token, text in enumerate(texts) if "\n" in text}
