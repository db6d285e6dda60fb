"""Tables and a description of the metrics of the experiment on exploration."""

from __future__ import annotations

import numpy as np

from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING, Cell, Table, number_columns, row, text_columns

_CONTEXTS = {"unseen": "never seen", "held_out": "held out"}
_CUTOFFS = (1, 5, 10)
_VARIETY = {
    "effective clusters in the top 3": ("exploration_effective_clusters", "{:.1f}"),
    "coverage": ("exploration_coverage", "{:.2f}"),
    "Gini": ("exploration_gini", "{:.2f}"),
}


def source_names(index: MetricIndex) -> list[str]:
    """Return the sources that were measured, the highest recall@10 first; ties: by name."""
    names = sorted({parts["source"] for parts in index.require("exploration_recall")})
    return sorted(names, key=lambda name: -index.value("exploration_recall", source=name, contexts="all", k=10))


def source_table(index: MetricIndex) -> Table:
    """Return a row for each source: recall and variety on the test period."""
    rows = []
    for name in source_names(index):
        recalls = [index.cell("exploration_recall", source=name, contexts="all", k=k) for k in _CUTOFFS]
        variety = [
            Cell(form.format(found.value)) if (found := index.get(metric, source=name)) else Cell(MISSING)
            for metric, form in _VARIETY.values()
        ]
        rows.append(row(name, *recalls, *variety))
    columns = (*text_columns("source"), *number_columns("recall@1", "@5", "@10", *_VARIETY))
    return Table(columns, tuple(rows), notes=("Coverage and Gini are of the clusters that are ranked first.",))


def unseen_table(index: MetricIndex) -> Table:
    """Return a row for each source: recall after contexts that are not in training."""
    rows = [
        row(
            name,
            *(
                index.cell("exploration_recall", source=name, contexts=contexts, k=k)
                for contexts in _CONTEXTS
                for k in _CUTOFFS[1:]
            ),
        )
        for name in source_names(index)
    ]
    titles = [f"{title}: @{k}" for title in _CONTEXTS.values() for k in _CUTOFFS[1:]]
    return Table(
        (*text_columns("source"), *number_columns(*titles)), tuple(rows), "Recall after contexts not in training"
    )


def size_table(index: MetricIndex) -> Table:
    """Return a row for each source: recall@10 by the number of clusters of a context; the range over seeds."""
    measured = [parts for parts in index.slices("exploration_size_recall") if parts["k"] == "10"]
    sizes = sorted({parts["context_size"] for parts in measured})
    names = [name for name in source_names(index) if any(parts["source"] == name for parts in measured)]
    rows = []
    for name in names:
        cells = []
        for size in sizes:
            own = [parts for parts in measured if (parts["source"], parts["context_size"]) == (name, size)]
            cells.append(_spread([index.value("exploration_size_recall", **parts) for parts in own], "{:.3f}"))
        rows.append(row(name, *cells))
    notes = ("The same transitions for all K. Network: mean and range of three seeds; counts have no seed.",)
    columns = (*text_columns("source"), *number_columns(*(f"K={size}" for size in sizes)))
    return Table(columns, tuple(rows), "Recall@10 by the number of clusters of a context", notes)


def selection_table(index: MetricIndex) -> Table:
    """Return a row for each selection of pairs: what networks generate that are trained on it."""
    measured = index.slices("exploration_selection_recall")
    rows = []
    for selection in sorted({parts["selection"] for parts in measured}):
        seeds = [parts for parts in measured if parts["selection"] == selection]
        values = {
            measure: [index.value(f"exploration_selection_{measure}", **parts) for parts in seeds]
            for measure in ("pairs", "recall", "coverage", "gini")
        }
        form = {"pairs": "{:,.0f}", "recall": "{:.3f}", "coverage": "{:.2f}", "gini": "{:.2f}"}
        rows.append(row(selection, *(_spread(found, form[measure]) for measure, found in values.items())))
    columns = (*text_columns("selection"), *number_columns("pairs", "recall@10", "coverage", "Gini"))
    notes = ("Mean and range of three networks; coverage and Gini are of the clusters that are ranked first.",)
    return Table(columns, tuple(rows), "Pairs for tuning: balanced by label, or the most frequent", notes)


def describe_sources(index: MetricIndex) -> list[str]:
    """Describe the data, and the default relative to its rivals."""
    amounts = [index.count(f"exploration_{name}") for name in ("transitions", "users", "clusters")]
    ratios = [
        f"@{parts['k']} {index.text('exploration_recall_ratio', **parts)} ({parts['baseline']})"
        for parts in sorted(index.slices("exploration_recall_ratio"), key=lambda parts: int(parts["k"]))
    ]
    numbers = [
        f"{title}: {found.n:,}"
        for contexts, title in _CONTEXTS.items()
        if (found := index.get("exploration_recall", source="blend", contexts=contexts, k=10))
    ]
    return [
        (
            f"{amounts[0]} transitions of {amounts[1]} users in the test period, {amounts[2]} clusters. Small numbers "
            "are 95 % intervals, by bootstrap over users."
        ),
        f"Recall of the blend divided by that of the best of popularity, Markov and item-to-item: {', '.join(ratios)}.",
        (
            "Contexts never seen have no transition in training. Held out are a quarter of the contexts of the test "
            "period: they were removed from training, shorter contexts were not. Transitions: "
            f"{', '.join(numbers)}."
        ),
    ]


def _spread(values: list[float], form: str) -> Cell:
    """Format the mean of values, and their range if they differ."""
    if not values:
        return Cell(MISSING)
    mean, low, high = (form.format(float(value)) for value in (np.mean(values), min(values), max(values)))
    return Cell(mean if low == high else f"{mean} ({low}–{high})")
