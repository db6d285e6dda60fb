"""Judgement of all claims by the metrics of evaluations, as rows of `metrics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from transforms.evaluation.experiments.orderings.claims import CLAIMS, Claim
from transforms.evaluation.experiments.orderings.comparisons import Line
from transforms.evaluation.experiments.orderings.evaluations import Evaluation, read_evaluations
from transforms.evaluation.experiments.orderings.trainings import Training, evaluation_of_training
from transforms.evaluation.experiments.orderings.verdicts import VERDICTS, Verdict, verdict_of
from transforms.evaluation.metric_rows import metric_batch, metric_row, point

Row = dict[str, Any]


class Judged(NamedTuple):
    """A claim with the comparisons that decide on it; none where it is not testable."""

    claim: Claim
    lines: tuple[tuple[Line, Verdict], ...]


def judge(evaluations: Sequence[Evaluation], claims: Sequence[Claim] = CLAIMS) -> list[Judged]:
    """Compare the values of each claim in all evaluations.

    Args:
        evaluations: metrics by workspace.
        claims: the claims.
    """
    return [Judged(claim, tuple(_judged_lines(claim, evaluations))) for claim in claims]


def _judged_lines(claim: Claim, evaluations: Sequence[Evaluation]) -> Iterator[tuple[Line, Verdict]]:
    for line in claim.comparison.lines(evaluations) if claim.comparison else ():
        yield line, verdict_of(line.difference, claim.direction, claim.margin)


def ordering_metrics(metrics: Iterable[pa.RecordBatch], trainings: Sequence[Training] = ()) -> pa.RecordBatch:
    """Compute rows of `metrics` about all claims.

    `orderings_first`, `orderings_second` and `orderings_difference` are sliced by `claim`, `evaluation` and `measure`;
    `orderings_verdict`, 1, also by `kind` and `verdict`. A claim that is not testable has a verdict without the other
    parts. `orderings_comparisons` are numbers by `verdict`.

    Args:
        metrics: rows of `metrics` with provenance, of all evaluations.
        trainings: trainings of models.
    """
    evaluations = [*read_evaluations(metrics), *map(evaluation_of_training, trainings)]
    judged = judge(evaluations)
    rows = [row for each in judged for row in _rows(each)]
    counts = Counter(verdict for each in judged for _, verdict in each.lines)
    counts["not testable"] = sum(not each.lines for each in judged)
    rows += [metric_row("orderings_comparisons", point(counts[verdict]), verdict=verdict) for verdict in VERDICTS]
    return metric_batch(rows)


def _rows(judged: Judged) -> Iterator[Row]:
    name = judged.claim.name
    if not judged.lines:
        yield metric_row("orderings_verdict", point(1), claim=name, verdict="not testable")
    for line, verdict in judged.lines:
        parts = {"claim": name, "evaluation": line.evaluation, "measure": line.measure}
        yield metric_row("orderings_difference", line.difference, **parts)
        for side, value in (("first", line.first), ("second", line.second)):
            if value is not None:
                yield metric_row(f"orderings_{side}", value, **parts)
        yield metric_row("orderings_verdict", point(1), **parts, kind=line.kind, verdict=verdict)
