"""The methods that `evaluate` compares. A new one is a line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from transforms.baselines.labels import Labels
from transforms.evaluation import methods
from transforms.evaluation.methods import ClusterFn, Corpus, Items, Method, Offsets
from transforms.progress import Progress

STATISTICAL = "statistical terms"
"""The name, in a `Corpus`, of the terms that the statistical scorer finds: words that stand in the text."""

STEP = "histories"
"""What a method that is watched tells its progress as."""

_SHARED_TERMS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
_MERGED = (-0.6, -0.5, -0.45, -0.4, -0.35, -0.3, -0.25, -0.2, -0.1)
_PASSED = (-0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.15)
_COSINES = tuple(number / 100 for number in range(15, 61, 5))
_HEIGHTS = tuple(number / 100 for number in range(140, 231, 5))
_DISTANCES = tuple(number / 100 for number in range(55, 96, 5))
_SIZES = (2, 3, 4, 5, 6, 8)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A method of the suite.

    Attributes:
        method: the method.
        asked: whether it runs only when it is named: one that takes long.
    """

    method: Method
    asked: bool = False


def suite(encoder: str | None) -> tuple[Entry, ...]:
    """All methods that can run.

    Args:
        encoder: the name of the vectors in the `Corpus`; None: there are none.
    """
    without_vectors = (
        Entry(methods.icpc(STATISTICAL, _SHARED_TERMS)),
        Entry(methods.co_occurrence()),
    )
    return without_vectors if encoder is None else (*without_vectors, *of_vectors(encoder))


def of_vectors(encoder: str) -> tuple[Entry, ...]:
    """The methods that look at vectors."""
    return (
        Entry(methods.icpc_by_evidence(encoder, _MERGED)),
        Entry(methods.icpc_by_evidence(encoder, _PASSED, refine=False)),
        Entry(methods.one_pass(encoder, _COSINES)),
        Entry(methods.ward(encoder, _HEIGHTS)),
        Entry(methods.average_linkage(encoder, _DISTANCES)),
        Entry(methods.density(encoder, _SIZES)),
        Entry(methods.k_means_oracle_k(encoder)),
        Entry(methods.global_agglomerative(encoder, (0.6, 0.7, 0.8, 0.85, 0.9)), asked=True),
    )


def default_methods(encoder: str | None) -> tuple[Method, ...]:
    """The methods that run where none is named; arguments are those of `suite`."""
    return tuple(entry.method for entry in suite(encoder) if not entry.asked)


def choose_methods(encoder: str | None, wanted: Sequence[str]) -> tuple[Method, ...]:
    """The methods whose names begin with one of those that are wanted, whatever the case; none wanted: the default.

    Args:
        encoder: as for `suite`.
        wanted: names, or beginnings of names.

    Raises:
        ValueError: when a wanted name is that of no method.
    """
    if not wanted:
        return default_methods(encoder)
    known = [entry.method for entry in suite(encoder)]
    for name in wanted:
        if not any(_begins(method, name) for method in known):
            later = any(_begins(entry.method, name) for entry in suite("ENCODER"))
            why = "needs vectors: give --encoder" if encoder is None and later else f"is not one of {_names(known)}"
            raise ValueError(f"{name!r} {why}")
    return tuple(method for method in known if any(_begins(method, name) for name in wanted))


def _begins(method: Method, name: str) -> bool:
    return method.name.casefold().startswith(name.casefold())


def _names(known: Iterable[Method]) -> str:
    return "; ".join(method.name for method in known)


def with_thresholds(chosen: Iterable[Method], fixed: Mapping[str, float]) -> tuple[Method, ...]:
    """The same methods; those that are to be judged at one threshold try it too.

    Args:
        chosen: methods.
        fixed: thresholds by the whole names of methods.

    Raises:
        ValueError: when a name is that of no method, or of one that is told how many collections there are.
    """
    known = {method.name: method for method in chosen}
    for name in fixed:
        if name not in known:
            raise ValueError(f"{name!r} is not one of {_names(known.values())}")
        if not known[name].thresholds:
            raise ValueError(f"{name!r} has no threshold")
    return tuple(
        dataclasses.replace(method, thresholds=tuple(sorted({*method.thresholds, fixed[method.name]})))
        if method.name in fixed
        else method
        for method in known.values()
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
    """The same methods, which say how many histories they have taken apart."""
    return tuple(dataclasses.replace(method, cluster=_WithProgress(method.cluster, progress)) for method in chosen)


def total_histories(chosen: Iterable[Method], mixtures: int, stability: bool) -> int:
    """How often a history is taken apart when all methods try all mixtures."""
    return sum(max(len(method.thresholds), 1) for method in chosen) * mixtures * (2 if stability else 1)
