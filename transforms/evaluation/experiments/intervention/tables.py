"""The experiments on interest and conformity as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from transforms.evaluation.experiments.intervention.scoring import MEASURES, RECOMMENDERS, TEST_SETS
from transforms.evaluation.table_pieces import amount, cell, figures_of, line

_MEASURE_TITLES = {"recall": "recall@20", "ndcg": "NDCG@20", "popular": "popularity overlap"}


def intervention_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """What each rival recommends: a row for each test set and rival.

    Args:
        metrics: rows of `metrics`; others are not looked at.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    figures = figures_of(metrics)
    if not any(metric == "intervened_recall" for metric, _ in figures):
        raise ValueError("there are no figures of intervened test sets among the metrics")
    lines = [line(["test set", "recommender", *_MEASURE_TITLES.values()]), line(["---", "---", *["---:"] * 3])]
    for test_set in TEST_SETS:
        for recommender in RECOMMENDERS:
            cells = [cell(figures.get((f"intervened_{name}", f"{recommender}/{test_set}"))) for name in MEASURES]
            lines.append(line([test_set, recommender, *cells]))
    return "\n".join(lines) + "\n"


def describe_intervention(metrics: Iterable[pa.RecordBatch]) -> str:
    """What recommendations were measured on, in a few words."""
    figures = figures_of(metrics)
    amounts = [amount(figures, f"intervened_{name}", "") for name in ("pairs", "users", "items")]
    medians = [
        amount(figures, "intervened_median_popularity", f"{part}/{test_set}")
        for test_set in TEST_SETS
        for part in ("learnt", "tested")
    ]
    gains = [
        f"{slice_.partition('/')[0]}, {slice_.partition('/')[2]}: {cell(row)}"
        for (metric, slice_), row in figures.items()
        if metric == "intervened_recall_difference"
    ]
    return (
        f"{amounts[0]} pairs of {amounts[1]} users and {amounts[2]} items. Users of an item, the median over what is "
        f"learnt and over what is tested: {medians[0]} and {medians[1]} where the test set is intervened, {medians[2]} "
        f"and {medians[3]} where it is as logged. Small numbers are 95 % intervals, by bootstrap over users. Gains in "
        f"recall: {'; '.join(gains)}.\n"
    )
