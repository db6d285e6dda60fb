"""Linear layers with 8-bit weights, for processors that multiply 8-bit integers faster than floating-point numbers.

Weights have one scale per output channel, and activations one per token. A scale per batch would be simpler, but then a
completion would depend on the other prompts of its batch. Activations have 16 bits, as the sum of two 8-bit numbers:
some channels of a language model are a hundred times as large as the others, which 8 bits round to almost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt

from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    import torch

_MAX_LEVEL = 127
_ZERO_POINT = 128
"""The level of 0 in activations: oneDNN is fast for unsigned activations only."""
_HIGH = 256
"""The value of one high level of activations, in low levels."""


def quantize_linear_layers(model: Any) -> None:
    """Replace the linear layers of a model in float32 by layers with 8-bit weights. In place.

    Embeddings and the LM head, which often share their weights, stay in float32: the head is a small part of the work,
    and log-probabilities are compared.

    Raises:
        ModelUnavailableError: if this build of torch has no matrix product of 8-bit integers.
    """
    import torch

    if not hasattr(torch.ops.onednn, "qlinear_prepack"):
        raise ModelUnavailableError("dtype int8 needs a build of torch with oneDNN; use float32")
    layer_class, head = _layer_class(), model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is torch.nn.Linear and layer is not head:
                setattr(parent, name, layer_class(layer))


def quantize_weights(weights: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round weights of shape (outputs, inputs) to levels in [-127, 127].

    Returns:
        The levels, and the scale of each output; their product is the weights.
    """
    scales = np.abs(weights).max(axis=1, initial=0) / np.float32(_MAX_LEVEL)
    scales[scales == 0] = 1
    return np.rint(weights / scales[:, None]).astype(np.int8), scales


@numba.njit(
    [numba.void(numba.float32[:, ::1], numba.uint8[:, :, ::1], numba.float32[::1])],
    cache=True,
    nogil=True,
    fastmath={"nnan", "nsz", "reassoc"},  # a maximum is exact in any order
)
def quantize_tokens(activations, levels, scales):  # type: ignore[no-untyped-def]
    """Round activations of shape (tokens, channels) to 16 bits, with a scale per token.

    They are scales times (256 (high levels - 128) + (low levels - 128)).

    Args:
        activations: finite numbers, dtype float32.
        levels: is written to, the high and the low levels, shape (2, tokens, channels), dtype uint8.
        scales: is written to, shape (tokens,), dtype float32.
    """
    for token in range(activations.shape[0]):
        largest = np.float32(0)
        for channel in range(activations.shape[1]):
            largest = max(largest, abs(activations[token, channel]))
        scales[token] = largest / np.float32(32512)  # 127 high levels
        factor = np.float32(32512) / largest if largest > 0 else np.float32(0)
        for channel in range(activations.shape[1]):
            # Adding one half and truncating is rounding, as the sum is positive: 32896 = 128 * 256 + 128.
            level = np.int32(activations[token, channel] * factor + np.float32(32896.5))
            levels[0, token, channel] = np.uint8(level >> 8)
            levels[1, token, channel] = np.uint8(level & 255)


def _layer_class() -> type:
    """Return the class of layers; torch is imported only when a model is loaded."""
    import torch

    class Int8Linear(torch.nn.Module):
        """A linear layer with 8-bit weights.

        Args:
            layer: the layer in float32.
        """

        def __init__(self, layer: torch.nn.Linear) -> None:
            super().__init__()
            levels, scales = quantize_weights(layer.weight.detach().numpy())
            self.in_features, self.out_features = layer.in_features, layer.out_features
            self.weight = torch.empty(0, dtype=torch.int8)  # T5 reads its type
            self._weight = torch.ops.onednn.qlinear_prepack(torch.from_numpy(levels), None)
            self._scales = torch.from_numpy(scales)
            self._zero_points = torch.zeros(len(scales), dtype=torch.int32)
            bias: torch.Tensor | None = layer.bias  # which torch declares as never None
            self._bias = None if bias is None else bias.detach()

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            rows = inputs.reshape(-1, self.in_features).contiguous()
            levels = torch.empty((2, *rows.shape), dtype=torch.uint8)
            scales = torch.empty(len(rows))
            quantize_tokens(rows.numpy(), levels.numpy(), scales.numpy())
            # The scale of activations is 1 here: each token has its own, by which its outputs are multiplied.
            high, low = torch.ops.onednn.qlinear_pointwise(
                levels.reshape(-1, self.in_features), 1.0, _ZERO_POINT, self._weight, self._scales, self._zero_points,
                None, 1.0, 0, torch.float32, "none", [], "",
            ).reshape(2, len(rows), -1)  # fmt: skip
            outputs = low.add_(high, alpha=_HIGH).mul_(scales[:, None])
            if self._bias is not None:
                outputs += self._bias
            return outputs.reshape(*inputs.shape[:-1], self.out_features)

    return Int8Linear
