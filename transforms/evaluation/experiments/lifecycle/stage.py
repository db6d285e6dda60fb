"""Prediction of the continuation of journeys, by their stage, by scores, and by their recurrence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import auc_interval, ratio_interval, score_difference, score_interval
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.experiments.lifecycle.past_journeys import Continuations, Flags, PastJourneys
from transforms.evaluation.metric_rows import metric_row
from transforms.lifecycle.recurrence import effective_months
from transforms.lifecycle.relevance import importance_of
from transforms.lifecycle.rhythm import (
    DAY,
    ActiveDays,
    Floats,
    Integers,
    LogGaps,
    active_days,
    owners_of,
    silences,
    spans,
    typical_gaps,
)

Row = dict[str, Any]

HORIZONS = (30, 90)
"""Days after the date within which a journey is continued."""

OWN_GAPS, LOG_GAPS, LAST_JOURNEY = "own gaps", "gaps of the log", "last journey"
FIXED_DAYS = (30, 90)
"""The fixed limits that the stage is compared with, in days."""

_SHORTEST_DAYS = 1 / 24


def judgements(following: Continuations) -> dict[str, Floats]:
    """Return the days until journeys are continued, by what is counted as a continuation."""
    return {"journey": following.days, "cluster": following.cluster_days}


def stages(journeys: PastJourneys, gaps: LogGaps, date: int, config: LifecycleExperimentConfig) -> dict[str, Flags]:
    """Return by rule whether each journey is ongoing at the date."""
    days = active_days(journeys.member_offsets, journeys.times)
    silent = silences(journeys.member_offsets, journeys.times, date)
    multiple = config.rhythm.ongoing_gaps
    limits = multiple * typical_gaps(days, gaps.mean_gap, config.rhythm.gap_weight)
    rules = {OWN_GAPS: silent <= limits, LOG_GAPS: silent <= multiple * gaps.mean_gap}
    rules |= {fixed_rule(limit): silent <= limit for limit in FIXED_DAYS}
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
        "own gaps": -silent / np.maximum(typical_gaps(days, gaps.mean_gap, weight), _SHORTEST_DAYS),
        "recency": -silent,
        "return rate": return_rates(days, silent, gaps.mean_gap, weight),
        "decayed active days": decayed_days(days, date, half_life),
        "importance": importance_of(journeys.member_offsets, journeys.times, journeys.users, half_life),
        "size": journeys.sizes.astype(np.float64),
    }


def return_rates(days: ActiveDays, silent: Floats, mean_gap: float, weight: float) -> Floats:
    """Compute how often each journey is expected to be taken up, per day.

    It is the posterior mean of the rate of a Poisson process with a gamma prior, in which the silence counts as time
    without an event. Unlike the gap, it falls while the journey is silent.

    Args:
        days: the active days of each journey.
        silent: float64, shape (journeys,): days since the last interaction.
        mean_gap: mean gap of the log in days.
        weight: the number of gaps that the mean of the log counts for, above 0.

    Returns:
        float64, shape (journeys,), above 0.
    """
    gaps = np.diff(days.offsets) - 1
    return (gaps + weight) / np.maximum(spans(days) + silent + weight * mean_gap, _SHORTEST_DAYS)


def decayed_days(days: ActiveDays, date: int, half_life_days: float) -> Floats:
    """Sum the active days of each journey, each with a weight that halves with its age.

    Args:
        days: the active days of each journey.
        date: the date to which ages are relative, in microseconds.
        half_life_days: age in days at which a weight is one half.

    Returns:
        float64, shape (journeys,).
    """
    weights = 0.5 ** ((date // DAY - days.days) / half_life_days)
    return np.bincount(owners_of(days.offsets), weights, len(days.offsets) - 1).astype(np.float64)


def stage_rows(
    journeys: PastJourneys, following: Continuations, gaps: LogGaps, date: int, config: LifecycleExperimentConfig
) -> Iterator[Row]:
    """Measure rules and scores."""
    rules = stages(journeys, gaps, date, config)
    scores = continuation_scores(journeys, gaps, date, config)
    for (truth, waits), horizon in itertools.product(judgements(following).items(), HORIZONS):
        if horizon > config.future_days:
            continue
        continued, parts = waits < horizon, {"judgement": truth, "days": horizon}
        sums = _sums(journeys.users, [continued, np.ones_like(continued)])
        yield metric_row("lifecycle_continued", ratio_interval(sums[:, 0], sums[:, 1], config.seed), **parts)
        counts = {rule: _outcomes(journeys.users, flags, continued) for rule, flags in rules.items()}
        for rule, found in counts.items():
            yield from _rule_rows(found, config.seed, rule=rule, **parts)
            if rule != OWN_GAPS:
                gain = score_difference(counts[OWN_GAPS], found, _f1, config.seed)
                yield metric_row("lifecycle_f1_difference", gain, rival=rule, **parts)
        if continued.all() or not continued.any():
            continue
        for name, values in scores.items():
            area = auc_interval(values, continued, journeys.users, config.seed)
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
