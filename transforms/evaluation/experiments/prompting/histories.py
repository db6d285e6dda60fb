"""Histories of several named collections, in random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.evaluation.experiments.naming.predictions import titles_of
from transforms.evaluation.experiments.prompting.config import PromptingConfig
from transforms.naming.text import normalize

_ATTEMPTS = 1000
_MIN_TITLES = 3
"""Minimum number of titles of a collection; journeys of `extract` have at least as many items."""


class History(NamedTuple):
    """A history that is put together from named collections.

    Attributes:
        k: number of collections.
        names: the name of each collection, shape (k,).
        titles: the titles in order of time.
        labels: the collection of each title, from 0, shape (titles,).
    """

    k: int
    names: tuple[str, ...]
    titles: tuple[str, ...]
    labels: tuple[int, ...]


def build_histories(examples: pa.RecordBatch, config: PromptingConfig) -> list[History]:
    """Mix the titles of collections with distinct names and without a common title, in random order.

    Args:
        examples: rows of `naming_examples`, sorted by `example_id`.
        config: numbers and sizes.

    Raises:
        ValueError: when there are too few examples with at least three titles.
    """
    named = [
        (name, list(dict.fromkeys(titles)))
        for name, titles in zip(examples["name"].to_pylist(), titles_of(examples), strict=True)
    ]
    usable = [each for each in named if len(each[1]) >= _MIN_TITLES]
    return [
        _mix(usable, k, config, np.random.default_rng([config.seed, k, number]))
        for k in config.named_collections
        for number in range(config.histories_per_k)
    ]


def _mix(
    named: Sequence[tuple[str, list[str]]], k: int, config: PromptingConfig, random: np.random.Generator
) -> History:
    if len(named) < k:
        raise ValueError(
            f"named_collections: a history of k={k} needs {k} examples of at least {_MIN_TITLES} titles, got "
            f"{len(named)}"
        )
    for _ in range(_ATTEMPTS):
        picked = [named[index] for index in random.choice(len(named), k, replace=False).tolist()]
        if _are_separate(picked):
            return _shuffled(picked, config.titles_per_collection, random)
    raise ValueError(f"named_collections: no {k} examples with distinct names and titles in {_ATTEMPTS} attempts")


def _are_separate(picked: Sequence[tuple[str, list[str]]]) -> bool:
    titles = [title for _, of_one in picked for title in of_one]
    names = {normalize(name) for name, _ in picked}
    return len(set(titles)) == len(titles) and len(names) == len(picked)


def _shuffled(picked: Sequence[tuple[str, list[str]]], limit: int, random: np.random.Generator) -> History:
    parts = [[titles[index] for index in _chosen(len(titles), limit, random)] for _, titles in picked]
    titles = [title for part in parts for title in part]
    labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = random.permutation(len(titles))
    return History(
        len(picked),
        tuple(name for name, _ in picked),
        tuple(titles[index] for index in order.tolist()),
        tuple(labels[order].tolist()),
    )


def _chosen(count: int, limit: int, random: np.random.Generator) -> list[int]:
    chosen: npt.NDArray[np.int64] = random.choice(count, min(count, limit), replace=False)
    return sorted(chosen.tolist())


def groups_of_labels(history: History, labels: Sequence[int]) -> list[list[str]]:
    """Return the titles of each journey in order of time, the largest journey first; ties: the one that begins first.

    Args:
        history: the history.
        labels: the journey of each title; -1: none.
    """
    groups: dict[int, list[str]] = {}
    for title, label in zip(history.titles, labels, strict=True):
        if label >= 0:
            groups.setdefault(label, []).append(title)
    return sorted(groups.values(), key=len, reverse=True)
