"""How well the stage of a journey predicts that it is continued, and what recurrence adds to that."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import ratio_interval, score_difference, score_interval
from transforms.evaluation.experiments.intents.exploration import auc_interval
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.experiments.lifecycle.past_journeys import Continuations, Flags, PastJourneys
from transforms.evaluation.metric_rows import metric_row
from transforms.lifecycle.recurrence import effective_months
from transforms.lifecycle.relevance import importance_of
from transforms.lifecycle.rhythm import (
    Floats,
    Integers,
    LogGaps,
    active_days,
    return_rates,
    silences,
    typical_gaps,
)

Row = dict[str, Any]

HORIZONS = (30, 90)
"""Days after the date within which a journey is continued."""

OWN_GAPS, LAST_JOURNEY = "own gaps", "last journey"
FIXED_DAYS = (30, 90)
"""The fixed limits that the stage is compared with, in days."""


def judgements(following: Continuations) -> dict[str, Floats]:
    """Return the days until journeys are continued, by what is counted as a continuation."""
    return {"journey": following.days, "cluster": following.cluster_days}


def stages(journeys: PastJourneys, gaps: LogGaps, date: int, config: LifecycleExperimentConfig) -> dict[str, Flags]:
    """Return by rule whether each journey is ongoing at the date."""
    days = active_days(journeys.member_offsets, journeys.times)
    silent = silences(journeys.member_offsets, journeys.times, date)
    limits = config.rhythm.ongoing_gaps * typical_gaps(days, gaps.mean_gap, config.rhythm.gap_weight)
    rules = {OWN_GAPS: silent <= limits, **{fixed_rule(limit): silent <= limit for limit in FIXED_DAYS}}
    return rules | {LAST_JOURNEY: is_last_journey(journeys)}


def fixed_rule(days: float) -> str:
    """Return the name of the rule with a fixed limit."""
    return f"{days:g} days"


def is_last_journey(journeys: PastJourneys) -> Flags:
    """Return whether each journey is the one that its user continued last; ties: all of them."""
    last = journeys.times[journeys.member_offsets[1:] - 1]
    latest = np.full(int(journeys.users.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, journeys.users, last)
    return last == latest[journeys.users]


def continuation_scores(
    journeys: PastJourneys, gaps: LogGaps, date: int, config: LifecycleExperimentConfig
) -> dict[str, Floats]:
    """Return the scores that are compared: higher means that the journey is continued sooner."""
    days = active_days(journeys.member_offsets, journeys.times)
    silent = silences(journeys.member_offsets, journeys.times, date)
    weight, half_life = config.rhythm.gap_weight, config.top_list.importance_half_life
    return {
        "own gaps": -silent / typical_gaps(days, gaps.mean_gap, weight),
        "recency": -silent,
        "return rate": return_rates(days, silent, gaps.mean_gap, weight),
        "importance": importance_of(journeys.member_offsets, journeys.times, journeys.users, half_life),
        "size": journeys.sizes.astype(np.float64),
    }


def stage_rows(
    journeys: PastJourneys, following: Continuations, gaps: LogGaps, date: int, config: LifecycleExperimentConfig
) -> Iterator[Row]:
    """Measure rules and scores."""
    rules, scores = (found(journeys, gaps, date, config) for found in (stages, continuation_scores))
    for (truth, waits), horizon in itertools.product(judgements(following).items(), HORIZONS):
        if horizon > config.future_days:
            continue
        continued, parts = waits < horizon, {"judgement": truth, "days": horizon}
        base = ratio_interval(*_sums(journeys.users, [continued, np.ones_like(continued)]).T, config.seed)
        yield metric_row("lifecycle_continued", base, **parts)
        counts = {rule: _outcomes(journeys.users, flags, continued) for rule, flags in rules.items()}
        for rule, found in counts.items():
            yield from _rule_rows(found, config.seed, rule=rule, **parts)
            if rule != OWN_GAPS:
                gain = score_difference(counts[OWN_GAPS], found, _f1, config.seed)
                yield metric_row("lifecycle_f1_difference", gain, rival=rule, **parts)
        if continued.all() or not continued.any():
            continue
        for name, score in scores.items():
            area = auc_interval(score, continued, journeys.users, config.seed)
            yield metric_row("lifecycle_auc", area, score=name, **parts)


def _sums(users: Integers, columns: Sequence[Flags]) -> Integers:
    """Return the sums of columns by user who has a journey, int64, shape (users, columns)."""
    _, codes = np.unique(users, return_inverse=True)
    return np.stack([np.bincount(codes, each) for each in columns], axis=1).astype(np.int64)


def _outcomes(users: Integers, ongoing: Flags, continued: Flags) -> Integers:
    """Count by user: ongoing and continued, ongoing alone, continued alone, all."""
    return _sums(users, [ongoing & continued, ongoing & ~continued, ~ongoing & continued, np.ones_like(ongoing)])


def _precision(sums: Sequence[int]) -> float:
    return sums[0] / max(sums[0] + sums[1], 1)


def _recall(sums: Sequence[int]) -> float:
    return sums[0] / max(sums[0] + sums[2], 1)


def _f1(sums: Sequence[int]) -> float:
    return 2 * sums[0] / max(2 * sums[0] + sums[1] + sums[2], 1)


def _ongoing(sums: Sequence[int]) -> float:
    return (sums[0] + sums[1]) / max(sums[3], 1)


def _rule_rows(counts: Integers, seed: int, **parts: object) -> Iterator[Row]:
    measures = {"ongoing": _ongoing, "precision": _precision, "recall": _recall, "f1": _f1}
    for name, score in measures.items():
        yield metric_row(f"lifecycle_{name}", score_interval(counts, score, seed), **parts)


def recurrence_rows(
    journeys: PastJourneys, following: Continuations, gaps: LogGaps, date: int, config: LifecycleExperimentConfig
) -> Iterator[Row]:
    """Measure how many evergreen and how many situational journeys are continued, by stage."""
    days = active_days(journeys.member_offsets, journeys.times)
    evergreen = effective_months(days) >= config.evergreen_months
    ongoing = stages(journeys, gaps, date, config)[OWN_GAPS]
    continued = following.days < config.future_days
    for stage, recurrence in itertools.product(("ongoing", "ended"), ("evergreen", "situational")):
        chosen = (ongoing == (stage == "ongoing")) & (evergreen == (recurrence == "evergreen"))
        counts = _sums(journeys.users, [chosen & continued, chosen])
        if counts[:, 1].any():
            found = ratio_interval(counts[:, 0], counts[:, 1], config.seed)
            yield metric_row("lifecycle_returned", found, stage=stage, recurrence=recurrence)
