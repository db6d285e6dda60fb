"""Tables and a description of the metrics of the experiment on recommendation."""

from __future__ import annotations

from transforms.evaluation.experiments.recommendation.comparison import FRACTIONS, OWN
from transforms.evaluation.experiments.recommendation.methods import OURS
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING, Cell, Table, number_columns, row, text_columns

MIXED = "0.3"
"""The fraction of novel items in the table of mixed lists."""

_ACCURACY = {
    "recall@10": "recall",
    "nDCG@10": "ndcg",
    "hit rate": "hit_rate",
    "novel recall@10": "novel_recall",
    "novel nDCG@10": "novel_ndcg",
    "novel hit rate": "novel_hit_rate",
    "novel cluster hit rate": "novel_cluster_hit_rate",
    "novelty ratio": "novelty_ratio",
    "calibration": "calibration",
}
_VARIETY = {
    "coverage": ("coverage", "{:.3f}"),
    "Gini": ("gini", "{:.3f}"),
    "effective items": ("effective_items", "{:,.0f}"),
    "effective clusters": ("effective_clusters", "{:.1f}"),
}


def measured_methods(index: MetricIndex) -> list[str]:
    """Return all methods, the lookup table first, then the highest hit rate on novel targets at `MIXED`."""
    names = sorted({parts["method"] for parts in index.require("recommendation_novelty_ratio")})

    def order(name: str) -> tuple[bool, float]:
        found = index.get("recommendation_novel_hit_rate", method=name, novel=MIXED)
        return name != OURS, -(found.value if found else 0.0)

    return sorted(names, key=order)


def method_table(index: MetricIndex, novel: str, title: str, notes: tuple[str, ...] = ()) -> Table:
    """Return a row for each method: all measures of its lists with one fraction of novel items."""
    rows = []
    for name in measured_methods(index):
        if index.get("recommendation_novelty_ratio", method=name, novel=novel) is None:
            continue
        accuracy = [index.cell(f"recommendation_{each}", method=name, novel=novel) for each in _ACCURACY.values()]
        variety = [
            Cell(form.format(found.value))
            if (found := index.get(f"recommendation_{each}", method=name, novel=novel))
            else Cell(MISSING)
            for each, form in _VARIETY.values()
        ]
        rows.append(row(name, *accuracy, *variety))
    return Table((*text_columns("method"), *number_columns(*_ACCURACY, *_VARIETY)), tuple(rows), title, notes)


def curve_table(index: MetricIndex, measure: str, title: str) -> Table:
    """Return a row for each method: one measure at each fraction of novel items."""
    rows = [
        row(
            name,
            *(index.cell(f"recommendation_{measure}", method=name, novel=str(fraction)) for fraction in FRACTIONS),
        )
        for name in measured_methods(index)
    ]
    titles = [f"{fraction:.0%}" for fraction in FRACTIONS]
    return Table((*text_columns("method"), *number_columns(*titles)), tuple(rows), title)


def difference_table(index: MetricIndex, measure: str, title: str) -> Table:
    """Return a row for each rival: the lookup table minus the rival at each fraction of novel items."""
    fractions = [fraction for fraction in FRACTIONS if fraction > 0]
    rows = [
        row(
            name,
            *(
                index.cell("recommendation_difference", measure=measure, method=name, novel=str(fraction))
                for fraction in fractions
            ),
        )
        for name in measured_methods(index)
        if name != OURS
    ]
    titles = [f"{fraction:.0%}" for fraction in fractions]
    notes = ("Above 0: the lookup table is better. The same users are resampled for both.",)
    return Table((*text_columns("rival"), *number_columns(*titles)), tuple(rows), title, notes)


def comparison_tables(index: MetricIndex) -> list[Table]:
    """Return the tables of the comparison of methods."""
    return [
        method_table(index, MIXED, f"Lists with {float(MIXED):.0%} novel items"),
        method_table(index, "1.0", "Lists of novel items alone"),
        method_table(index, OWN, "Own lists of methods that rank all items"),
        curve_table(index, "novel_hit_rate", "Hit rate on novel targets by fraction of novel items"),
        curve_table(index, "hit_rate", "Hit rate by fraction of novel items"),
        difference_table(index, "novel_hit_rate", "Hit rate on novel targets: lookup table minus rival"),
        difference_table(index, "hit_rate", "Hit rate: lookup table minus rival"),
        difference_table(index, "novel_cluster_hit_rate", "Hit rate on novel clusters: lookup table minus rival"),
    ]


def describe_comparison(index: MetricIndex) -> list[str]:
    """Describe the data and the protocol."""
    names = ("users", "items", "clusters", "measured_users", "targets", "novel_targets", "new_item_targets")
    users, items, clusters, measured, targets, novel, new = (index.count(f"recommendation_{name}") for name in names)
    days = [index.value(f"recommendation_{name}_days") for name in ("training", "test")]
    base = index.require("recommendation_popularity_weight")[0]
    weight = index.value("recommendation_popularity_weight", **base)
    return [
        (
            f"{users} users, {items} items, {clusters} clusters; {days[0]:.0f} days before the date and {days[1]:.0f} "
            f"after it. {measured} users are measured on {targets} targets, {novel} of them novel: of clusters that "
            f"the user had not consumed. {new} targets are items that no user had consumed before the date. Small "
            "numbers are 95 % intervals, by bootstrap over users."
        ),
        (
            f"The recommender is {base['base']} plus {weight:g} times the popularity of 7 days, as chosen on the "
            "validation period. It ranks familiar items for all methods, and items within clusters for methods that "
            "choose clusters. Bandits are trained by replay of the log, which is a simulation: it would be unbiased "
            "only if the log had been recorded under uniformly random recommendations."
        ),
    ]
