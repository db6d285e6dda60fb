"""Clustering methods that experiments compare: each a function from histories to labels of journeys."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from transforms.baselines.agglomerative import agglomerative_labels
from transforms.baselines.co_occurrence import co_occurrence_labels, k_means_labels
from transforms.baselines.density import density_labels
from transforms.baselines.labels import NONE, Labels, Vectors, drop_small
from transforms.baselines.one_pass import one_pass_labels
from transforms.baselines.ward import average_labels, ward_labels
from transforms.encoders.quantized_vectors import quantize_vectors, subtract_mean, sum_directions
from transforms.evaluation.scores import drop_small_groups
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.config import BayesianConfig, IcpcConfig
from transforms.journeys.icpc import TermVectors, extract_journeys

REFINED = "ICPC with refinement"
"""The name of the algorithm by which `extract` forms journeys by vectors."""

Offsets: TypeAlias = npt.NDArray[np.int64]
Items: TypeAlias = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """Features of the items of an experiment; item i is row i of each.

    Attributes:
        texts: the text of each item.
        terms: salient terms, by the name of their scorer.
        vectors: float32, shape (items, dimensions), by the name of the encoder.
    """

    texts: tuple[str, ...]
    terms: Mapping[str, TermVectors] = dataclasses.field(default_factory=dict)
    vectors: Mapping[str, npt.NDArray[np.float32]] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def directions(self) -> Mapping[str, npt.NDArray[np.int8]]:
        """The vectors quantized and centred, as `extract` clusters them."""
        compact = {name: quantize_vectors(vectors) for name, vectors in self.vectors.items()}
        return {name: subtract_mean(each, sum_directions(each)) for name, each in compact.items()}


ClusterFn: TypeAlias = Callable[[Corpus, Offsets, Items, float], Labels]
"""(corpus, offsets (users + 1,), items (interactions,) by time, threshold) -> labels (interactions,), -1 for none."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A clustering method.

    Attributes:
        name: unique among the methods of an experiment; without "/".
        thresholds: the thresholds to try. Empty: the method is given the number k of collections instead.
        cluster: computes labels; must be deterministic.
        is_global: whether the labels of one history depend on the others. It is then given all mixtures at once, and
            otherwise any slice of them.

    Raises:
        ValueError: when the name is empty or has a "/".
    """

    name: str
    thresholds: tuple[float, ...]
    cluster: ClusterFn
    is_global: bool = False

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"a method's name must not be empty or have a '/', got {self.name!r}")


@dataclasses.dataclass(frozen=True)
class _Personal:
    """Clustering of the vectors of each history."""

    encoder: str
    cluster: Callable[[Vectors, float], Labels]
    min_size: int

    def __call__(self, corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        vectors = corpus.vectors[self.encoder]
        labels = np.full(len(items), NONE, np.int64)
        for start, end in itertools.pairwise(offsets):
            labels[start:end] = drop_small(self.cluster(vectors[items[start:end]], threshold), self.min_size)
        return labels


@dataclasses.dataclass(frozen=True)
class _Icpc:
    """ICPC over salient terms."""

    terms: str
    min_size: int

    def __call__(self, corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        config = IcpcConfig(threshold=threshold, min_size=self.min_size)
        found = extract_journeys(offsets, items, corpus.terms[self.terms], config)
        labels = np.full(len(items), NONE, np.int64)
        labels[found.members] = np.repeat(np.arange(len(found.users)), np.diff(found.member_offsets))
        return labels


@dataclasses.dataclass(frozen=True)
class _Evidence:
    """ICPC over vectors with Bayesian evidence."""

    encoder: str
    min_size: int
    refine: bool

    def __call__(self, corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        if self.refine:
            config = BayesianConfig(merge_threshold=threshold)
        else:
            config = BayesianConfig(assign_threshold=threshold, refine=False, min_coherence=0)
        labels = cluster_histories(offsets, items, corpus.directions[self.encoder], config)
        return drop_small_groups(offsets, labels, self.min_size)


def icpc(terms: str, thresholds: tuple[float, ...], min_size: int = IcpcConfig.min_size) -> Method:
    """Return ICPC over the salient terms named `terms`; items of journeys below `min_size` are in none."""
    return Method(f"ICPC, {terms}", thresholds, _Icpc(terms, min_size))


def icpc_by_evidence(
    encoder: str,
    thresholds: tuple[float, ...],
    min_size: int = IcpcConfig.min_size,
    *,
    refine: bool = True,
) -> Method:
    """Return ICPC over the vectors named `encoder`; thresholds are those of merging, or of the single pass."""
    name = REFINED if refine else "ICPC by evidence"
    return Method(f"{name}, {encoder}", thresholds, _Evidence(encoder, min_size, refine))


def icpc_by_min_coherence(
    encoder: str, min_coherences: tuple[float, ...], min_size: int = IcpcConfig.min_size
) -> Method:
    """Return ICPC over the vectors named `encoder` as `extract` runs it; thresholds are those of `min_coherence`."""

    def find(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        config = BayesianConfig(min_coherence=threshold)
        labels = cluster_histories(offsets, items, corpus.directions[encoder], config)
        return drop_small_groups(offsets, labels, min_size)

    return Method(f"{REFINED}, {encoder}", min_coherences, find)


def one_pass(encoder: str, thresholds: tuple[float, ...], min_size: int = IcpcConfig.min_size) -> Method:
    """Return a single pass over the vectors named `encoder`."""
    return Method(f"one pass, {encoder}", thresholds, _Personal(encoder, one_pass_labels, min_size))


def ward(encoder: str, thresholds: tuple[float, ...], min_size: int = 1) -> Method:
    """Return Ward's linkage of each history (PinnerSage); thresholds are heights."""
    return Method(f"Ward, {encoder}", thresholds, _Personal(encoder, ward_labels, min_size))


def average_linkage(encoder: str, thresholds: tuple[float, ...], min_size: int = 1) -> Method:
    """Return average linkage of each history; thresholds are 1 - cosine."""
    return Method(f"average linkage, {encoder}", thresholds, _Personal(encoder, average_labels, min_size))


def density(encoder: str, thresholds: tuple[float, ...] = (3, 4, 5, 6, 8)) -> Method:
    """Return HDBSCAN of each history; thresholds are minimum sizes of a cluster."""
    return Method(f"HDBSCAN, {encoder}", thresholds, _Personal(encoder, _density, 1))


def k_means_oracle_k(encoder: str) -> Method:
    """Return k-means of each history with the true k: an oracle reference, not a baseline."""
    return Method(f"k-means with oracle k, {encoder}", (), _Personal(encoder, _k_means, 1))


def _density(vectors: Vectors, threshold: float) -> Labels:
    return density_labels(vectors, round(threshold))


def _k_means(vectors: Vectors, threshold: float) -> Labels:
    return k_means_labels(vectors, round(threshold), seed=0)


def co_occurrence(thresholds: tuple[float, ...] = (50, 100, 200, 400), dimensions: int = 64, seed: int = 0) -> Method:
    """Return global clusters by co-occurrence (2305.15498); thresholds are numbers of clusters."""

    def find(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        return co_occurrence_labels(offsets, items, len(corpus.texts), round(threshold), dimensions, seed)[items]

    return Method("co-occurrence", thresholds, find, is_global=True)


def global_agglomerative(encoder: str, thresholds: tuple[float, ...]) -> Method:
    """Return global clusters by content (2305.15498); thresholds are 1 - cosine."""

    def find(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        return agglomerative_labels(corpus.vectors[encoder], threshold)[items]

    return Method(f"global agglomerative, {encoder}", thresholds, find, is_global=True)
