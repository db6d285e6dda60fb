"""Tables of allocations, of contexts, of similarity to journeys, and of the back-test over time."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING, Cell, Table, number_columns, row, text_columns

_MEASURES = {
    "novel recall@10": "novel_recall",
    "novel nDCG@10": "novel_ndcg",
    "novel hit rate": "novel_hit_rate",
    "novel cluster recall": "novel_cluster_recall",
    "novel cluster hit rate": "novel_cluster_hit_rate",
}
_WEEK_MEASURES = {
    "novelty ratio": "novelty_ratio",
    "novel hit rate": "novel_hit_rate",
    "novel cluster hit rate": "novel_cluster_hit_rate",
    "hit rate": "hit_rate",
}


def further_tables(index: MetricIndex) -> list[Table]:
    """Return the tables for which there are metrics."""
    return [
        *_allocation_tables(index),
        *_familiar_tables(index),
        *_size_tables(index),
        *_context_tables(index),
        *_similarity_tables(index),
        *_week_tables(index),
    ]


def _names(index: MetricIndex, metric: str, part: str) -> list[str]:
    return list(dict.fromkeys(parts[part] for parts in index.slices(metric)))


def _numbers(found: Iterable[str]) -> list[str]:
    return sorted(found, key=float)


def _allocation_tables(index: MetricIndex) -> list[Table]:
    """Return the hits of the lookup table by allocation, and which of them was chosen for each number of items."""
    metric = "recommendation_allocation_novel_hit_rate"
    sizes = _numbers(_names(index, metric, "slots"))
    if not sizes:
        return []
    measures = {"novel hit rate": "novel_hit_rate", "novel cluster hit rate": "novel_cluster_hit_rate"}
    rows = []
    for parts in (each for each in index.slices(metric) if each["slots"] == sizes[0]):
        cells = [
            index.cell(f"recommendation_allocation_{measure}", **(parts | {"slots": slots}))
            for measure in measures.values()
            for slots in sizes
        ]
        rows.append(row(parts["items"], parts["clusters"], parts["power"], *cells))
    titles = [f"{title}, {slots} items" for title in measures for slots in sizes]
    columns = (*text_columns("ranker of items"), *number_columns("clusters", "power", *titles))
    notes = (
        (
            "Lists of novel items of the lookup table. The score of an item is multiplied by the probability of its "
            "cluster to the power; or items are taken from the clusters in turn."
        ),
    )
    return [Table(columns, tuple(rows), "Allocations of places to clusters", notes)]


def _familiar_tables(index: MetricIndex) -> list[Table]:
    """Return the hits of familiar items by the power of the number of interactions with their cluster."""
    metric = "recommendation_familiar_list_familiar_hit_rate"
    sizes = _numbers(_names(index, metric, "slots"))
    if not sizes:
        return []
    measures = {"hit rate": "familiar_hit_rate", "nDCG": "familiar_ndcg", "calibration": "calibration"}
    rows = []
    for parts in (each for each in index.slices(metric) if each["slots"] == sizes[0]):
        cells = [
            index.cell(f"recommendation_familiar_list_{measure}", **(parts | {"slots": slots}))
            for measure in measures.values()
            for slots in sizes
        ]
        rows.append(row(parts["items"], parts["power"], *cells))
    titles = [f"{title}, {slots} items" for title in measures for slots in sizes]
    columns = (*text_columns("ranker of items"), *number_columns("power", *titles))
    notes = (
        (
            "Lists of familiar items, measured on familiar targets. The score of an item is multiplied by the number "
            "of interactions of the user with its cluster to the power."
        ),
    )
    return [Table(columns, tuple(rows), "Allocations of places to familiar clusters", notes)]


def _size_tables(index: MetricIndex) -> list[Table]:
    lists = _names(index, "recommendation_uci", "lists")
    if not lists:
        return []
    levels = _numbers(_names(index, "recommendation_uci", "at_least"))
    rows = []
    for name in sorted(lists):
        accuracy = [index.cell(f"recommendation_size_{each}", lists=name) for each in _MEASURES.values()]
        uci = [index.count("recommendation_uci", lists=name, at_least=level) for level in levels]
        rows.append(row(name, *accuracy, *uci))
    titles = [*_MEASURES, *(f"UCI@{level}" for level in levels)]
    users = index.get("recommendation_uci", lists=lists[0], at_least=levels[0])
    notes = (
        f"{users.n if users else 0:,} users with at least three clusters before the date; ten novel items each.",
        (
            "UCI@N: the users who would have consumed at least N clusters in a week, if the clusters of the list that "
            "they consumed after the date are added to what they consumed in the seven days before it."
        ),
    )
    return [
        Table(
            (*text_columns("lists"), *number_columns(*titles)), tuple(rows), "Number K of clusters of a context", notes
        )
    ]


def _context_tables(index: MetricIndex) -> list[Table]:
    contexts = sorted(_names(index, "recommendation_context_novel_hit_rate", "context"), reverse=True)
    if not contexts:
        return []
    rows = [
        row(name, *(index.cell(f"recommendation_context_{each}", context=name) for each in _MEASURES.values()))
        for name in contexts
    ]
    gains = (index.cell("recommendation_context_difference", measure=each) for each in _MEASURES.values())
    rows.append(row("journeys minus recent", *gains))
    other = index.get("recommendation_other_context")
    notes = (
        (f"{other.n:,} users with a journey before the date; {other.value:.0%} of them have another context.",)
        if other
        else ()
    )
    title = "Contexts of recent clusters, and of clusters of the journeys that were active last"
    return [Table((*text_columns("context"), *number_columns(*_MEASURES)), tuple(rows), title, notes)]


def _similarity_tables(index: MetricIndex) -> list[Table]:
    thresholds = _numbers(_names(index, "recommendation_similarity_gap", "threshold"))
    if not thresholds:
        return []
    rows = [
        row(name, *(index.cell("recommendation_similarity", lists=name, threshold=each) for each in thresholds))
        for name in sorted(_names(index, "recommendation_similarity", "lists"))
    ]
    rows.append(row("gap", *(index.cell("recommendation_similarity_gap", threshold=each) for each in thresholds)))
    ratios = []
    for each in thresholds:
        above, below = (
            index.value("recommendation_similarity", lists=name, threshold=each)
            for name in ("journey-aware", "unaware of journeys")
        )
        ratios.append(Cell(f"{above / below:.2f}" if below > 0 else MISSING))
    rows.append(row("ratio", *ratios))
    notes = (
        (
            "The fraction of ten listed items whose cosine with a journey of the user is at least the threshold. "
            "Journeys are formed from what is before the date, by the same vectors."
        ),
    )
    title = "Similarity of recommended items to journeys"
    return [Table((*text_columns("lists"), *number_columns(*thresholds)), tuple(rows), title, notes)]


def _week_tables(index: MetricIndex) -> list[Table]:
    methods = sorted(_names(index, "recommendation_weeks_novelty_ratio", "method"))
    if not methods:
        return []
    weeks = _numbers(_names(index, "recommendation_week_active_users", "week"))
    rows = [
        row(name, *(index.cell(f"recommendation_weeks_{each}", method=name) for each in _WEEK_MEASURES.values()))
        for name in methods
    ]
    title = f"Back-test over {len(weeks)} weeks"
    notes = (
        (
            "Each week is served with what was fitted before it; targets are what users consume in that week. "
            "Bootstrap over users."
        ),
    )
    overall = Table((*text_columns("method"), *number_columns(*_WEEK_MEASURES)), tuple(rows), title, notes)
    return [overall, _weekly(index, weeks, methods)]


def _weekly(index: MetricIndex, weeks: list[str], methods: list[str]) -> Table:
    log = {
        "active users": "active_users",
        "returning": "returning",
        "UEUC": "engaged_pairs",
        "UCI@2": "uci_2",
        "UCI@5": "uci_5",
    }
    weekly = [name for name in methods if name.endswith("refreshed weekly")]
    compared = [*weekly, *(name for name in methods if name.endswith("novel items"))]
    shown = {"breadth": "breadth", "novel hits": "novel_hit_rate", "novel cluster hits": "novel_cluster_hit_rate"}
    rows = []
    for week in weeks:
        cells = [_number(index, f"recommendation_week_{each}", week=week) for each in log.values()]
        for name in compared:
            cells += [_number(index, f"recommendation_week_{each}", method=name, week=week) for each in shown.values()]
        rows.append(row(str(int(week) + 1), *cells))
    titles = [*log, *(f"{title}, {name.split(',')[0]}" for name in compared for title in shown)]
    notes = (
        (
            "Returning: the fraction of the users of a week who are active in the next one, in the log. Breadth: the "
            "effective number of clusters that are recommended."
        ),
    )
    return Table(number_columns("week", *titles), tuple(rows), "The weeks of the back-test", notes, is_detail=True)


def _number(index: MetricIndex, metric: str, **parts: object) -> Cell:
    found = index.get(metric, **parts)
    if found is None:
        return Cell(MISSING)
    return Cell(
        f"{found.value:,.0f}" if found.value >= 100 or found.value == int(found.value) else f"{found.value:.3g}"
    )
