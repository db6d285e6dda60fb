"""Specifications of language models: which weights, which prompt template, which decoding. Stands on the whole package.

Slow libraries are imported when a model is loaded, so that errors in options surface quickly.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint_name import ALLOWED as ENDPOINTS_ALLOWED
from transforms.language_models.endpoint_name import is_endpoint, parse_endpoint
from transforms.language_models.folder import FolderError, read_adapter, read_model
from transforms.language_models.interface import LanguageModel, ReplyCheck, accept_reply
from transforms.language_models.locate import (
    PACKAGE_PREFIX,
    ModelKind,
    locate_adapter,
    locate_model,
    model_fingerprint,
    sha256_of,
)
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.transformers_model import TransformersModel
from transforms.model_files import is_hub_id, looks_like_path
from transforms.precision.dtype import DTypeName

if TYPE_CHECKING:
    from transforms.language_models.folder import AdapterFolder, ModelFolder

ALLOWED = (
    "'smollm2' (SmolLM2-135M-Instruct), a folder with a model of transformers, a hub id as owner/name, "
    f"or {ENDPOINTS_ALLOWED}"
)

N_BEST_VERSION = "most probable first tokens, 1"
"""Part of the fingerprint with several candidates; its number is increased when the candidates change."""

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """The weights of a model by name, or the name of a model behind an endpoint.

    Attributes:
        kind: the kind of `name`.
        name: path of a folder, hub id, or the name of a model at its endpoint; empty for `smollm2`.
        adapter: a PEFT adapter for the model: path of its folder, or `package:` and the name of a Python package that
            contains its files, which workers find wherever the package is installed; empty: none.
        url: the address of the endpoint; empty for all other kinds.
        label: the name of the model for people; empty: derived from the other fields.
    """

    kind: ModelKind
    name: str = ""
    adapter: str = ""
    url: str = ""
    label: str = ""

    def __str__(self) -> str:
        if self.label:
            return self.label
        if self.url:
            return f"{self.name} at {self.url}"
        return (self.name or self.kind) + (f" with {self.adapter}" if self.adapter else "")

    @property
    def short_name(self) -> str:
        """The last parts of its names, which are the same on every machine: `smollm2+adapter`."""
        if self.label:
            return self.label
        return "+".join(Path(part).name for part in (self.name or self.kind, self.adapter) if part)

    def fingerprint(self) -> str:
        """Compute the SHA-256, in hexadecimal, of weights, adapter, tokenizer and configuration; needs no torch.

        That of an endpoint covers the model's name there: it stays the same if the server moves, and if the server gets
        other weights under that name. The device is not part of it; a few completions differ between devices.

        Raises:
            ModelUnavailableError: if the weights are unavailable.
        """
        return model_fingerprint(self.kind, self.name, self.adapter)

    def locate(self) -> tuple[ModelFolder, AdapterFolder | None]:
        """Find the folders of the model and of its adapter; not for an endpoint.

        Raises:
            ModelUnavailableError: if one of them is unavailable.
        """
        return locate_model(self.kind, self.name), locate_adapter(self.adapter)


@dataclasses.dataclass(frozen=True)
class GenerationSpec:
    """A model with its prompt template and its decoding configuration: a `LanguageModelSource`.

    Attributes:
        model: the weights.
        template: the text around each prompt.
        decoding: configuration of decoding.
        limits: client-side limits of an endpoint; no completion depends on them.
        dtype: type of weights and activations of a model on this machine.
        check: decides which replies of an endpoint are no completions; no completion depends on it.
        int8_without_bfloat16: whether the type `auto` is `int8` on processors without bfloat16: for models of which it
            was measured that their completions are as good.

    Raises:
        ValueError: if an endpoint is given several sequences or a constraint, which it does not support.
    """

    model: ModelSpec
    template: PromptTemplate = dataclasses.field(default_factory=PromptTemplate)
    decoding: DecodingConfig = dataclasses.field(default_factory=DecodingConfig)
    limits: ClientLimits = dataclasses.field(default_factory=ClientLimits)
    dtype: DTypeName = "auto"
    check: ReplyCheck = accept_reply
    int8_without_bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.model.kind == "endpoint" and (self.decoding.num_sequences > 1 or self.decoding.constraint is not None):
            raise ValueError("num_sequences and constraint need a model that is loaded here, got an endpoint")

    def fingerprint(self) -> str:
        """Compute the SHA-256, in hexadecimal, of everything that completions depend on except the prompts.

        The configured type counts, not the one of a machine: `auto` is the same everywhere, so that completions of one
        machine are reused on another. Configure a type where a few different completions matter.

        Raises:
            ModelUnavailableError: if the weights are unavailable.
        """
        decoding = json.dumps(dataclasses.asdict(self.decoding), sort_keys=True)
        version = [N_BEST_VERSION] if self.decoding.num_sequences > 1 else []
        return sha256_of([self.model.fingerprint(), self.template.fingerprint(), decoding, self.dtype, *version])

    def load(self, device: str | None = None) -> LanguageModel:
        """Load the model.

        Args:
            device: device of torch; None: the GPU if there is one.

        Raises:
            ModelUnavailableError: if weights or packages are unavailable, or the key of an endpoint is invalid. The
                server of an endpoint gets its first request with the first prompt: if all completions are cached it
                need not run.
        """
        _LOGGER.info("process %d loads the language model %s", os.getpid(), self.model)
        if self.model.kind == "endpoint":
            from transforms.language_models.endpoint import OpenAIEndpoint

            return OpenAIEndpoint(
                self.model.url,
                self.model.name,
                self.template,
                self.decoding,
                self.limits,
                reach_first=True,
                check=self.check,
            )
        folder, adapter = self.model.locate()
        return TransformersModel(
            folder,
            adapter,
            self.template,
            self.decoding,
            device,
            dtype=self.dtype,
            int8_without_bfloat16=self.int8_without_bfloat16,
        )

    def is_shared(self) -> bool:
        """Whether this machine has a GPU, whose memory holds one copy. An endpoint's model is not on this machine."""
        return self.model.kind != "endpoint" and _has_gpu()


def parse_model_spec(text: str, adapter: str = "", packaged: Mapping[str, ModelSpec] | None = None) -> ModelSpec:
    """Parse the name of a model and the path of an adapter.

    Text that begins like a path, or that is an existing folder, is a folder, and its files are checked. Other text of
    the form `owner/name` is a hub id. No request is made to an endpoint: workers may reach it even if this machine
    does not.

    Args:
        text: the name of the model.
        adapter: path of the adapter's folder; empty: none.
        packaged: further names, of models whose adapters are part of a Python package; None: none.

    Raises:
        ValueError: naming the value given and what is allowed.
    """
    packaged = packaged or {}
    allowed = ", ".join([*(f"{name!r}" for name in packaged), ALLOWED])
    if is_endpoint(text):
        return _parse_endpoint(text, adapter)
    if text in packaged:
        if adapter:
            base = packaged[text]
            raise ValueError(f"no adapter {adapter!r}: {text!r} has one; give it to {base.name or base.kind!r}")
        return packaged[text]
    checked = str(_check_adapter(adapter)) if adapter else ""
    if text == "smollm2":
        return ModelSpec("smollm2", adapter=checked)
    if looks_like_path(text):
        return ModelSpec("folder", str(_check_folder(text, allowed)), checked)
    if is_hub_id(text):
        return ModelSpec("hub", text, checked)
    raise ValueError(f"no language model {text!r}; allowed are {allowed}")


def packaged_adapter(package: str) -> str:
    """Return the name, for `ModelSpec.adapter`, of an adapter whose files are part of a Python package."""
    return f"{PACKAGE_PREFIX}{package}"


def _parse_endpoint(text: str, adapter: str) -> ModelSpec:
    url, model = parse_endpoint(text)
    if adapter:
        raise ValueError(
            f"no adapter {adapter!r}: it cannot be applied to the model of an endpoint; load it in the server, and "
            "give the name that it has there"
        )
    return ModelSpec("endpoint", model, url=url)


def _check_folder(text: str, allowed: str) -> Path:
    try:
        return read_model(Path(text).expanduser().resolve()).folder
    except FolderError as error:
        raise ValueError(f"no language model {text!r}: {error}; allowed are {allowed}") from error


def _check_adapter(text: str) -> Path:
    try:
        return read_adapter(Path(text).expanduser().resolve()).folder
    except FolderError as error:
        raise ValueError(f"no adapter {text!r}: {error}") from error


def _has_gpu() -> bool:
    """Whether torch can use a GPU."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
