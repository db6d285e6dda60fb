"""Speed of the shapes of larger models on a GPU, with random weights, which take as long as trained ones."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from benchmarks.naming_rivals import Complete, PlainGenerate, texts_of
from benchmarks.report import Lines, three_digits
from transforms.language_models.folder import ModelFolder, read_model
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt
from transforms.language_models.spec import DecodingConfig
from transforms.language_models.transformers_model import TransformersModel

SHAPES: dict[str, dict[str, Any]] = {
    "0.5 B": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "7 B": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    },
}
"""Those of Qwen2.5."""

_VOCABULARY = 152_064
_NEW_TOKENS = 8
_TOKENS_TOGETHER = (4096, 32_768, 131_072)
_TOGETHER = (32, 128)
_GIGABYTE = 1e9
_COLUMNS = ("shape", "method", "names", "prompt and completion tokens per second", "peak memory")


def make_shape(shape: dict[str, Any], tokenizer_folder: Path, folder: Path) -> ModelFolder:
    """Makes a model of a shape, with weights made by chance, in bfloat16."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(
            Qwen2Config(**{"vocab_size": _VOCABULARY} | shape | ends), dtype=torch.bfloat16
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del model
    torch.cuda.empty_cache()
    return read_model(folder)


def measure_shapes(tokenizer: ModelFolder, prompts: Sequence[str], data: Path) -> Lines:
    """Measure names per second and memory of each shape, for several batch sizes, compared with transformers."""
    rows = []
    for name, shape in SHAPES.items():
        path = data / f"shape-{name.replace(' ', '')}"
        shutil.rmtree(path, ignore_errors=True)
        folder = make_shape(shape, tokenizer.folder, path)
        rows += [(name, *row) for row in _ours(folder, prompts)]
        rows += [(name, *row) for row in _rivals(folder, prompts)]
        shutil.rmtree(path)
    return Lines("On a GPU", _COLUMNS, rows)


def _ours(folder: ModelFolder, prompts: Sequence[str]) -> list[tuple[str, ...]]:
    model = TransformersModel(folder, decoding=DecodingConfig(_NEW_TOKENS))
    tokenizer = AutoTokenizer.from_pretrained(folder.folder)
    rows = []
    for tokens in _TOKENS_TOGETHER:
        model.max_batch_tokens = tokens
        rows.append(_row(f"batches of {tokens:,} tokens", texts_of(model), prompts, tokenizer))
    return rows


def _rivals(folder: ModelFolder, prompts: Sequence[str]) -> list[tuple[str, ...]]:
    rows = []
    for together in _TOGETHER:
        rival = PlainGenerate(folder, None, PromptTemplate(), _NEW_TOKENS, together)
        rows.append(_row(f"generate(), {together} prompts per call", rival, prompts, rival.tokenizer))
    return rows


def _row(method: str, complete: Complete, prompts: Sequence[str], tokenizer: Any) -> tuple[str, ...]:
    complete(prompts[:8])
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    complete(prompts)
    torch.cuda.synchronize()
    rate = len(prompts) / (time.perf_counter() - started)
    read = sum(len(tokenize_prompt(tokenizer, prompt)) for prompt in prompts) / len(prompts)
    peak = torch.cuda.max_memory_allocated() / _GIGABYTE
    return method, three_digits(rate, "/s"), f"{rate * (read + _NEW_TOKENS):,.0f}", three_digits(peak, "GB")
