"""The type of weights and activations. Kept import-light so that errors in options surface quickly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    import torch

DTypeName = Literal["auto", "float32", "bfloat16", "int8"]
"""`auto`: bfloat16 where the hardware supports it, else float32. `int8`: linear layers with 8-bit weights, the
rest in float32."""

_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
_CPU_INFO = Path("/proc/cpuinfo")


def cpu_has_bfloat16(cpu_info: Path = _CPU_INFO) -> bool:
    """Whether the processors of this machine multiply bfloat16 natively: x86 processors with these flags on Linux.

    Others can emulate it, but gain nothing, because each number is converted to float32 first.

    Args:
        cpu_info: the file in which Linux lists the flags of the processors.
    """
    return _has_flag(_BFLOAT16_FLAGS, cpu_info)


def cpu_has_int8(cpu_info: Path = _CPU_INFO) -> bool:
    """Whether the processors of this machine add up products of 8-bit integers exactly, by one instruction (VNNI).

    Others add two products in 16 bits, which overflow, and gain little.

    Args:
        cpu_info: see `cpu_has_bfloat16`.
    """
    return _has_flag(_INT8_FLAGS, cpu_info)


def resolve_dtype(name: DTypeName, device: torch.device) -> torch.dtype:
    """Return the type of weights and activations on a device.

    For `auto` it is float16 on a GPU without bfloat16. `torch.int8` stands for linear layers in 8 bits.

    Raises:
        ModelUnavailableError: if int8 is requested where it is not supported.
    """
    import torch

    if name == "int8" and (device.type != "cpu" or not cpu_has_int8()):
        raise ModelUnavailableError(
            "dtype int8 needs a processor with VNNI (avx512_vnni or avx_vnni in /proc/cpuinfo), not "
            f"{'this one' if device.type == 'cpu' else device.type}; use auto"
        )
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32


def _has_flag(flags: frozenset[str], cpu_info: Path) -> bool:
    return cpu_info.is_file() and not flags.isdisjoint(cpu_info.read_text(encoding="utf-8").split())
