"""Re-ranking by intent, compared with marginal relevance and a determinantal point process on the same candidates.

The ranker by counts gives candidates. The probability that a user engages with a candidate is that of its rank, as
measured in the validation period. The intents are the clusters: what a user consumes next is of a novel cluster with
the probability of the exploration model, and then the lookup table says of which; otherwise it is of a cluster in
proportion to the history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.isotonic import IsotonicRegression

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.intents.sample import IntentsLog
from transforms.evaluation.experiments.recommendation.table import TableClusters, fit_table
from transforms.evaluation.experiments.recommendation.training import Catalogue, training_before
from transforms.evaluation.metric_rows import metric_row, point
from transforms.intents.config import IntentConfig
from transforms.intents.exploration_models import fit_exploration_model
from transforms.intents.features import Events, Rows, cluster_fractions, compute_examples
from transforms.intents.reranking import NO_CANDIDATE, NO_INTENT, rerank_by_dpp, rerank_by_intent, rerank_by_mmr
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.count_ranker import CountRanker, fit_count_ranker
from transforms.recommendation.histories import NO_ITEM, Codes, Integers, ItemHistories
from transforms.recommendation.measures import MEASURES, Floats, Targets, measure_lists
from transforms.recommendation.members import NO_CLUSTER, all_items
from transforms.recommendation.protocol import (
    NEVER,
    before,
    between,
    consumed_clusters,
    measured_users,
    take_targets,
    take_users,
    targets_of,
)
from transforms.recommendation.retrieval import Requests, consumed_items, top_items

Row = dict[str, Any]

LIST_SIZE = 10
STRENGTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
BY_CLUSTER, BY_EXPLORATION, MMR, DPP = "intents: clusters", "intents: exploration", "MMR", "DPP"
"""The methods; the strength of the first two is an exponent, of the others the weight of diversity."""

COMPARED = ("ndcg", "hit_rate", "novel_hit_rate", "novelty_ratio")


class Moment(NamedTuple):
    """The users who are measured at one date, and what is before and after it.

    Attributes:
        past: their interactions before the date.
        targets: what they consume from the date on.
        consumed: float64, shape (users, C): number of interactions with each cluster.
        users: int64, shape (users,): their positions in the log.
        item_clusters: int32, shape (items,).
    """

    past: ItemHistories
    targets: Targets
    consumed: Floats
    users: Integers
    item_clusters: Codes


class Candidates(NamedTuple):
    """The candidates of users, the best first.

    Attributes:
        items: int32, shape (users, candidates): `NO_ITEM` after the last one.
        clusters: int32, of the same shape: `NO_CLUSTER` without one.
    """

    items: Codes
    clusters: Codes


def compare_reranking(
    log: IntentsLog, boundaries: tuple[int, int], limit: int, size: int, count: int, seed: int
) -> Iterator[Row]:
    """Re-rank the candidates of users who are active after a date.

    Args:
        log: the log.
        boundaries: starts of the validation and of the test period, in microseconds.
        limit: maximum number of users.
        size: number of clusters of a context, K.
        count: number of candidates of a user.
        seed: random seed.
    """
    validation, date = boundaries
    earlier, moment = (moment_at(log, start, end, limit, seed) for start, end in ((validation, date), (date, NEVER)))
    if not len(earlier.users) or not len(moment.users):
        return
    engagement = engagement_by_rank(candidates_at(log, earlier, fit_ranker(log, validation), count), earlier.targets)
    ranker = fit_ranker(log, date)
    candidates = candidates_at(log, moment, ranker, count)
    present = candidates.items != NO_ITEM
    qualities = np.where(present, engagement, -np.inf)
    probabilities = exploration_at(log, moment, date)
    beliefs = cluster_beliefs(log, boundaries, moment, probabilities, size, seed)
    novel = (np.take_along_axis(moment.consumed, np.maximum(candidates.clusters, 0), axis=1) == 0) & present
    of_two = np.column_stack([probabilities, 1 - probabilities])
    served = {
        BY_CLUSTER: (np.where(present, candidates.clusters, NO_INTENT), beliefs),
        BY_EXPLORATION: (np.where(present, np.where(novel, 0, 1), NO_INTENT), of_two),
    }
    reference: Floats | None = None
    for method, (codes, intents) in served.items():
        for strength in STRENGTHS:
            found = rerank_by_intent(qualities, np.where(present, engagement, 0.0), codes, intents, strength, LIST_SIZE)
            values = _measure(log, moment, candidates, found.positions)
            reference = values if reference is None else reference
            yield from _rows(values, reference, seed, method=method, strength=strength)
            yield from _belief_rows(codes, intents, found.positions, found.beliefs, method=method, strength=strength)
            yield from _coverage_rows(candidates, beliefs, moment, found.positions, method=method, strength=strength)
    vectors = ranker.item_vectors[np.maximum(candidates.items, 0), :-1].astype(np.float64)
    for method, rerank in {MMR: rerank_by_mmr, DPP: rerank_by_dpp}.items():
        for weight in WEIGHTS:
            positions = rerank(qualities / engagement[0], vectors, weight, LIST_SIZE)
            values = _measure(log, moment, candidates, positions)
            yield from _rows(
                values, reference if reference is not None else values, seed, method=method, strength=weight
            )
            yield from _coverage_rows(candidates, beliefs, moment, positions, method=method, strength=weight)
    yield metric_row("intents_reranked_users", point(len(moment.users)))


def moment_at(log: IntentsLog, date: int, end: int, limit: int, seed: int) -> Moment:
    """Choose users who are active before and after a date.

    Args:
        log: the log.
        date: the date, in microseconds.
        end: end of the targets.
        limit: maximum number of users.
        seed: random seed of the choice of users.
    """
    histories = log.events.histories
    past, future = before(histories, date), between(histories, date, end)
    targets = targets_of(past, future, log.item_clusters, log.cluster_count)
    users = measured_users(past, targets, limit, seed)
    own = take_users(past, users)
    consumed = consumed_clusters(own, log.item_clusters, log.cluster_count)
    return Moment(own, take_targets(targets, users), consumed, users, log.item_clusters)


def fit_ranker(log: IntentsLog, date: int) -> CountRanker:
    """Fit the ranker by counts and content to what is before a date."""
    histories = before(log.events.histories, date)
    return fit_count_ranker(
        histories, log.item_ids, log.item_clusters, log.cluster_count, log.content, CountRankerConfig()
    )


def candidates_at(log: IntentsLog, moment: Moment, ranker: CountRanker, count: int) -> Candidates:
    """Find the best items of all clusters that users have not consumed."""
    users = np.arange(len(moment.users), dtype=np.int64)
    requests = Requests(users, np.zeros(len(users), np.int32))
    vectors, members = ranker.user_vectors(moment.past), all_items(len(log.item_ids))
    found = top_items(vectors, ranker.item_vectors, members, requests, consumed_items(moment.past), count).items
    clusters = np.where(found == NO_ITEM, NO_CLUSTER, log.item_clusters[np.maximum(found, 0)])
    return Candidates(found, clusters.astype(np.int32))


def engagement_by_rank(candidates: Candidates, targets: Targets) -> Floats:
    """Compute the fraction of users who consume the candidate of each rank, made not to rise with the rank.

    Returns:
        float64, shape (candidates,), above 0.
    """
    users = np.repeat(np.arange(len(candidates.items), dtype=np.int64), np.diff(targets.offsets))
    width = int(max(candidates.items.max(initial=0), targets.items.max(initial=0))) + 2
    wanted = users * width + targets.items
    listed = np.arange(len(candidates.items), dtype=np.int64)[:, None] * width + candidates.items
    hits = np.isin(listed, wanted) & (candidates.items != NO_ITEM)
    ranks = np.arange(1, candidates.items.shape[1] + 1)
    rates = (hits.sum(axis=0) + 1) / (len(hits) + 2)
    fitted: Floats = IsotonicRegression(increasing=False).fit_transform(ranks, rates)
    return fitted


def exploration_at(log: IntentsLog, moment: Moment, date: int) -> Floats:
    """Compute the probability of a new cluster of each user at a date, by boosted trees fitted to what is before it."""
    past = before(log.events.histories, date)
    kept = log.events.histories.times < date
    events = Events(past, log.events.clusters[kept], log.events.creators[kept], log.events.dwell[kept])
    config = IntentConfig()
    fractions = cluster_fractions(log.item_clusters, log.cluster_count)
    examples = compute_examples(events, fractions, date, config)
    chosen = np.flatnonzero(examples.has_past)
    chosen = chosen[np.argsort(past.times[chosen], kind="stable")]
    last = round(len(chosen) * (1 - config.validation_fraction))
    rows, validation = (Rows(examples.features[part], examples.labels[part]) for part in (chosen[:last], chosen[last:]))
    model = fit_exploration_model("boosted_trees", rows, validation, config.seed)
    return model.predict(examples.serving[moment.users])[:, 0]


def cluster_beliefs(
    log: IntentsLog, boundaries: tuple[int, int], moment: Moment, exploration: Floats, size: int, seed: int
) -> Floats:
    """Compute the probability that what each user consumes next is of each cluster, float64, shape (users, C)."""
    content = np.zeros((len(log.item_ids), 1), np.int8) if log.content is None else log.content
    catalogue = Catalogue(log.item_clusters, np.zeros(log.cluster_count, np.int32), log.centroids, content)
    training = training_before(log.events.histories, catalogue, *boundaries)
    table = TableClusters.from_recent(fit_table(training, size, seed), training, size)
    is_novel = moment.consumed == 0
    novel = _normalized(table.scores(moment.users) * is_novel, is_novel)
    familiar = _normalized(moment.consumed, ~is_novel)
    weights = np.where(is_novel.any(axis=1), exploration, 0.0)
    return _normalized(weights[:, None] * novel + (1 - weights)[:, None] * familiar, np.ones_like(is_novel))


def _normalized(values: Floats, allowed: np.typing.NDArray[np.bool_]) -> Floats:
    """Divide each row by its sum; rows of sum 0 are uniform over what is allowed."""
    totals = values.sum(axis=1, keepdims=True)
    uniform = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    return np.where(totals > 0, values / np.where(totals > 0, totals, 1.0), uniform)


def _chosen(values: Codes, positions: Codes, missing: int) -> Codes:
    found = np.take_along_axis(values, np.maximum(positions, 0), axis=1)
    return np.where(positions == NO_CANDIDATE, missing, found)


def _measure(log: IntentsLog, moment: Moment, candidates: Candidates, positions: Codes) -> Floats:
    lists = _chosen(candidates.items, positions, NO_ITEM)
    return measure_lists(lists, moment.targets, log.item_clusters, moment.consumed)


def _rows(values: Floats, reference: Floats, seed: int, **parts: object) -> Iterator[Row]:
    """Return measures of lists, and the difference of nDCG to the order of the ranker, user by user."""
    for measure in COMPARED:
        column = values[:, MEASURES.index(measure)]
        if not np.isnan(column).all():
            yield metric_row(f"intents_{measure}", mean_interval(column[~np.isnan(column)], seed), **parts)
    place = MEASURES.index("ndcg")
    yield metric_row("intents_ndcg_difference", paired_difference(values[:, place], reference[:, place], seed), **parts)


def _belief_rows(codes: Codes, before_list: Floats, positions: Codes, after: Floats, **parts: object) -> Iterator[Row]:
    """Return how far the probabilities of served intents shrink, and how far any sum is from 1."""
    served = np.zeros(before_list.shape, bool)
    shown = _chosen(codes, positions, NO_INTENT)
    rows = np.broadcast_to(np.arange(len(shown))[:, None], shown.shape)
    served[rows[shown != NO_INTENT], shown[shown != NO_INTENT]] = True
    for name, values in (("before", before_list), ("after", after)):
        yield metric_row(f"intents_served_{name}", point(float((values * served).sum(axis=1).mean())), **parts)
    yield metric_row("intents_sum_error", point(float(np.abs(after.sum(axis=1) - 1).max())), **parts)


def _coverage_rows(
    candidates: Candidates, beliefs: Floats, moment: Moment, positions: Codes, **parts: object
) -> Iterator[Row]:
    """Return the coverage of clusters: their number, their probability, and the fraction of those consumed later."""
    shown = _chosen(candidates.clusters, positions, NO_CLUSTER)
    listed = np.zeros(beliefs.shape, bool)
    rows = np.broadcast_to(np.arange(len(shown))[:, None], shown.shape)
    listed[rows[shown != NO_CLUSTER], shown[shown != NO_CLUSTER]] = True
    wanted = np.zeros(beliefs.shape, bool)
    users = np.repeat(np.arange(len(shown)), np.diff(moment.targets.offsets))
    wanted[users, moment.item_clusters[moment.targets.items]] = True
    covered = (listed & wanted).sum(axis=1) / wanted.sum(axis=1)
    yield metric_row("intents_listed_clusters", point(float(listed.sum(axis=1).mean())), **parts)
    yield metric_row("intents_covered_probability", point(float((listed * beliefs).sum(axis=1).mean())), **parts)
    yield metric_row("intents_covered_targets", point(float(covered.mean()), len(covered)), **parts)
