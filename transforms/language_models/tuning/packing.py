"""Packed batches of a decoder: what several examples have in common is read once.

The tokens of a row are a tree: the tokens before all prompts, each prompt once, and its completions. A token attends to
those on its path from the root alone, and its position is its depth, so the loss is that of separate examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.language_models.tuning.rows import Row

ROW_TOKENS = 256
"""Maximum number of tokens of a row, except for a longer prompt: attention grows with its square."""

_SHARED, _PADDING = -1, -2


class PromptGroup(NamedTuple):
    """A prompt with its completions.

    Attributes:
        prompt: token ids that the model reads, with the template.
        completions: token ids of each target, with the end token.
        weights: the weight of each completion in the loss.
    """

    prompt: list[int]
    completions: list[list[int]]
    weights: list[float]

    @property
    def tokens(self) -> int:
        """Number of tokens of the prompt and of all completions."""
        return len(self.prompt) + sum(map(len, self.completions))


class PackedBatch(NamedTuple):
    """The matrices of a batch; integers are int64.

    Attributes:
        input_ids: shape (rows, longest row), padded on the right.
        position_ids: of the same shape: the depth of each token.
        visible: bool, shape (rows, 1, longest row, longest row): whether a token attends to another one.
        kept: shape (positions,): the positions of some row from which targets are predicted, ascending.
        target_rows: shape (targets,): the row of each target token.
        target_places: shape (targets,): the place in `kept` from which it is predicted.
        labels: shape (targets,): the target tokens.
        target_weights: float64, shape (targets,): their weights in the loss.
    """

    input_ids: npt.NDArray[np.int64]
    position_ids: npt.NDArray[np.int64]
    visible: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.int64]
    target_rows: npt.NDArray[np.int64]
    target_places: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    target_weights: npt.NDArray[np.float64]


def group_by_prompt(rows: Sequence[Row], max_completions: int) -> list[PromptGroup]:
    """Group rows by their prompt, in the order of the first row of each.

    Args:
        rows: the rows.
        max_completions: maximum number of completions of a group; a prompt with more of them has several groups.
    """
    by_prompt: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        by_prompt.setdefault(tuple(row.prompt), []).append(row)
    return [
        PromptGroup(list(prompt), [row.completion for row in part], [row.weight for row in part])
        for prompt, found in by_prompt.items()
        for start in range(0, len(found), max_completions)
        for part in [found[start : start + max_completions]]
    ]


def random_batches(groups: Sequence[PromptGroup], completions: int, seed: int) -> list[list[PromptGroup]]:
    """Divide groups into batches, in a random order.

    Args:
        groups: the groups.
        completions: number of completions that a batch reaches with its last group.
        seed: random seed.
    """
    batches: list[list[PromptGroup]] = []
    missing = 0
    for index in np.random.default_rng(seed).permutation(len(groups)):
        if missing <= 0:
            batches.append([])
            missing = completions
        batches[-1].append(groups[index])
        missing -= len(groups[index].completions)
    return batches


def pack(groups: Sequence[PromptGroup], shared: int, padding: int) -> PackedBatch:
    """Pack groups into rows, in their order.

    Args:
        groups: the groups of a batch.
        shared: number of first tokens that all prompts have in common.
        padding: the padding token.
    """
    rows = [_PackedRow(groups[0].prompt[:shared], part) for part in _parts(groups, shared)]
    length = max(len(row.tokens) for row in rows)

    def matrix(values: Iterator[list[int]], fill: int) -> npt.NDArray[np.int64]:
        return np.array([[*row, *[fill] * (length - len(row))] for row in values], np.int64)

    sources = [np.array(row.sources, np.int64) for row in rows]
    kept = np.unique(np.concatenate(sources))
    return PackedBatch(
        matrix((row.tokens for row in rows), padding),
        matrix((row.depths for row in rows), 0),
        _visible(matrix((row.prompts for row in rows), _PADDING), matrix((row.completions for row in rows), _PADDING)),
        kept,
        np.repeat(np.arange(len(rows)), [len(row) for row in sources]),
        np.searchsorted(kept, np.concatenate(sources)),
        np.array([token for row in rows for token in row.targets], np.int64),
        np.array([weight for row in rows for weight in row.weights], np.float64),
    )


def _parts(groups: Sequence[PromptGroup], shared: int) -> Iterator[Sequence[PromptGroup]]:
    """Split groups into those of each row."""
    start, used = 0, shared
    for stop, group in enumerate(groups):
        added = group.tokens - shared
        if stop > start and used + added > ROW_TOKENS:
            yield groups[start:stop]
            start, used = stop, shared
        used += added
    yield groups[start:]


class _PackedRow:
    """The tokens of a row, with the prompt and the completion to which each belongs, and its targets."""

    def __init__(self, shared: Sequence[int], groups: Sequence[PromptGroup]) -> None:
        self.tokens: list[int] = list(shared)
        self.depths = list(range(len(shared)))
        self.prompts = [_SHARED] * len(shared)
        self.completions = [_SHARED] * len(shared)
        self.sources: list[int] = []
        self.targets: list[int] = []
        self.weights: list[float] = []
        for prompt, group in enumerate(groups):
            self._add(prompt, group, len(shared))

    def _add(self, prompt: int, group: PromptGroup, shared: int) -> None:
        self._extend(group.prompt[shared:], shared, prompt, _SHARED)
        last = len(self.tokens) - 1 if len(group.prompt) > shared else shared - 1
        for number, (completion, weight) in enumerate(zip(group.completions, group.weights, strict=True)):
            first = len(self.tokens)
            self._extend(completion[:-1], len(group.prompt), prompt, number)  # nothing is predicted from the last token
            self.sources += [last, *range(first, len(self.tokens))]
            self.targets += completion
            self.weights += [weight] * len(completion)

    def _extend(self, tokens: Sequence[int], depth: int, prompt: int, completion: int) -> None:
        self.tokens += tokens
        self.depths += range(depth, depth + len(tokens))
        self.prompts += [prompt] * len(tokens)
        self.completions += [completion] * len(tokens)


def _visible(prompts: npt.NDArray[np.int64], completions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Compute to which tokens each token attends: itself, and the earlier ones of its prompt and its completion.

    Args:
        prompts: shape (rows, tokens): the prompt of each token; negative: shared, or padding.
        completions: of the same shape: the completion of each token; negative: it is part of the prompt.
    """
    own_prompt = (prompts[:, None, :] < 0) | (prompts[:, None, :] == prompts[:, :, None])
    own_completion = (completions[:, None, :] < 0) | (completions[:, None, :] == completions[:, :, None])
    places = np.arange(prompts.shape[1])
    is_earlier = places[None, :] <= places[:, None]
    return (own_prompt & own_completion & is_earlier)[:, None]
