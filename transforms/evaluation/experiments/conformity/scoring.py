"""Comparison of rules that remove popular items, which were injected into mixtures of collections.

A mixture is a user. DICE is trained on the pairs of users and items, without labels; a rule by interest, and a rule by
popularity alone, remove interactions before journeys are extracted. A removed item is in no journey.

The thresholds of the rules are chosen on every second mixture; the other mixtures are scored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.evaluation.algorithms import STATISTICAL
from transforms.evaluation.bootstrap import mean_of_groups, paired_difference, ratio_interval
from transforms.evaluation.experiments.conformity.config import ConformityConfig
from transforms.evaluation.methods import Corpus, Method, icpc, icpc_by_evidence
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.evaluation.mixtures import Mixtures, build_mixtures, mixture_rows
from transforms.evaluation.numbered_collections import item_texts, number_items
from transforms.evaluation.perturbations import inject_members, inject_popular, offsets_of
from transforms.evaluation.scores import score
from transforms.interest.pairs import distinct_pairs
from transforms.interest.scoring import interest_probabilities
from transforms.interest.training import train_dice
from transforms.journeys.config import BayesianConfig

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NOISE, SHARED_INTEREST = "noise", "shared interest"
SCENARIOS = (NOISE, SHARED_INTEREST)
"""The popular items belong to no collection of the mixtures, or to collections of other mixtures."""

NO_REMOVAL, BY_INTEREST, BY_POPULARITY, ORACLE = "none", "interest", "popularity", "oracle"
RULES = (NO_REMOVAL, BY_POPULARITY, BY_INTEREST, ORACLE)
"""The rules that remove interactions; the oracle removes those that were injected."""

_PROBABILITIES = tuple(number / 100 for number in range(30, 91, 5))
_POPULARITIES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4)
_MIN_COSINE = 0.005
"""Threshold of ICPC by terms: about the best on mixtures without popular items."""


class ConformityData(NamedTuple):
    """Mixtures with popular items.

    Attributes:
        catalogue: rows of `items`: all items of all collections, sorted by `item_id`.
        items: those of them that are in mixtures, in the same order: row i is item number i of the mixtures.
        mixtures: rows of `MIXTURES`, by scenario.
    """

    catalogue: pa.RecordBatch
    items: pa.RecordBatch
    mixtures: dict[str, pa.RecordBatch]


def inject_into_mixtures(collections: pa.RecordBatch, config: ConformityConfig) -> ConformityData:
    """Mix a sample of the collections, and inject popular items for each scenario.

    Args:
        collections: rows of `collections`, in any order.
        config: configuration of the experiment.

    Raises:
        ValueError: as `build_mixtures`, `inject_popular` and `inject_members` do.
    """
    seed = config.mixtures.seed
    mixtures = build_mixtures(_sample(collections, config), config.mixtures)
    injected = {
        NOISE: inject_popular(mixtures, collections, config.popular_items, config.popular_fraction, seed),
        SHARED_INTEREST: inject_members(mixtures, config.popular_items, config.popular_fraction, seed),
    }
    catalogue = number_items([collections]).items
    rows_of = {name: _catalogue_rows(each, catalogue) for name, each in injected.items()}
    used = np.unique(np.concatenate(list(rows_of.values())))
    renumbered = {name: _renumber(each.rows, np.searchsorted(used, rows_of[name])) for name, each in injected.items()}
    return ConformityData(catalogue, catalogue.take(pa.array(used)), renumbered)


def _sample(collections: pa.RecordBatch, config: ConformityConfig) -> pa.RecordBatch:
    """Sample collections that are large enough; the sample does not depend on their order."""
    keys = ["source", "name", "item_titles"]
    joined = pc.binary_join(pc.list_slice(collections["item_titles"], 0, 3), "\n")
    order = pc.sort_indices(
        pa.table({"source": collections["source"], "name": collections["name"], "item_titles": joined}),
        sort_keys=[(key, "ascending") for key in keys],
    ).to_numpy()
    sizes = pc.list_value_length(collections["item_titles"]).to_numpy()
    large = order[sizes[order] >= config.mixtures.min_first_items]
    random = np.random.default_rng(config.mixtures.seed)
    chosen = random.choice(large, min(config.max_collections, len(large)), replace=False)
    return collections.take(pa.array(np.sort(chosen)))


def _catalogue_rows(mixtures: Mixtures, catalogue: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the row of each item of the mixtures in the catalogue."""
    return pc.index_in(item_texts(mixtures.items), item_texts(catalogue)).to_numpy().astype(np.int64)


def _renumber(rows: pa.RecordBatch, numbers: npt.NDArray[np.int64]) -> pa.RecordBatch:
    items = numbers[rows["item"].flatten().to_numpy()]
    ids, ks = rows["mixture_id"].to_numpy(), rows["k"].to_numpy()
    return mixture_rows(ids, ks, offsets_of(rows), items, rows["label"].flatten().to_numpy())


def compared_methods(encoder: str | None) -> tuple[Method, ...]:
    """Return the extraction methods, each at one threshold chosen before; without an encoder those by terms."""
    by_terms = icpc(STATISTICAL, (_MIN_COSINE,))
    return (by_terms,) if encoder is None else (by_terms, icpc_by_evidence(encoder, (BayesianConfig.merge_threshold,)))


@dataclasses.dataclass(frozen=True, eq=False)
class Scenario:
    """The mixtures of one scenario as arrays; interactions of one mixture follow those of another.

    Attributes:
        offsets: int64, shape (mixtures + 1,): where each mixture begins.
        items: int32, shape (interactions,).
        labels: int64, shape (interactions,): number of the collection; -1: injected.
        mixtures: int64, shape (interactions,): index of the mixture.
        ks: int32, shape (mixtures,): number of collections.
        num_items: number of items.
    """

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int64]
    mixtures: npt.NDArray[np.int64]
    ks: npt.NDArray[np.int32]
    num_items: int

    @property
    def injected(self) -> Flags:
        """Which interactions were injected; shape (interactions,)."""
        return self.labels < 0

    @property
    def scored(self) -> Flags:
        """Which mixtures are scored; thresholds are chosen on the others. Shape (mixtures,)."""
        return np.arange(len(self.ks)) % 2 == 1

    def popularity(self) -> Floats:
        """Compute for each interaction the fraction of mixtures that have its item."""
        counts = np.bincount(self.items, minlength=self.num_items)
        return counts[self.items] / len(self.ks)

    def interest_probabilities(self, config: ConformityConfig) -> Floats:
        """Compute for each interaction the probability that it is caused by interest, with DICE."""
        users = self.mixtures.astype(np.int32)
        pairs = distinct_pairs(users, self.items, (len(self.ks), self.num_items))
        learning = dataclasses.replace(config.learning, seed=config.mixtures.seed)
        return interest_probabilities(train_dice(pairs, learning), users, self.items).astype(np.float64)


def _scenario(rows: pa.RecordBatch, num_items: int) -> Scenario:
    offsets = offsets_of(rows)
    return Scenario(
        offsets,
        rows["item"].flatten().to_numpy(),
        rows["label"].flatten().to_numpy().astype(np.int64),
        np.repeat(np.arange(rows.num_rows), np.diff(offsets)),
        rows["k"].to_numpy(),
        num_items,
    )


def evaluate_rules(
    data: ConformityData, corpus: Corpus, methods: tuple[Method, ...], config: ConformityConfig
) -> pa.RecordBatch:
    """Evaluate each rule by the removed interactions and by the journeys that each method extracts from the rest.

    Args:
        data: the mixtures.
        corpus: terms and vectors of `data.items`.
        methods: extraction methods, each at its first threshold.
        config: configuration of the experiment.

    Returns:
        Rows of `metrics`, sliced by `scenario`, `method` and `rule`: `conformity_f1`, `conformity_threshold`, and
        `conformity_f1_difference`, which has the other rule as `baseline`. With the thresholds of the first method,
        sliced by `scenario` and `rule`: the fractions of interactions that a rule removes,
        `conformity_injected_removed`, `conformity_other_removed` and `conformity_genuine_removed`, the last of popular
        items of the collections. And numbers of things, by `scenario`.
    """
    seed = config.mixtures.seed
    found: list[dict[str, Any]] = []
    for name in SCENARIOS:
        scenario = _scenario(data.mixtures[name], data.items.num_rows)
        tried = _rules(scenario, config)
        for method in methods:
            chosen = _choose(scenario, tried, corpus, method)
            found += _f1_rows({"scenario": name, "method": method.name}, scenario, chosen, seed)
            if method is methods[0]:
                found += _removal_rows(name, scenario, chosen, seed)
        amounts = {
            "interactions": len(scenario.items),
            "injected": int(scenario.injected.sum()),
            "mixtures": len(scenario.ks),
        }
        found += [metric_row(f"conformity_{each}", point(number), scenario=name) for each, number in amounts.items()]
    return metric_batch(found)


def _rules(scenario: Scenario, config: ConformityConfig) -> dict[str, dict[float, Flags]]:
    """Compute by rule and threshold which interactions are kept; a rule without a threshold has 0."""
    probabilities, popularity = scenario.interest_probabilities(config), scenario.popularity()
    return {
        NO_REMOVAL: {0.0: np.full(len(scenario.items), True)},
        BY_POPULARITY: {each: popularity <= each for each in _POPULARITIES},
        BY_INTEREST: {each: probabilities >= each for each in _PROBABILITIES},
        ORACLE: {0.0: ~scenario.injected},
    }


class _Chosen(NamedTuple):
    """A rule at one threshold: which interactions it keeps, and B-cubed F1 of each mixture."""

    threshold: float
    kept: Flags
    f1: Floats


def _choose(
    scenario: Scenario, tried: Mapping[str, Mapping[float, Flags]], corpus: Corpus, method: Method
) -> dict[str, _Chosen]:
    """Choose the threshold of each rule with the best F1 on the mixtures that are not scored; ties: the lower."""
    chosen = {}
    for rule, thresholds in tried.items():
        outcomes = [_Chosen(each, kept, _f1(scenario, kept, corpus, method)) for each, kept in thresholds.items()]
        chosen[rule] = max(outcomes, key=lambda outcome: (_mean_over_k(scenario, outcome.f1), -outcome.threshold))
    return chosen


def _mean_over_k(scenario: Scenario, f1: Floats) -> float:
    others = ~scenario.scored
    return float(np.mean([f1[others & (scenario.ks == k)].mean() for k in np.unique(scenario.ks)]))


def _f1(scenario: Scenario, kept: Flags, corpus: Corpus, method: Method) -> Floats:
    """Compute B-cubed F1 of each whole mixture where journeys are extracted from the interactions that are kept."""
    counts = np.bincount(scenario.mixtures[kept], minlength=len(scenario.ks))
    offsets = list_offsets(counts)
    labels = np.full(len(scenario.items), -1, np.int64)
    labels[kept] = method.cluster(corpus, offsets, scenario.items[kept], method.thresholds[0])
    return score(scenario.offsets, scenario.labels, labels).f1


def _f1_rows(
    parts: Mapping[str, str], scenario: Scenario, chosen: Mapping[str, _Chosen], seed: int
) -> list[dict[str, Any]]:
    ks = scenario.ks[scenario.scored]
    f1 = {rule: outcome.f1[scenario.scored] for rule, outcome in chosen.items()}
    rows = []
    for rule, outcome in chosen.items():
        rows.append(metric_row("conformity_f1", mean_of_groups(f1[rule], ks, seed), **parts, rule=rule))
        if outcome.threshold:
            rows.append(metric_row("conformity_threshold", point(outcome.threshold), **parts, rule=rule))
    compared = [(rule, NO_REMOVAL) for rule in chosen if rule != NO_REMOVAL]
    for rule, other in [*compared, (BY_INTEREST, BY_POPULARITY)]:
        gain = paired_difference(f1[rule], f1[other], seed, ks)
        rows.append(metric_row("conformity_f1_difference", gain, **parts, rule=rule, baseline=other))
    return rows


def _removal_rows(name: str, scenario: Scenario, chosen: Mapping[str, _Chosen], seed: int) -> list[dict[str, Any]]:
    """Compute the fractions of injected, of other and of genuine popular interactions that each rule removes."""
    popular = np.isin(scenario.items, np.unique(scenario.items[scenario.injected]))
    kinds = {
        "injected": scenario.injected,
        "other": ~scenario.injected,
        "genuine": popular & ~scenario.injected,
    }
    rows = []
    for rule in (BY_POPULARITY, BY_INTEREST):
        for kind, among in kinds.items():
            total, removed = (_count(scenario, each) for each in (among, among & ~chosen[rule].kept))
            if total.sum():
                fraction = ratio_interval(removed, total, seed)
                rows.append(metric_row(f"conformity_{kind}_removed", fraction, scenario=name, rule=rule))
    return rows


def _count(scenario: Scenario, flags: Flags) -> npt.NDArray[np.int64]:
    """Count the flagged interactions of each mixture that is scored."""
    return np.bincount(scenario.mixtures[flags], minlength=len(scenario.ks))[scenario.scored]
