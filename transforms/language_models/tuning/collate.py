"""Batches of training examples as torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from transforms.language_models.tuning.packing import PromptGroup, pack
from transforms.language_models.tuning.rows import Row, decoder_batch, encoder_decoder_batch

if TYPE_CHECKING:
    import torch

Tensors: TypeAlias = dict[str, "torch.Tensor"]
TrainingBatch: TypeAlias = Sequence[PromptGroup] | Sequence[Row]
Collate: TypeAlias = Callable[[Sequence[TrainingBatch]], Tensors]
"""Converts one batch, in a list, as the Trainer gives it, to tensors by name."""


def collate_packed(shared: int, padding: int) -> Collate:
    """Return the conversion of groups of prompts to the tensors of `PackedBatch`.

    Args:
        shared: number of first tokens that all prompts have in common.
        padding: the padding token.
    """

    def collate(batches: Sequence[TrainingBatch]) -> Tensors:
        import torch

        (groups,) = batches
        packed = pack([PromptGroup(*group) for group in groups], shared, padding)
        return {name: torch.from_numpy(values) for name, values in packed._asdict().items()}

    return collate


def collate_rows(encoder_decoder: bool, padding: int) -> Collate:
    """Return the conversion of rows to the tensors of `Batch`, and `weights`, shape (rows,), if any is not 1.

    Args:
        encoder_decoder: whether the model reads prompts and completions separately.
        padding: the padding token.
    """
    build = encoder_decoder_batch if encoder_decoder else decoder_batch

    def collate(batches: Sequence[TrainingBatch]) -> Tensors:
        import torch

        (batch,) = batches
        rows = [Row(*row) for row in batch]
        tensors = {name: torch.from_numpy(matrix) for name, matrix in build(rows, padding)._asdict().items()}
        weights = [row.weight for row in rows]
        return tensors if all(weight == 1 for weight in weights) else tensors | {"weights": torch.tensor(weights)}

    return collate
