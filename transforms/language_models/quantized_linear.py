"""Linear layers with products of 8-bit integers, which processors compute faster than those of floats.

Each output of the weights, and each row of the inputs, has a scale of its own, so that the result of a row depends on
no other row. Sums of products are exact integers. Weights have seven bits: processors without VNNI add two products of
eight bits in 16 bits, which would saturate.
"""

from __future__ import annotations

from typing import Any

import torch

from transforms.model_files import ModelUnavailableError

MAX_WEIGHT = 63
"""Greatest absolute value of a weight: 255 * 63, the greatest product with an input as processors without VNNI
represent it, fits twice in 16 bits."""

MAX_INPUT = 127
"""Greatest absolute value of an input."""


class QuantizedLinear(torch.nn.Module):
    """A linear layer whose weights are rounded once and whose inputs are rounded row by row.

    Args:
        linear: the layer to replace; its weights in float32, shape (outputs, inputs).

    Attributes:
        weight: int8, shape (outputs, inputs).
        scale: of each output, float32, shape (outputs,).
        bias: of each output, float32; None: none.
    """

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        scale = _scale(linear.weight.detach(), MAX_WEIGHT)
        # Parameters, because those of a head are indexed by the tokens that are scored.
        self.weight = _constant((linear.weight.detach() / scale).round_().to(torch.int8))
        self.scale = _constant(scale[:, 0])
        bias: torch.Tensor | None = linear.bias  # torch declares that there is one
        self.bias = None if bias is None else _constant(bias.detach())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the outputs, float32, shape (..., outputs), from inputs of the shape (..., inputs)."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        scale = _scale(rows, MAX_INPUT)
        sums = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight.t())
        outputs = sums.float().mul_(scale).mul_(self.scale)
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
    for module, name, child in linear:
        setattr(module, name, QuantizedLinear(child))


def _scale(rows: torch.Tensor, greatest: int) -> torch.Tensor:
    """Return the factor by which integers of each row are multiplied, shape (rows, 1); positive for rows of zeros."""
    return rows.abs().amax(1, keepdim=True).clamp_min_(torch.finfo(torch.float32).tiny).div_(greatest)


def _constant(tensor: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor, requires_grad=False)
