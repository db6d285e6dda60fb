"""Linear layers with products of 8-bit integers, which processors compute faster than those of floats.

Each output of the weights, and each row of the inputs, has a scale of its own, so that the result of a row depends on
no other row. Sums of products are exact integers. Weights have seven bits: processors without VNNI add two products of
eight bits in 16 bits, which would saturate.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, NamedTuple

import torch

from transforms.model_files import ModelUnavailableError

MAX_WEIGHT = 63
"""Greatest absolute value of a weight: 255 * 63, the greatest product with an input as processors without VNNI
represent it, fits twice in 16 bits."""

MAX_INPUT = 127
"""Greatest absolute value of an input."""


class RoundedRows(NamedTuple):
    """Rows of float32, rounded to integers.

    Attributes:
        integers: int8, shape (rows, columns).
        scale: the factor by which the integers of each row are multiplied, float32, shape (rows, 1).
    """

    integers: torch.Tensor
    scale: torch.Tensor


def round_rows(rows: torch.Tensor, greatest: int) -> RoundedRows:
    """Round rows of float32, shape (rows, columns), so that the greatest absolute value of each becomes an integer.

    Args:
        rows: the rows.
        greatest: that integer, at most 127.
    """
    scale = torch.maximum(rows.amax(1, keepdim=True), rows.amin(1, keepdim=True).neg_())
    scale = scale.clamp_min_(torch.finfo(torch.float32).tiny).div_(greatest)  # positive for rows of zeros
    return RoundedRows((rows / scale).round_().to(torch.int8), scale)


class InputRounding(threading.local):
    """Rounding of the inputs of a model, once for several layers of one module that read the same tensor.

    Those are the layers of queries, keys and values, for example. Only the last result of each thread is kept, and a
    layer gets it once. The model must not change the tensor between these layers.
    """

    def __init__(self) -> None:
        self._module: object = None
        self._inputs: torch.Tensor | None = None
        self._rounded: RoundedRows | None = None
        self._readers: list[object] = []

    def round(self, layer: object, module: object, inputs: torch.Tensor) -> RoundedRows:
        """Round the inputs, shape (..., columns), of a layer of some module."""
        is_new = (
            self._module is not module or self._inputs is not inputs or any(each is layer for each in self._readers)
        )
        if is_new or self._rounded is None:
            self._module, self._inputs, self._readers = module, inputs, []
            self._rounded = round_rows(inputs.reshape(-1, inputs.shape[-1]), MAX_INPUT)
        self._readers.append(layer)
        return self._rounded


class QuantizedLinear(torch.nn.Module):
    """A linear layer whose weights are rounded once and whose inputs are rounded row by row.

    Args:
        linear: the layer to replace; its weights in float32, shape (outputs, inputs).
        rounding: the rounding of inputs; None: one of its own.
        module: the module of which this is a layer, for `rounding`.

    Attributes:
        weight: int8, shape (outputs, inputs).
        scale: of each output, float32, shape (outputs,).
        bias: of each output, float32; None: none.
    """

    def __init__(self, linear: torch.nn.Linear, rounding: InputRounding | None = None, module: object = None) -> None:
        super().__init__()
        weight, scale = round_rows(linear.weight.detach(), MAX_WEIGHT)
        # Parameters, because those of a head are indexed by the tokens that are scored.
        self.weight = _constant(weight)
        self.scale = _constant(scale[:, 0])
        self._round = functools.partial((rounding or InputRounding()).round, self, module)
        bias: torch.Tensor | None = linear.bias  # torch declares that there is one
        self.bias = None if bias is None else _constant(bias.detach())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the outputs, float32, shape (..., outputs), from inputs of the shape (..., inputs)."""
        rounded = self._round(inputs)
        outputs = torch._int_mm(rounded.integers, self.weight.t()).float().mul_(rounded.scale).mul_(self.scale)
        if self.bias is not None:
            outputs += self.bias
        return outputs.view(*inputs.shape[:-1], -1)


def quantize_linear_layers(model: Any) -> None:
    """Replace all linear layers of a model of torch, in float32 and on a processor, by `QuantizedLinear`.

    Raises:
        ModelUnavailableError: if the model has at most one, as GPT-2 has, whose layers are of another class.
    """
    linear = [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, torch.nn.Linear)
    ]
    if len(linear) < 2:
        raise ModelUnavailableError(
            f"int8 needs a model of linear layers, {type(model).__name__} has {len(linear)}: use float32"
        )
    rounding = InputRounding()
    for module, name, child in linear:
        setattr(module, name, QuantizedLinear(child, rounding, module))


def _constant(tensor: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor, requires_grad=False)
