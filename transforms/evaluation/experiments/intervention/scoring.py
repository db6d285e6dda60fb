"""Comparison of recommenders on an intervened test set (DICE, 2006.11011), where popularity does not help.

Test interactions are sampled with a probability inversely proportional to the popularity of their item, as if all items
had been exposed equally; the rest is the training set. A second test set is sampled uniformly from the log.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.intervention.config import InterventionConfig
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.interest.config import InterestConfig
from transforms.interest.pairs import Codes, Integers, Pairs, distinct_pairs, pairs_of_log
from transforms.interest.recommend import Cause, recommend, recommend_popular, top_popular
from transforms.interest.training import InterestModel, train_dice

Floats = npt.NDArray[np.float64]

INTERVENED, AS_LOGGED = "intervened", "as logged"
TEST_SETS = (INTERVENED, AS_LOGGED)
POPULAR, FACTORISATION = "most popular", "matrix factorisation"
NEGATIVES, BOTH, INTEREST = "popularity negatives only", "DICE", "DICE, interest only"
RECOMMENDERS = (POPULAR, FACTORISATION, NEGATIVES, BOTH, INTEREST)
MEASURES = ("recall", "ndcg", "popularity_overlap")
_RIVALS_REGULARISATION = 0.01
_SCORED_BY: dict[str, tuple[str, Cause]] = {
    FACTORISATION: (FACTORISATION, "both"),
    NEGATIVES: (NEGATIVES, "both"),
    BOTH: (BOTH, "both"),
    INTEREST: (BOTH, "interest"),
}
"""The model and the scores of each recommender."""


class Split(NamedTuple):
    """Pairs for training and for testing; users and items keep their numbers."""

    train: Pairs
    test: Pairs


class RankScores(NamedTuple):
    """Quality of lists of recommended items, each float64 of shape (users,).

    Attributes:
        recall: fraction of the tested items that are in the list.
        ndcg: normalized discounted cumulative gain.
        popularity_overlap: Jaccard index of the list and the most popular items.
    """

    recall: Floats
    ndcg: Floats
    popularity_overlap: Floats


def dense_core(pairs: Pairs, min_pairs: int) -> Pairs:
    """Return the largest subset of pairs in which each user and each item has `min_pairs`, with new numbers."""
    users, items = pairs.users.astype(np.int64), pairs.items.astype(np.int64)
    while True:
        kept = (np.bincount(users)[users] >= min_pairs) & (np.bincount(items)[items] >= min_pairs)
        if kept.all():
            break
        users, items = users[kept], items[kept]
    (user_names, users), (item_names, items) = (np.unique(each, return_inverse=True) for each in (users, items))
    return distinct_pairs(users, items, (len(user_names), len(item_names)))


def split_pairs(pairs: Pairs, test_fraction: float, seed: int, *, intervened: bool) -> Split:
    """Sample pairs for testing, without replacement.

    Args:
        pairs: all.
        test_fraction: fraction of the pairs for testing, in (0, 1).
        seed: random seed.
        intervened: whether the probability of a pair is inversely proportional to the popularity of its item.
    """
    weights = 1 / pairs.popularity[pairs.items] if intervened else np.ones(len(pairs.items))
    # The largest of these keys are a weighted sample without replacement (Efraimidis and Spirakis, 2006).
    keys = np.log(np.random.default_rng(seed).random(len(weights))) / weights
    is_test = np.zeros(len(weights), bool)
    is_test[np.argsort(-keys, kind="stable")[: round(test_fraction * len(weights))]] = True
    users, counts = pairs.users, (len(pairs.offsets) - 1, pairs.item_count)
    return Split(*(distinct_pairs(users[part], pairs.items[part], counts) for part in (~is_test, is_test)))


def rank_scores(recommended: Codes, users: Codes, test: Pairs, popular: Codes) -> RankScores:
    """Score lists of recommended items.

    Args:
        recommended: int32, shape (users, length): items, the best first.
        users: int32, shape (users,): the users of the lists; each has pairs for testing.
        test: pairs for testing.
        popular: int32, shape (length,): the most popular items.
    """
    sizes = np.diff(test.offsets)[users]
    keys = users[:, None].astype(np.int64) * test.item_count + recommended
    hits = np.isin(keys, test.users.astype(np.int64) * test.item_count + test.items)
    length = recommended.shape[1]
    discounts = 1 / np.log2(np.arange(2, length + 2))
    ideal = np.cumsum(discounts)[np.minimum(sizes, length) - 1]
    common = np.isin(recommended, popular).sum(axis=1)
    return RankScores(
        recall=hits.sum(axis=1) / sizes,
        ndcg=(hits * discounts).sum(axis=1) / ideal,
        popularity_overlap=common / (length + len(popular) - common),
    )


def train_models(train: Pairs, learning: InterestConfig) -> dict[str, InterestModel]:
    """Train the models, by name; plain factorisation with the regularisation that is best for it."""
    configs = {
        FACTORISATION: dataclasses.replace(learning, causal_negatives=False, regularisation=_RIVALS_REGULARISATION),
        NEGATIVES: dataclasses.replace(learning, cause_weight=0.0, discrepancy_weight=0.0),
        BOTH: learning,
    }
    return {name: train_dice(train, config) for name, config in configs.items()}


def evaluate_recommenders(batches: Iterable[pa.RecordBatch], config: InterventionConfig) -> pa.RecordBatch:
    """Evaluate all recommenders on both test sets.

    Args:
        batches: an interaction log: record batches with `user_id` and `item_id`, in any order.
        config: configuration of the experiment.

    Returns:
        Rows of `metrics`, sliced by `recommender` and `test_set`: `intervention_recall`, `intervention_ndcg`,
        `intervention_popularity_overlap`, and `intervention_recall_difference`, which has the other recommender as
        `baseline`; `intervention_median_popularity`, sliced by `split` and `test_set`; and numbers of things.

    Raises:
        ValueError: when too few users and items have enough interactions.
    """
    pairs = dense_core(pairs_of_log(batches).pairs, config.min_pairs)
    if pairs.item_count < 2 * config.length:
        raise ValueError(
            f"{pairs.item_count} items have {config.min_pairs} interactions by users with {config.min_pairs} "
            f"interactions; lists of {config.length} items need at least {2 * config.length}"
        )
    found = [row for name in TEST_SETS for row in _evaluate_test_set(pairs, name, config)]
    amounts = {"pairs": len(pairs.items), "users": len(pairs.offsets) - 1, "items": pairs.item_count}
    found += [metric_row(f"intervention_{name}", point(number)) for name, number in amounts.items()]
    return metric_batch(found)


def _evaluate_test_set(pairs: Pairs, name: str, config: InterventionConfig) -> list[dict[str, Any]]:
    split = split_pairs(pairs, config.test_fraction, config.seed, intervened=name == INTERVENED)
    users = _sample_users(split, config)
    models = train_models(split.train, dataclasses.replace(config.learning, seed=config.seed))
    popular = top_popular(split.train, config.length)
    lists = {POPULAR: recommend_popular(split.train, users, config.length)}
    for recommender, (model, cause) in _SCORED_BY.items():
        lists[recommender] = recommend(models[model], split.train, users, config.length, cause)
    scores = {recommender: rank_scores(items, users, split.test, popular) for recommender, items in lists.items()}
    rows = [
        metric_row(
            f"intervention_{measure}",
            mean_interval(getattr(each, measure), config.seed),
            recommender=recommender,
            test_set=name,
        )
        for recommender, each in scores.items()
        for measure in MEASURES
    ]
    for rival in (FACTORISATION, NEGATIVES):
        gain = paired_difference(scores[BOTH].recall, scores[rival].recall, config.seed)
        rows.append(metric_row("intervention_recall_difference", gain, recommender=BOTH, baseline=rival, test_set=name))
    for part, each in (("train", split.train), ("test", split.test)):
        median = float(np.median(pairs.popularity[each.items]))
        rows.append(metric_row("intervention_median_popularity", point(median), split=part, test_set=name))
    return rows


def _sample_users(split: Split, config: InterventionConfig) -> Codes:
    """Sample users with pairs for training and for testing, and enough other items to recommend."""
    trained, tested = np.diff(split.train.offsets), np.diff(split.test.offsets)
    able: Integers = np.flatnonzero((trained > 0) & (tested > 0) & (trained + config.length <= split.train.item_count))
    random = np.random.default_rng(config.seed)
    chosen = random.choice(able, min(config.max_users, len(able)), replace=False)
    return np.sort(chosen).astype(np.int32)
