"""The algorithms that experiments compare. A new one is a line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from transforms.baselines.labels import Labels
from transforms.evaluation import methods
from transforms.evaluation.methods import ClusterFn, Corpus, Items, Method, Offsets
from transforms.journeys.config import BayesianConfig
from transforms.progress import Progress

STATISTICAL = "statistical terms"
"""The name, in a `Corpus`, of the terms of the statistical scorer: words that occur in the text."""

STEP = "histories"
"""The counter of the progress of a method."""

_SHARED_TERMS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
_MERGED = (-0.6, -0.5, -0.45, -0.4, -0.35, -0.3, -0.25, -0.2, -0.1)
_PASSED = (-0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.15)
_COSINES = tuple(number / 100 for number in range(15, 61, 5))
_HEIGHTS = tuple(number / 100 for number in range(140, 231, 5))
_DISTANCES = tuple(number / 100 for number in range(55, 96, 5))
_COHERENCES = (0.0, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.3)
_SIZES = (2, 3, 4, 5, 6, 8)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A method and when it runs.

    Attributes:
        method: the method.
        opt_in: whether it runs only if it is named, because it is slow.
    """

    method: Method
    opt_in: bool = False


def all_algorithms(encoder: str | None) -> tuple[Entry, ...]:
    """Return all methods that can run.

    Args:
        encoder: the name of the vectors in the `Corpus`; None: there are none.
    """
    without_vectors = (
        Entry(methods.icpc(STATISTICAL, _SHARED_TERMS)),
        Entry(methods.co_occurrence()),
    )
    return without_vectors if encoder is None else (*without_vectors, *algorithms_by_vectors(encoder))


def algorithms_by_vectors(encoder: str) -> tuple[Entry, ...]:
    """Return the methods that use vectors."""
    return (
        Entry(methods.icpc_by_evidence(encoder, _MERGED)),
        Entry(methods.icpc_by_evidence(encoder, _PASSED, refine=False)),
        Entry(methods.one_pass(encoder, _COSINES)),
        Entry(methods.ward(encoder, _HEIGHTS)),
        Entry(methods.average_linkage(encoder, _DISTANCES)),
        Entry(methods.density(encoder, _SIZES)),
        Entry(methods.k_means_oracle_k(encoder)),
        Entry(methods.global_agglomerative(encoder, (0.6, 0.7, 0.8, 0.85, 0.9)), opt_in=True),
    )


def min_coherence_curve(encoder: str | None, chosen: Iterable[Method]) -> Method | None:
    """Return the method whose thresholds are those of `min_coherence`; None where that algorithm is not chosen."""
    if encoder is None or not any(_begins(method, methods.REFINED) for method in chosen):
        return None
    return methods.icpc_by_min_coherence(encoder, tuple(sorted({*_COHERENCES, BayesianConfig.min_coherence})))


def default_methods(encoder: str | None) -> tuple[Method, ...]:
    """Return the methods that run by default; arguments are those of `all_algorithms`."""
    return tuple(entry.method for entry in all_algorithms(encoder) if not entry.opt_in)


def choose_methods(encoder: str | None, names: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods whose names begin with one of the given names, ignoring case; without names: the default.

    Args:
        encoder: as for `all_algorithms`.
        names: names of methods, or beginnings of names.

    Raises:
        ValueError: when no method has such a name.
    """
    if not names:
        return default_methods(encoder)
    available = [entry.method for entry in all_algorithms(encoder)]
    for name in names:
        if not any(_begins(method, name) for method in available):
            later = any(_begins(entry.method, name) for entry in all_algorithms("ENCODER"))
            why = "needs vectors: give --encoder" if encoder is None and later else f"is not one of {_names(available)}"
            raise ValueError(f"{name!r} {why}")
    return tuple(method for method in available if any(_begins(method, name) for name in names))


def _begins(method: Method, name: str) -> bool:
    return method.name.casefold().startswith(name.casefold())


def _names(methods_: Iterable[Method]) -> str:
    return "; ".join(method.name for method in methods_)


def with_thresholds(chosen: Iterable[Method], fixed: Mapping[str, float]) -> tuple[Method, ...]:
    """Return the same methods, each with its fixed threshold among the thresholds that it tries.

    Args:
        chosen: methods.
        fixed: thresholds by full names of methods.

    Raises:
        ValueError: when no method has such a name, or it has no threshold.
    """
    by_name = {method.name: method for method in chosen}
    for name in fixed:
        if name not in by_name:
            raise ValueError(f"{name!r} is not one of {_names(by_name.values())}")
        if not by_name[name].thresholds:
            raise ValueError(f"{name!r} has no threshold")
    return tuple(
        dataclasses.replace(method, thresholds=tuple(sorted({*method.thresholds, fixed[method.name]})))
        if method.name in fixed
        else method
        for method in by_name.values()
    )


@dataclasses.dataclass(frozen=True)
class _WithProgress:
    cluster: ClusterFn
    progress: Progress

    def __call__(self, corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Labels:
        labels = self.cluster(corpus, offsets, items, threshold)
        self.progress.add(STEP, len(offsets) - 1)
        return labels


def with_progress(chosen: Iterable[Method], progress: Progress) -> tuple[Method, ...]:
    """Return the same methods, which count the histories that they have clustered."""
    return tuple(dataclasses.replace(method, cluster=_WithProgress(method.cluster, progress)) for method in chosen)


def total_histories(chosen: Iterable[Method], mixtures: int, stability: bool) -> int:
    """Return how many histories are clustered when all methods run on all mixtures."""
    return sum(max(len(method.thresholds), 1) for method in chosen) * mixtures * (2 if stability else 1)
