"""Comparisons of metric rows: which two values a claim is about, and how their difference gets an interval."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.metric_slice import parse_slice
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.orderings.differences import (
    distance_to,
    independent_difference,
    negated,
    proportion_interval,
    seed_difference,
)
from transforms.evaluation.experiments.orderings.evaluations import Evaluation, Pattern

Kind = Literal["paired", "independent", "seeds", "target"]
"""The computation of the interval of a difference: measured on the same objects; from the intervals of two values; over
seeds; from the interval of one value and a number that the paper states."""


class Line(NamedTuple):
    """One comparison.

    Attributes:
        evaluation: the name of the workspace, or of both.
        measure: the measure or the threshold that is compared.
        first: the value that the claim is about; None: it was not measured apart from the difference.
        second: the value that it is compared with; None: as for `first`.
        difference: the first minus the second.
        kind: how its interval was computed.
    """

    evaluation: str
    measure: str
    first: Interval | None
    second: Interval | None
    difference: Interval
    kind: Kind


class Comparison(ABC):
    """A comparison that is made in each evaluation that has its rows."""

    @abstractmethod
    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        """Compare the values of all evaluations; nothing where rows are missing."""


@dataclasses.dataclass(frozen=True)
class Methods(Comparison):
    """Two methods of one experiment, which differ in one part of the slice.

    Their difference is that in `<metric>_difference`, with the part `baseline`, in either direction; where there is
    none, it is computed from both values as if they were independent.

    Attributes:
        metric: the metric, with `{}` in the place of the measure.
        measures: the measures.
        key: the part of the slice in which the methods differ.
        first: its value for the first method.
        second: its value for the second one.
        parts: the other parts of the slice, as text.
        example_set: the set of examples that an evaluation must have named; empty: any, or none.
    """

    metric: str
    measures: tuple[str, ...]
    key: str
    first: str
    second: str
    parts: str = ""
    example_set: str = ""

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        for evaluation in evaluations:
            if self.example_set and evaluation.example_set() != self.example_set:
                continue
            for measure in self.measures:
                if line := self._compare(evaluation, measure):
                    yield line

    def _compare(self, evaluation: Evaluation, measure: str) -> Line | None:
        metric = self.metric.format(measure)
        first, second = (evaluation.find(self._pattern(metric, name)) for name in (self.first, self.second))
        if first is None or second is None:
            return None
        paired = self._recorded(evaluation, f"{metric}_difference")
        difference = paired or independent_difference(first, second)
        kind: Kind = "paired" if paired else "independent"
        return Line(evaluation.name, measure, first, second, difference, kind)

    def _recorded(self, evaluation: Evaluation, metric: str) -> Interval | None:
        found = evaluation.find(self._pattern(metric, self.first, baseline=self.second))
        if found is not None:
            return found
        reverse = evaluation.find(self._pattern(metric, self.second, baseline=self.first))
        return None if reverse is None else negated(reverse)

    def _pattern(self, metric: str, name: str, **further: str) -> Pattern:
        return Pattern(metric, {self.key: name, **parse_slice(self.parts), **further})


@dataclasses.dataclass(frozen=True)
class Sets(Comparison):
    """One row in evaluations of two sets of examples, which are independent.

    Attributes:
        metric: the metric.
        measure: the name of the measure in tables.
        parts: the slice, as text.
        first: the set of the first value, such as `N1`.
        second: the set of the second one.
    """

    metric: str
    measure: str
    parts: str
    first: str
    second: str

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        pattern = Pattern.parse(self.metric, self.parts)
        for one in _of_set(evaluations, self.first):
            for other in _of_set(evaluations, self.second):
                first, second = one.find(pattern), other.find(pattern)
                if first is not None and second is not None:
                    difference = independent_difference(first, second)
                    yield Line(f"{one.name}, {other.name}", self.measure, first, second, difference, "independent")


def _of_set(evaluations: Sequence[Evaluation], name: str) -> list[Evaluation]:
    return [each for each in evaluations if each.example_set() == name]


@dataclasses.dataclass(frozen=True)
class Recorded(Comparison):
    """A difference that an experiment measured on the same objects, without or with both values.

    Attributes:
        metric: the metric of the difference.
        slices: for each measure the slice of the difference, as text.
        first: metric and slice of the first value, with `{}` in the place of the measure; None: it is not shown.
        second: of the second value.
    """

    metric: str
    slices: Mapping[str, str]
    first: tuple[str, str] | None = None
    second: tuple[str, str] | None = None

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        for evaluation in evaluations:
            for measure, text in self.slices.items():
                difference = evaluation.find(Pattern.parse(self.metric, text))
                if difference is not None:
                    first, second = (_value(evaluation, each, measure) for each in (self.first, self.second))
                    yield Line(evaluation.name, measure, first, second, difference, "paired")


def _value(evaluation: Evaluation, row: tuple[str, str] | None, measure: str) -> Interval | None:
    if row is None:
        return None
    metric, text = (part.format(measure) for part in row)
    return evaluation.find(Pattern.parse(metric, text))


@dataclasses.dataclass(frozen=True)
class Rows(Comparison):
    """Two rows of one evaluation, compared as if they were independent.

    Attributes:
        first: for each measure metric and slice of the first row.
        second: for each measure those of the second row.
        are_counts: whether the values are numbers of the objects that `n` counts.
    """

    first: Mapping[str, tuple[str, str]]
    second: Mapping[str, tuple[str, str]]
    are_counts: bool = False

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        for evaluation in evaluations:
            for measure in self.first:
                rows = (self.first[measure], self.second[measure])
                values = [evaluation.find(Pattern.parse(*each)) for each in rows]
                first, second = (self._as_interval(each) for each in values)
                if first is not None and second is not None:
                    difference = independent_difference(first, second)
                    yield Line(evaluation.name, measure, first, second, difference, "independent")

    def _as_interval(self, value: Interval | None) -> Interval | None:
        if value is None or not self.are_counts:
            return value
        return proportion_interval(value.value, value.n) if value.n else None


@dataclasses.dataclass(frozen=True)
class Seeds(Comparison):
    """Two methods that were run with several seeds.

    Attributes:
        metric: the metric, with `{}` in the place of the measure.
        measures: the measures.
        first: the slice of the first method without the part `seed`, as text.
        second: that of the second one.
    """

    metric: str
    measures: tuple[str, ...]
    first: str
    second: str

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        for evaluation in evaluations:
            for measure in self.measures:
                metric = self.metric.format(measure)
                values = [evaluation.by_seed(Pattern.parse(metric, text)) for text in (self.first, self.second)]
                if values[0].keys() & values[1].keys():
                    first, second = (_mean(each) for each in values)
                    yield Line(evaluation.name, measure, first, second, seed_difference(*values), "seeds")


def _mean(values: Mapping[str, float]) -> Interval:
    return Interval(sum(values.values()) / len(values), math.nan, math.nan, len(values))


@dataclasses.dataclass(frozen=True)
class Target(Comparison):
    """A row and a number that the paper states.

    Attributes:
        metric: the metric.
        parts: the slice, as text.
        measure: the name of the measure in tables.
        target: the number.
    """

    metric: str
    parts: str
    measure: str
    target: float

    def lines(self, evaluations: Sequence[Evaluation]) -> Iterator[Line]:
        for evaluation in evaluations:
            value = evaluation.find(Pattern.parse(self.metric, self.parts))
            if value is not None:
                stated = Interval(self.target, math.nan, math.nan, 0)
                yield Line(evaluation.name, self.measure, value, stated, distance_to(value, self.target), "target")
