"""How much a model reads: tokens of questions with all that is said around them, without loading its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.language_models.folder import AdapterFolder
from transforms.language_models.loading import locate_adapter, locate_model
from transforms.language_models.prompt_template import tokenize_prompt, tokenize_template
from transforms.language_models.smollm2 import EXTRA
from transforms.language_models.spec import GenerationSpec
from transforms.model_files import ModelUnavailableError


def count_prompt_tokens(spec: GenerationSpec, questions: Sequence[str]) -> npt.NDArray[np.int64]:
    """The number of tokens that stand before the answer to each question, shape (questions,), dtype int64.

    Instructions, worked examples, marks of a chat template and a soft prompt count each time, though what is the same
    for all questions is read once.

    Args:
        spec: the model, and what is said around questions; not an endpoint.
        questions: the questions.

    Raises:
        ValueError: for an endpoint, whose tokenizer is not on this machine.
        ModelUnavailableError: when the model, or a package, is not to be had.
    """
    if spec.model.kind == "endpoint":
        raise ValueError(f"how {spec.model} cuts texts into tokens is not known here")
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ModelUnavailableError(f"a tokenizer needs the package {error.name}: {EXTRA}") from error
    folder, adapter = locate_model(spec.model), locate_adapter(spec.model)
    tokenizer = AutoTokenizer.from_pretrained(folder.folder, local_files_only=True, trust_remote_code=False)
    around = tokenize_template(tokenizer, spec.template, folder.encoder_decoder)
    always = len(around.before) + len(around.after) + _soft_tokens(adapter)
    return np.array([always + len(tokenize_prompt(tokenizer, question)) for question in questions], np.int64)


def _soft_tokens(adapter: AdapterFolder | None) -> int:
    if adapter is None or adapter.kind != "PROMPT_TUNING":
        return 0
    config = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
    return int(config["num_virtual_tokens"])
