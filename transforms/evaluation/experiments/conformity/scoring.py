"""Experiment on conformity: popular items are planted into mixtures, and rules take out what they think was planted.

Mixtures are users. DICE learns from who has what, without labels; a rule by interest, and one by popularity
alone, take interactions out before journeys are found. An item that is taken out is in no journey.

Thresholds of the rules are chosen on every second mixture; the others are judged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.evaluation.algorithms import STATISTICAL
from transforms.evaluation.bootstrap import mean_of_groups, paired_difference, ratio_interval
from transforms.evaluation.config import ConformityConfig
from transforms.evaluation.figures import certain, metric_batch, metric_row
from transforms.evaluation.methods import Corpus, Method, icpc, icpc_by_evidence
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

NOISE, SHARED_INTEREST = "nobody's interest", "an interest of some"
SCENARIOS = (NOISE, SHARED_INTEREST)
"""What the popular items are."""

NOTHING, BY_INTEREST, BY_POPULARITY, ORACLE = "nothing", "interest", "popularity", "what was planted"
RULES = (NOTHING, BY_POPULARITY, BY_INTEREST, ORACLE)
"""What is taken out, or by what."""

_CHANCES = tuple(number / 100 for number in range(30, 91, 5))
_POPULARITIES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4)
_LEAST_COSINE = 0.005
"""Of ICPC by terms: about the best on mixtures without popular items."""


class ConformityData(NamedTuple):
    """Mixtures with popular items.

    Attributes:
        catalogue: rows of `items`: all items of all collections, by `item_id`.
        items: those of them that were mixed or planted, in the same order: row i is item number i of the mixtures.
        worlds: rows of `MIXTURES`, by what the popular items are.
    """

    catalogue: pa.RecordBatch
    items: pa.RecordBatch
    worlds: dict[str, pa.RecordBatch]


def inject_into_mixtures(collections: pa.RecordBatch, config: ConformityConfig) -> ConformityData:
    """Mixes a sample of the collections, and plants popular items in both ways.

    Args:
        collections: rows of `collections`, in any order.
        config: how.

    Raises:
        ValueError: as `build_mixtures`, `inject_popular` and `inject_members` do.
    """
    mixing = config.separation.mixtures
    mixtures = build_mixtures(_sample(collections, config), mixing)
    planted = {
        NOISE: inject_popular(mixtures, collections, config.popular, config.share, mixing.seed),
        SHARED_INTEREST: inject_members(mixtures, config.popular, config.share, mixing.seed),
    }
    catalogue = number_items([collections]).items
    rows_of = {name: _rows_in(world, catalogue) for name, world in planted.items()}
    used = np.unique(np.concatenate(list(rows_of.values())))
    worlds = {name: _renumbered(world.rows, np.searchsorted(used, rows_of[name])) for name, world in planted.items()}
    return ConformityData(catalogue, catalogue.take(pa.array(used)), worlds)


def _sample(collections: pa.RecordBatch, config: ConformityConfig) -> pa.RecordBatch:
    """Some of the collections that are large enough, whatever their order."""
    keys = ["source", "name", "item_titles"]
    joined = pc.binary_join(pc.list_slice(collections["item_titles"], 0, 3), "\n")
    order = pc.sort_indices(
        pa.table({"source": collections["source"], "name": collections["name"], "item_titles": joined}),
        sort_keys=[(key, "ascending") for key in keys],
    ).to_numpy()
    sizes = pc.list_value_length(collections["item_titles"]).to_numpy()
    large = order[sizes[order] >= config.separation.mixtures.min_first_items]
    random = np.random.default_rng(config.separation.mixtures.seed)
    chosen = random.choice(large, min(config.most_collections, len(large)), replace=False)
    return collections.take(pa.array(np.sort(chosen)))


def _rows_in(world: Mixtures, catalogue: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Where each item of a world is in the catalogue."""
    return pc.index_in(item_texts(world.items), item_texts(catalogue)).to_numpy().astype(np.int64)


def _renumbered(rows: pa.RecordBatch, numbers: npt.NDArray[np.int64]) -> pa.RecordBatch:
    items = numbers[rows["item"].flatten().to_numpy()]
    ids, ks = rows["mixture_id"].to_numpy(), rows["k"].to_numpy()
    return mixture_rows(ids, ks, offsets_of(rows), items, rows["label"].flatten().to_numpy())


def trial_methods(encoder: str | None) -> tuple[Method, ...]:
    """How journeys are found, each at the one threshold that was chosen before; without an encoder: by terms."""
    by_terms = icpc(STATISTICAL, (_LEAST_COSINE,))
    return (by_terms,) if encoder is None else (by_terms, icpc_by_evidence(encoder, (BayesianConfig.merge_threshold,)))


@dataclasses.dataclass(frozen=True, eq=False)
class Scenario:
    """One world as arrays; interactions are those of all mixtures, one after another.

    Attributes:
        offsets: int64, shape (mixtures + 1,).
        items: int32, shape (interactions,).
        labels: int64, shape (interactions,); -1: planted.
        mixtures: int64, shape (interactions,): the mixture of each, counted from 0.
        ks: int32, shape (mixtures,).
        item_count: number of items.
    """

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int64]
    mixtures: npt.NDArray[np.int64]
    ks: npt.NDArray[np.int32]
    item_count: int

    @property
    def planted(self) -> Flags:
        """Which interactions were planted."""
        return self.labels < 0

    @property
    def judged(self) -> Flags:
        """Which mixtures are judged; thresholds are chosen on the others. Shape (mixtures,)."""
        return np.arange(len(self.ks)) % 2 == 1

    def popularity(self) -> Floats:
        """For each interaction the share of mixtures that have its item."""
        counts = np.bincount(self.items, minlength=self.item_count)
        return counts[self.items] / len(self.ks)

    def chances(self, config: ConformityConfig) -> Floats:
        """For each interaction the chance that it is interest, by DICE."""
        users = self.mixtures.astype(np.int32)
        pairs = distinct_pairs(users, self.items, (len(self.ks), self.item_count))
        learning = dataclasses.replace(config.learning, seed=config.separation.mixtures.seed)
        return interest_probabilities(train_dice(pairs, learning), users, self.items).astype(np.float64)


def _world(rows: pa.RecordBatch, item_count: int) -> Scenario:
    offsets = offsets_of(rows)
    return Scenario(
        offsets,
        rows["item"].flatten().to_numpy(),
        rows["label"].flatten().to_numpy().astype(np.int64),
        np.repeat(np.arange(rows.num_rows), np.diff(offsets)),
        rows["k"].to_numpy(),
        item_count,
    )


def evaluate_rules(
    trial: ConformityData, corpus: Corpus, methods: tuple[Method, ...], config: ConformityConfig
) -> pa.RecordBatch:
    """What each rule takes out, and what that does to each method.

    Args:
        trial: the mixtures.
        corpus: what is known of `trial.items`.
        methods: how journeys are found, each at its first threshold.
        config: how.

    Returns:
        Rows of `metrics`: `conformity_f1` and `conformity_f1_difference` to nothing taken out, sliced as
        `<world>/<method>/<rule>`; `conformity_threshold`, likewise; and what the rules took out at the threshold of the
        first method, `conformity_planted_out`, `conformity_others_out` and `conformity_meant_out`, as `<world>/<rule>`.
    """
    found: list[dict[str, Any]] = []
    for name in SCENARIOS:
        world = _world(trial.worlds[name], trial.items.num_rows)
        tried = _rules(world, config)
        for method in methods:
            chosen = _choose(world, tried, corpus, method)
            found += _f1_rows(f"{name}/{method.name}", world, chosen, config.separation.mixtures.seed)
            if method is methods[0]:
                found += _taken_rows(name, world, chosen, config.separation.mixtures.seed)
        amounts = {"interactions": len(world.items), "planted": int(world.planted.sum()), "mixtures": len(world.ks)}
        found += [metric_row(f"conformity_{each}", name, certain(number)) for each, number in amounts.items()]
    return metric_batch(found)


def _rules(world: Scenario, config: ConformityConfig) -> dict[str, dict[float, Flags]]:
    """By rule and threshold, which interactions are kept; a rule without a threshold has 0."""
    chances, popularity = world.chances(config), world.popularity()
    return {
        NOTHING: {0.0: np.full(len(world.items), True)},
        BY_POPULARITY: {each: popularity <= each for each in _POPULARITIES},
        BY_INTEREST: {each: chances >= each for each in _CHANCES},
        ORACLE: {0.0: ~world.planted},
    }


class _Chosen(NamedTuple):
    """A rule at one threshold: which interactions it keeps, and B-cubed F1 of each mixture."""

    threshold: float
    kept: Flags
    f1: Floats


def _choose(
    world: Scenario, tried: Mapping[str, Mapping[float, Flags]], corpus: Corpus, method: Method
) -> dict[str, _Chosen]:
    """Each rule at the threshold with the best F1 on the mixtures that are not judged; ties: the lower."""
    chosen = {}
    for rule, thresholds in tried.items():
        outcomes = [_Chosen(each, kept, _f1(world, kept, corpus, method)) for each, kept in thresholds.items()]
        chosen[rule] = max(outcomes, key=lambda outcome: (_mean_over_k(world, outcome.f1), -outcome.threshold))
    return chosen


def _mean_over_k(world: Scenario, f1: Floats) -> float:
    others = ~world.judged
    return float(np.mean([f1[others & (world.ks == k)].mean() for k in np.unique(world.ks)]))


def _f1(world: Scenario, kept: Flags, corpus: Corpus, method: Method) -> Floats:
    """B-cubed F1 of each whole mixture where journeys are found in what is kept."""
    counts = np.bincount(world.mixtures[kept], minlength=len(world.ks))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    labels = np.full(len(world.items), -1, np.int64)
    labels[kept] = method.find(corpus, offsets, world.items[kept], method.thresholds[0])
    return score(world.offsets, world.labels, labels).f1


def _f1_rows(name: str, world: Scenario, chosen: Mapping[str, _Chosen], seed: int) -> list[dict[str, Any]]:
    ks = world.ks[world.judged]
    before = chosen[NOTHING].f1[world.judged]
    rows = []
    for rule, outcome in chosen.items():
        f1 = outcome.f1[world.judged]
        rows.append(metric_row("conformity_f1", f"{name}/{rule}", mean_of_groups(f1, ks, seed)))
        if rule != NOTHING:
            gain = paired_difference(f1, before, seed, ks)
            rows.append(metric_row("conformity_f1_difference", f"{name}/{rule}", gain))
        if outcome.threshold:
            rows.append(metric_row("conformity_threshold", f"{name}/{rule}", certain(outcome.threshold)))
    gain = paired_difference(chosen[BY_INTEREST].f1[world.judged], chosen[BY_POPULARITY].f1[world.judged], seed, ks)
    return [*rows, metric_row("conformity_f1_difference", f"{name}/{BY_INTEREST} - {BY_POPULARITY}", gain)]


def _taken_rows(name: str, world: Scenario, chosen: Mapping[str, _Chosen], seed: int) -> list[dict[str, Any]]:
    """Shares of what was planted, of what was not, and of popular items that were meant, that a rule takes out."""
    popular = np.isin(world.items, np.unique(world.items[world.planted]))
    kinds = {"planted": world.planted, "others": ~world.planted, "meant": popular & ~world.planted}
    rows = []
    for rule in (BY_POPULARITY, BY_INTEREST):
        for kind, among in kinds.items():
            all_of, out = (_count(world, each) for each in (among, among & ~chosen[rule].kept))
            if all_of.sum():
                rows.append(metric_row(f"conformity_{kind}_out", f"{name}/{rule}", ratio_interval(out, all_of, seed)))
    return rows


def _count(world: Scenario, flags: Flags) -> npt.NDArray[np.int64]:
    """In each mixture that is judged, how many interactions are flagged."""
    return np.bincount(world.mixtures[flags], minlength=len(world.ks))[world.judged]
