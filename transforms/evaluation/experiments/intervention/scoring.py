"""Experiment on an intervened test set (DICE, 2006.11011): popularity may not help where all items are as frequent.

Interactions are drawn for the test with a probability that is inversely proportional to the popularity of their item,
as if everything had been shown alike; the rest is learnt from. Beside it stands a test set drawn as the log is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.config import InterventionConfig
from transforms.evaluation.figures import certain, metric_batch, metric_row
from transforms.interest.config import InterestConfig
from transforms.interest.pairs import Codes, Integers, Pairs, distinct_pairs, pairs_of_log
from transforms.interest.recommend import Cause, most_popular, recommend, recommend_popular
from transforms.interest.training import InterestModel, train_dice

Floats = npt.NDArray[np.float64]

INTERVENED, AS_LOGGED = "intervened", "as logged"
TEST_SETS = (INTERVENED, AS_LOGGED)
POPULAR, FACTORISATION = "most popular", "matrix factorisation"
NEGATIVES, BOTH, INTEREST = "DICE's negatives alone", "DICE", "DICE, interest alone"
RECOMMENDERS = (POPULAR, FACTORISATION, NEGATIVES, BOTH, INTEREST)
MEASURES = ("recall", "ndcg", "popular")
_RIVALS_REGULARISATION = 0.01
_MEMBERS: dict[str, tuple[str, Cause]] = {
    FACTORISATION: (FACTORISATION, "both"),
    NEGATIVES: (NEGATIVES, "both"),
    BOTH: (BOTH, "both"),
    INTEREST: (BOTH, "interest"),
}
"""Which model a recommender takes, and by which scores."""


class Split(NamedTuple):
    """Pairs parted into what is learnt from and what is tested; users and items keep their numbers."""

    train: Pairs
    test: Pairs


class RankScores(NamedTuple):
    """How good lists of recommended items are, each float64 of shape (users,).

    Attributes:
        recall: share of the items tested that are in the list.
        ndcg: discounted cumulative gain over the greatest that is possible.
        popular: items in the list and among the most popular ones, over those in either: 0 to 1.
    """

    recall: Floats
    ndcg: Floats
    popular: Floats


def dense_core(pairs: Pairs, fewest: int) -> Pairs:
    """The largest part of the pairs in which each user and each item has at least `fewest`; numbered anew, in order."""
    users, items = pairs.users.astype(np.int64), pairs.items.astype(np.int64)
    while True:
        kept = (np.bincount(users)[users] >= fewest) & (np.bincount(items)[items] >= fewest)
        if kept.all():
            break
        users, items = users[kept], items[kept]
    (user_names, users), (item_names, items) = (np.unique(each, return_inverse=True) for each in (users, items))
    return distinct_pairs(users, items, (len(user_names), len(item_names)))


def split_pairs(pairs: Pairs, share: float, seed: int, *, intervened: bool) -> Split:
    """Draws pairs for the test, without replacement.

    Args:
        pairs: all.
        share: of the pairs that are tested, in (0, 1).
        seed: of the draw.
        intervened: whether a pair is drawn in inverse proportion to the popularity of its item.
    """
    weights = 1 / pairs.popularity[pairs.items] if intervened else np.ones(len(pairs.items))
    # The largest of these keys are a weighted draw without replacement (Efraimidis and Spirakis).
    keys = np.log(np.random.default_rng(seed).random(len(weights))) / weights
    tested = np.zeros(len(weights), bool)
    tested[np.argsort(-keys, kind="stable")[: round(share * len(weights))]] = True
    users, counts = pairs.users, (len(pairs.offsets) - 1, pairs.item_count)
    parts = [distinct_pairs(users[part], pairs.items[part], counts) for part in (~tested, tested)]
    return Split(*parts)


def rank_scores(recommended: Codes, users: Codes, test: Pairs, popular: Codes) -> RankScores:
    """Judges lists.

    Args:
        recommended: int32, shape (users, length): items, the best first.
        users: int32, shape (users,): whose; each has something in the test.
        test: what they consumed besides.
        popular: int32, shape (length,): the most popular items.
    """
    sizes = np.diff(test.offsets)[users]
    wanted = users[:, None].astype(np.int64) * test.item_count + recommended
    hits = np.isin(wanted, test.users.astype(np.int64) * test.item_count + test.items)
    length = recommended.shape[1]
    discounts = 1 / np.log2(np.arange(2, length + 2))
    greatest = np.cumsum(discounts)[np.minimum(sizes, length) - 1]
    common = np.isin(recommended, popular).sum(axis=1)
    return RankScores(
        recall=hits.sum(axis=1) / sizes,
        ndcg=(hits * discounts).sum(axis=1) / greatest,
        popular=common / (length + len(popular) - common),
    )


def models_of(train: Pairs, learning: InterestConfig) -> dict[str, InterestModel]:
    """A model for each rival, by its name; plain factorisation with the regularisation that suits it best."""
    configs = {
        FACTORISATION: dataclasses.replace(learning, causal_negatives=False, regularisation=_RIVALS_REGULARISATION),
        NEGATIVES: dataclasses.replace(learning, cause_weight=0.0, discrepancy_weight=0.0),
        BOTH: learning,
    }
    return {name: train_dice(train, config) for name, config in configs.items()}


def evaluate_recommenders(batches: Iterable[pa.RecordBatch], config: InterventionConfig) -> pa.RecordBatch:
    """What rivals recommend, judged on both test sets.

    Args:
        batches: a log: record batches with `user_id` and `item_id`, in any order.
        config: how.

    Returns:
        Rows of `metrics`: `intervened_recall` and its like, sliced as `<recommender>/<test set>`.

    Raises:
        ValueError: when too little of the log is dense enough.
    """
    pairs = dense_core(pairs_of_log(batches).pairs, config.fewest)
    if pairs.item_count < 2 * config.length:
        raise ValueError(
            f"only {pairs.item_count} items and their users have {config.fewest} interactions each; lists of "
            f"{config.length} need at least {2 * config.length}"
        )
    found = [row for name in TEST_SETS for row in _judge_test_set(pairs, name, config)]
    amounts = {"pairs": len(pairs.items), "users": len(pairs.offsets) - 1, "items": pairs.item_count}
    found += [metric_row(f"intervened_{name}", "", certain(number)) for name, number in amounts.items()]
    return metric_batch(found)


def _judge_test_set(pairs: Pairs, name: str, config: InterventionConfig) -> list[dict[str, Any]]:
    split = split_pairs(pairs, config.test_share, config.seed, intervened=name == INTERVENED)
    users = _judged_users(split, config)
    models = models_of(split.train, dataclasses.replace(config.learning, seed=config.seed))
    popular = most_popular(split.train, config.length)
    lists = {POPULAR: recommend_popular(split.train, users, config.length)}
    for recommender, (model, cause) in _MEMBERS.items():
        lists[recommender] = recommend(models[model], split.train, users, config.length, cause)
    scores = {recommender: rank_scores(found, users, split.test, popular) for recommender, found in lists.items()}
    rows = [
        metric_row(f"intervened_{measure}", f"{recommender}/{name}", mean_interval(getattr(each, measure), config.seed))
        for recommender, each in scores.items()
        for measure in MEASURES
    ]
    for rival in (FACTORISATION, NEGATIVES):
        gain = paired_difference(scores[BOTH].recall, scores[rival].recall, config.seed)
        rows.append(metric_row("intervened_recall_difference", f"{BOTH} - {rival}/{name}", gain))
    for part, each in (("learnt", split.train), ("tested", split.test)):
        median = float(np.median(pairs.popularity[each.items]))
        rows.append(metric_row("intervened_median_popularity", f"{part}/{name}", certain(median)))
    return rows


def _judged_users(split: Split, config: InterventionConfig) -> Codes:
    """Users with something to learn from, something to test, and enough left to recommend; a sample of them."""
    learnt, tested = np.diff(split.train.offsets), np.diff(split.test.offsets)
    able: Integers = np.flatnonzero((learnt > 0) & (tested > 0) & (learnt + config.length <= split.train.item_count))
    random = np.random.default_rng(config.seed)
    chosen = random.choice(able, min(config.most_users, len(able)), replace=False)
    return np.sort(chosen).astype(np.int32)
