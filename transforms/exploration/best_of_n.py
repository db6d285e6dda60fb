"""Best-of-n: n novel candidates are sampled from a source, and an alignment model chooses among them (2504.05522).

The candidates are novel and valid before they are scored: a scorer alone would return what users know and like.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from transforms.exploration.alignment import AlignmentModel, Numbers
from transforms.exploration.count_models import Scores, Source, novel, novel_probabilities
from transforms.exploration.transitions import Codes, Flags, context_keys
from transforms.hashing import mix_bits

_UNUSED_BITS, _FRACTION_BITS = 11, 53


def uniform_numbers(contexts: Codes, cluster_count: int, seed: int) -> Numbers:
    """Compute a number for each context and cluster that looks uniformly random; by SplitMix64.

    It depends on the seed, the context and the cluster alone: not on the other contexts, their order, or the worker.

    Args:
        contexts: int32, shape (contexts, K).
        cluster_count: number of clusters, C.
        seed: any whole number.

    Returns:
        float64, shape (contexts, C), in (0, 1).
    """
    keys = context_keys(contexts, cluster_count).astype(np.uint64)
    start = mix_bits(np.asarray([seed % (1 << 64)], np.uint64))
    own = mix_bits(np.add.outer(mix_bits(keys + start), np.arange(cluster_count, dtype=np.uint64)))
    return ((own >> np.uint64(_UNUSED_BITS)).astype(np.float64) + 0.5) * 2.0**-_FRACTION_BITS


def sample_candidates(
    source: Source, contexts: Codes, count: int, seed: int = 0, temperature: float = 1.0
) -> tuple[Flags, Scores]:
    """Sample novel clusters of each context without replacement, with the probabilities of a source.

    Gumbel noise is added to the logarithms of the probabilities; the `count` largest sums are a sample without
    replacement. Of the same context and seed, a sample is part of each larger one.

    Args:
        source: the source.
        contexts: int32, shape (contexts, K).
        count: number of candidates of a context, at least 1; all novel clusters where there are fewer.
        seed: random seed.
        temperature: above 0: probabilities are raised to the power of `1 / temperature` and normalised again; above 1
            the sample is more diverse.

    Returns:
        Whether each cluster is in the sample, bool, and `novel_probabilities`, float64, both of shape (contexts, C).

    Raises:
        ValueError: when `count` or `temperature` is out of range.
    """
    if count < 1 or not temperature > 0:
        raise ValueError(f"count must be at least 1 and temperature above 0, got {count} and {temperature}")
    probabilities = novel_probabilities(source, contexts)
    candidates = novel(contexts, source.cluster_count)
    noise = -np.log(-np.log(uniform_numbers(contexts, source.cluster_count, seed)))
    sums = np.where(candidates, np.log(np.where(candidates, probabilities, 1.0)) / temperature + noise, -np.inf)
    best = np.argsort(-sums, axis=1, kind="stable")[:, :count]
    sampled = np.zeros(sums.shape, bool)
    np.put_along_axis(sampled, best, values=True, axis=1)
    return sampled & candidates, probabilities


@dataclasses.dataclass(frozen=True)
class BestOfN:
    """A source that ranks n sampled candidates by an alignment model, then the other clusters by another source.

    With n = 1 the first cluster is a sample of the source; with n as large as the number of clusters, the alignment
    model alone ranks. Scores state an order, no probabilities.

    Attributes:
        source: the model of novelty.
        alignment: the model of satisfaction.
        count: n, at least 1.
        seed: random seed of the samples.
        temperature: of the samples, above 0.
    """

    source: Source
    alignment: AlignmentModel
    count: int
    seed: int = 0
    temperature: float = 1.0

    @property
    def cluster_count(self) -> int:
        return self.source.cluster_count

    def scores(self, contexts: Codes) -> Scores:
        sampled, probabilities = sample_candidates(self.source, contexts, self.count, self.seed, self.temperature)
        merits = self.alignment.scores(contexts)
        # By descending merit; ties and what is not sampled: by descending probability, then by code.
        order = np.lexsort((-probabilities, np.where(sampled, -merits, 0.0), ~sampled), axis=1)
        ranks = np.empty(order.shape, np.int64)
        np.put_along_axis(ranks, order, np.arange(self.cluster_count)[None], axis=1)
        return (self.cluster_count - ranks).astype(np.float64)
