"""Tables and a description of the metrics of the experiment on intents."""

from __future__ import annotations

from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING, Cell, Table, number_columns, row, text_columns

_EXPLORATION = {"AUC": "intents_auc", "log-loss": "intents_log_loss", "calibration error": "intents_calibration_error"}
_RERANKING = {
    "nDCG@10": "intents_ndcg",
    "nDCG@10 less that of the ranker": "intents_ndcg_difference",
    "hit rate": "intents_hit_rate",
    "novelty ratio": "intents_novelty_ratio",
    "clusters listed": "intents_listed_clusters",
    "probability covered": "intents_covered_probability",
    "clusters consumed later, covered": "intents_covered_targets",
}
_LATENT = {
    "ELBO, nats": "elbo",
    "reconstruction": "reconstruction",
    "divergence": "divergence",
    "active units": "active_units",
    "epochs": "epochs",
}
_LISTS = {
    "recall@10": "recall",
    "difference": "recall_difference",
    "clusters": "clusters",
    "distance": "distance",
    "difference of distance": "distance_difference",
}
_SIGNS = {1: "+", -1: "-", 0: ""}


def intents_tables(index: MetricIndex) -> list[Table]:
    """Return the tables for which there are metrics."""
    return [
        *exploration_tables(index),
        *([sign_table(index)] if index.slices("intents_correlation") else []),
        *([reranking_table(index)] if index.slices("intents_ndcg") else []),
        *(latent_tables(index) if index.slices("intents_latent_elbo") else []),
    ]


def _intents(index: MetricIndex) -> list[str]:
    return [parts["intent"] for parts in index.slices("intents_positive")]


def exploration_tables(index: MetricIndex) -> list[Table]:
    """Return a table for each intent, with a row for each model."""
    found = []
    for intent in _intents(index):
        models = [parts["model"] for parts in index.slices("intents_auc") if parts["intent"] == intent]
        rows = []
        for model in models:
            measures = [index.cell(name, model=model, intent=intent) for name in _EXPLORATION.values()]
            differences = [
                index.cell("intents_log_loss_difference", model=model, rival=rival, intent=intent)
                for rival in ("base_rate", "logistic_regression")
            ]
            rows.append(row(model, *measures, *differences))
        titles = [*_EXPLORATION, "log-loss less base rate", "log-loss less logistic regression"]
        positive = index.text("intents_positive", intent=intent)
        notes = (f"{positive} of the examples are with a new {intent}. Intervals are by bootstrap over users.",)
        table = Table((*text_columns("model"), *number_columns(*titles)), tuple(rows), f"New {intent}", notes)
        found.append(table)
    return found


def sign_table(index: MetricIndex) -> Table:
    """Return a row for each feature: the published sign, its correlation with a new cluster, its coefficient."""
    rows = []
    for parts in index.slices("intents_correlation"):
        if parts["intent"] != "cluster":
            continue
        correlation = index.value("intents_correlation", **parts)
        published = int(parts["published"])
        agrees = "" if not published else "yes" if correlation * published > 0 else "no"
        coefficient = index.value("intents_coefficient", **parts)
        cells = (Cell(f"{value:+.2f}") for value in (correlation, coefficient))
        rows.append(row(parts["feature"].replace("_", " "), _SIGNS[published], *cells, agrees))
    columns = (*text_columns("feature", "published"), *number_columns("correlation", "coefficient"))
    notes = (
        "The published signs are those of a video platform.",
        "The coefficient is that of the standardized feature in the logistic regression, given all others.",
        "Features without data are left out.",
    )
    return Table((*columns, *text_columns("correlation agrees")), tuple(rows), "Features of exploration", notes)


def reranking_table(index: MetricIndex) -> Table:
    """Return a row for each method and strength."""
    slices = sorted(index.slices("intents_ndcg"), key=lambda parts: (parts["method"], float(parts["strength"])))
    rows = []
    for parts in slices:
        cells = [index.cell(name, **parts) for name in _RERANKING.values()]
        before, after = (index.get(f"intents_served_{name}", **parts) for name in ("before", "after"))
        shrunk = (Cell(f"{each.value:.3f}") if each else Cell(MISSING) for each in (before, after))
        rows.append(row(parts["method"], parts["strength"], *cells, *shrunk))
    titles = ["strength", *_RERANKING, "served intents before", "after"]
    errors = [index.value("intents_sum_error", **parts) for parts in index.slices("intents_sum_error")]
    users = index.count("intents_reranked_users")
    notes = (
        f"{users} users. Probabilities of intents sum to 1 after each list, within {max(errors):.0e}.",
        "Served intents: the sum of their probabilities, before the list and after it, given no engagement with it.",
    )
    return Table((*text_columns("method"), *number_columns(*titles)), tuple(rows), "Re-ranking", notes)


def latent_tables(index: MetricIndex) -> list[Table]:
    """Return the table of the terms of the ELBO, and that of lists."""
    variants = [parts["variant"] for parts in index.slices("intents_latent_elbo")]
    rows = []
    for variant in variants:
        numbers = [Cell(f"{index.value(f'intents_latent_{name}', variant=variant):.4g}") for name in _LATENT.values()]
        collapsed = index.value("intents_latent_collapsed", variant=variant) > 0
        rows.append(row(variant, *numbers, "collapsed" if collapsed else ""))
    training, test = (index.count("intents_latent_rows", period=period) for period in ("training", "test"))
    notes = (f"{training} training rows, {test} test rows of one user each; sums over at most ten next items.",)
    columns = (*text_columns("model"), *number_columns(*_LATENT), *text_columns("posterior"))
    terms = Table(columns, tuple(rows), "Latent intent: terms of the ELBO after the date", notes)
    lists = []
    for parts in index.slices("intents_list_recall"):
        cells = [index.cell(f"intents_list_{name}", **parts) for name in _LISTS.values()]
        lists.append(row(parts["variant"], parts["lists"], *cells))
    columns = (*text_columns("model", "lists"), *number_columns(*_LISTS))
    notes = ("Differences are to the model without a latent, user by user. Items already consumed are left out.",)
    return [terms, Table(columns, tuple(lists), "Latent intent: lists of ten items", notes)]


def describe_intents(index: MetricIndex) -> list[str]:
    """Describe the data and the protocol."""
    users, items, clusters, interactions = (
        index.count(f"intents_{name}") for name in ("users", "items", "clusters", "interactions")
    )
    return [
        (
            f"{users} users, {interactions} interactions with {items} items in {clusters} clusters. Models of "
            "exploration are fitted to the first 70 % of the examples, stopped and calibrated on the next 10 %, and "
            "measured on the last 20 %; an example is an interaction, described by what its user did before it."
        ),
    ]
