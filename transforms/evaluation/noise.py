"""Noise in mixtures: items of no collection of the mixture, as the one-off items of a real history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.evaluation.mixtures import Mixtures
from transforms.evaluation.numbered_collections import NumberedCollections, item_rows, item_texts, number_items
from transforms.evaluation.perturbations import change_mixtures, offsets_of

Integers = npt.NDArray[np.int64]


class NoisyMixtures(NamedTuple):
    """Mixtures without and with noise, over one catalogue.

    Attributes:
        items: rows of `items`, sorted; row i is item number i.
        rows: rows of `MIXTURES` without noise.
        noisy: rows of `MIXTURES` of the same mixtures with noise, by the fraction of noise; noise has the label -1.
    """

    items: pa.RecordBatch
    rows: pa.RecordBatch
    noisy: Mapping[float, pa.RecordBatch]


def add_noise(mixtures: Mixtures, collections: pa.RecordBatch, fractions: Sequence[float], seed: int) -> NoisyMixtures:
    """Insert items of no collection of a mixture into it, until they are a fraction of its items.

    No two noise items are in a common collection, and none is in a common collection with any item of the mixture: so
    they are not a journey by themselves, and belong to none. They are inserted at random times; the other items keep
    their order. The noise of a smaller fraction is part of that of a larger one.

    Args:
        mixtures: the mixtures.
        collections: rows of `collections`, in any order: those that were mixed, among others.
        fractions: the fractions of noise in the history, each in [0, 1).
        seed: random seed; the noise of a mixture depends on it and on `mixture_id` only.

    Returns:
        The mixtures; at each fraction those are left out for which there are too few collections.

    Raises:
        ValueError: when a fraction is out of range.
    """
    if not all(0 <= fraction < 1 for fraction in fractions):
        raise ValueError(f"fractions of noise must be in [0, 1), got {tuple(fractions)}")
    numbered = number_items([collections])
    sampled = _sample_noise(mixtures, numbered, max(fractions, default=0.0), seed)
    texts = item_texts(numbered.items)
    own = pc.index_in(item_texts(mixtures.items), texts).to_numpy()
    used = np.unique(np.concatenate([own, *sampled.values()]))
    noise = {mixture: np.searchsorted(used, each) for mixture, each in sampled.items()}
    rows = change_mixtures(mixtures.rows, lambda _, items, labels: (np.searchsorted(used, own[items]), labels))
    return NoisyMixtures(
        item_rows(texts.take(pa.array(used))), rows, {each: _insert(rows, noise, each, seed) for each in fractions}
    )


def noise_count(items: int, fraction: float) -> int:
    """Return how many noise items must be added to `items` others to be this fraction of all, rounded."""
    return round(items * fraction / (1 - fraction))


def _insert(rows: pa.RecordBatch, noise: Mapping[int, Integers], fraction: float, seed: int) -> pa.RecordBatch:
    def inserted(mixture: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        new = noise[mixture][: noise_count(len(items), fraction)]
        times = np.sort(np.random.default_rng([seed, mixture, 1]).integers(len(items) + 1, size=len(new)))
        return np.insert(items, times, new), np.insert(labels, times, -1)

    enough = [
        len(noise[mixture]) >= noise_count(count, fraction)
        for mixture, count in zip(rows["mixture_id"].to_pylist(), np.diff(offsets_of(rows)).tolist(), strict=True)
    ]
    return change_mixtures(rows.filter(pa.array(enough, pa.bool_())), inserted)


def _sample_noise(mixtures: Mixtures, numbered: NumberedCollections, fraction: float, seed: int) -> dict[int, Integers]:
    """Sample noise for each mixture, as far as there is any: numbers of items of `numbered`, by `mixture_id`."""
    own = pc.index_in(item_texts(mixtures.items), item_texts(numbered.items)).to_numpy()
    owners = np.repeat(np.arange(len(numbered.offsets) - 1), np.diff(numbered.offsets))
    by_item = np.argsort(numbered.members, kind="stable")
    starts = list_offsets(np.bincount(numbered.members, minlength=numbered.items.num_rows))
    collections_of = owners[by_item]
    offsets, items = offsets_of(mixtures.rows), own[mixtures.rows["item"].flatten().to_numpy()]
    sampled = {}
    for mixture, start, end in zip(mixtures.rows["mixture_id"].to_pylist(), offsets, offsets[1:], strict=False):
        random = np.random.default_rng([seed, mixture, 0])
        blocked = np.zeros(len(numbered.offsets) - 1, bool)
        for item in items[start:end]:
            blocked[collections_of[starts[item] : starts[item + 1]]] = True
        found: list[int] = []
        count = noise_count(end - start, fraction)
        for collection in random.permutation(len(blocked)):
            if len(found) == count:
                break
            members = numbered.members_of(collection)
            if blocked[collection] or not len(members):
                continue
            item = members[random.integers(len(members))]
            among = collections_of[starts[item] : starts[item + 1]]
            if not blocked[among].any():
                blocked[among] = True
                found.append(item)
        sampled[mixture] = np.array(found, np.int64)
    return sampled
