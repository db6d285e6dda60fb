"""How many bits a language model reckons in. Imports nothing that takes long: wrong options are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

DTypeName = Literal["auto", "float32", "bfloat16"]
"""`auto`: 16 bits where the machine multiplies them itself, and 32 elsewhere."""

_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
_PROCESSOR = Path("/proc/cpuinfo")


def cpu_has_bfloat16(processor: Path = _PROCESSOR) -> bool:
    """Whether this machine's processors multiply bfloat16 themselves: those of x86 that say so under Linux.

    Others can be told to, but gain nothing where each number is made into 32 bits first.

    Args:
        processor: where Linux says what a processor can do.
    """
    return processor.is_file() and not _INSTRUCTIONS.isdisjoint(processor.read_text(encoding="utf-8").split())


def resolve_dtype(dtype: DTypeName, device: torch.device) -> torch.dtype:
    """The type of weights and activations on a device.

    A GPU without bfloat16 takes float16 for `auto`.
    """
    import torch

    if dtype != "auto":
        return torch.float32 if dtype == "float32" else torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32
