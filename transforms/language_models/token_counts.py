"""Token counts of prompts, including the prompt template, without loading the weights of a model."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import AdapterFolder
from transforms.language_models.prompt_template import tokenize_prompt, tokenize_template
from transforms.language_models.spec import GenerationSpec
from transforms.model_files import ModelUnavailableError


def count_prompt_tokens(spec: GenerationSpec, prompts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Count the tokens that precede the completion of each prompt.

    Instructions, worked examples, chat markup and a soft prompt count for each prompt, although the model reads the
    tokens that all prompts share once.

    Args:
        spec: the model and its template; not an endpoint.
        prompts: the prompts.

    Returns:
        Shape (prompts,), dtype int64.

    Raises:
        ValueError: for an endpoint, whose tokenizer is not on this machine.
        ModelUnavailableError: if the model or a package is unavailable.
    """
    if spec.model.kind == "endpoint":
        raise ValueError(f"the tokenizer of {spec.model} is unknown")
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ModelUnavailableError(f"a tokenizer needs the package {error.name}: {INSTALL_LLM}") from error
    folder, adapter = spec.model.locate()
    tokenizer = AutoTokenizer.from_pretrained(folder.folder, local_files_only=True, trust_remote_code=False)
    template = tokenize_template(tokenizer, spec.template, folder.encoder_decoder)
    shared = len(template.before) + len(template.after) + _soft_prompt_tokens(adapter)
    return np.array([shared + len(tokenize_prompt(tokenizer, prompt)) for prompt in prompts], np.int64)


def _soft_prompt_tokens(adapter: AdapterFolder | None) -> int:
    if adapter is None or adapter.kind != "PROMPT_TUNING":
        return 0
    config = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
    return int(config["num_virtual_tokens"])
