"""The type of weights and activations of models. Kept import-light so that errors in options surface quickly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    import torch

FloatName = Literal["auto", "float32", "bfloat16"]
"""`auto`: bfloat16 where the hardware supports it, else float32."""

DTypeName = Literal[FloatName, "int8"]
"""`int8`: float32, but linear layers multiply 8-bit integers; on processors only."""

EncoderDType = Literal["auto", "bfloat16", "float", "int8"]
"""`float`: float32 on processors and 16 bits on a GPU. `auto`: `int8` on processors without bfloat16, else `float`."""

_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_CPU_INFO = Path("/proc/cpuinfo")


def encoder_dtype(dtype: DTypeName) -> EncoderDType:
    """Return the type of an encoder that selects among the outputs of a model of some type."""
    return dtype if dtype in ("auto", "int8") else "float"


def cpu_has_bfloat16(cpu_info: Path = _CPU_INFO) -> bool:
    """Whether the processors of this machine multiply bfloat16 natively: x86 processors with these flags on Linux.

    Others can emulate it, but gain nothing, because each number is converted to float32 first.

    Args:
        cpu_info: the file in which Linux lists the flags of the processors.
    """
    return cpu_info.is_file() and not _CPU_FLAGS.isdisjoint(cpu_info.read_text(encoding="utf-8").split())


def multiplies_integers(name: DTypeName, device: torch.device, int8_without_bfloat16: bool) -> bool:
    """Whether linear layers multiply 8-bit integers on a device.

    Args:
        name: the configured type.
        device: the device.
        int8_without_bfloat16: whether `auto` is `int8` on processors without bfloat16.
    """
    on_processor_without = device.type == "cpu" and not cpu_has_bfloat16()
    return name == "int8" or (name == "auto" and int8_without_bfloat16 and on_processor_without)


def resolve_dtype(name: DTypeName, device: torch.device) -> torch.dtype:
    """Return the type of weights and activations on a device; for `auto`, float16 on a GPU without bfloat16.

    Returns:
        For `int8`, the type of everything but the products of linear layers.

    Raises:
        ModelUnavailableError: for `int8` on another device than a processor.
    """
    import torch

    if name == "int8" and device.type != "cpu":
        raise ModelUnavailableError(f"int8 is for processors, got a device of the type {device.type}: use bfloat16")
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32
