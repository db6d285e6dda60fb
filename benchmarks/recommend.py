"""`python -m benchmarks.recommend`: measure retrieval within clusters, compared with that from the whole catalogue.

Users, items and clusters are random; vectors have the dimensions of the default ranker. Both methods run alternately
on the same users: one finds the best items of ten clusters of each user, the other the best items of the catalogue.
Then all steps of `recommend` run on all users. Prints JSON: medians of users per second, their ratio, and the peak of
memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.exploration.lookup_table import ContextRows, LookupTable
from transforms.recommendation.config import CountRankerConfig, ListConfig
from transforms.recommendation.count_ranker import fit_count_ranker
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.members import all_items, members_of
from transforms.recommendation.recommend import Recommender, Users, recommend
from transforms.recommendation.retrieval import Requests, consumed_items, top_items
from transforms.recommendation.stages import popular_items

_LENGTH = 20
_REQUESTED = 10
_MEASURED_USERS = 4_000


def random_histories(users: int, items: int, seed: int) -> ItemHistories:
    """Sample histories of 20 interactions; a few items have a large part of them."""
    generator = np.random.default_rng(seed)
    sampled = np.minimum((items * generator.random(users * _LENGTH) ** 3).astype(np.int32), items - 1)
    times = np.sort(generator.integers(0, 1 << 45, (users, _LENGTH)), axis=1).ravel()
    return ItemHistories(np.arange(users + 1, dtype=np.int64) * _LENGTH, sampled, times)


def measure(users: int, items: int, clusters: int, repeats: int, seed: int = 0) -> dict[str, float]:
    """Measure retrieval, and recommendations of all users.

    Args:
        users: number of users.
        items: number of items.
        clusters: number of clusters.
        repeats: number of measurements of each kind of retrieval, of which the median is returned.
        seed: random seed.
    """
    generator = np.random.default_rng(seed)
    histories = random_histories(users, items, seed)
    item_clusters = generator.integers(0, clusters, items).astype(np.int32)
    ids = pa.array([f"{item:08}" for item in range(items)])
    content = generator.integers(-127, 128, (items, 256)).astype(np.int8)
    started = time.perf_counter()
    config = CountRankerConfig()
    few = _first(histories, min(users, config.ranker_users))
    ranker = fit_count_ranker(few, ids, item_clusters, clusters, content, config)
    fitted = time.perf_counter() - started
    own = _first(histories, min(users, _MEASURED_USERS))
    vectors, consumed = ranker.user_vectors(own), consumed_items(own)
    members, everything = members_of(item_clusters, clusters), all_items(items)
    who = np.arange(own.user_count, dtype=np.int64)
    wanted = np.repeat(who, _REQUESTED), generator.integers(0, clusters, len(who) * _REQUESTED).astype(np.int32)
    inside, outside = Requests(*wanted), Requests(who, np.zeros(len(who), np.int32))
    seconds = _alternate(
        {
            "within ten clusters": lambda: top_items(
                vectors[inside.users], ranker.item_vectors, members, inside, consumed, 10
            ),
            "whole catalogue": lambda: top_items(vectors, ranker.item_vectors, everything, outside, consumed, 10),
        },
        repeats,
    )
    rates = {f"{name}, users/s": own.user_count / value for name, value in seconds.items()}
    table = _table(clusters, generator)
    recommender = Recommender(ranker, item_clusters, members, popular_items(few, item_clusters), table, ListConfig())
    started = time.perf_counter()
    for first in range(0, users, _MEASURED_USERS):
        part = _slice(histories, first, min(first + _MEASURED_USERS, users))
        names = pa.array([f"{user:08}" for user in range(first, first + part.user_count)])
        nothing = np.zeros(part.user_count, np.int64)
        recommend(recommender, Users(names, part, None, nothing + 5, nothing))
    rates["all steps, users/s"] = users / (time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = seconds["whole catalogue"] / seconds["within ten clusters"]
    values = rates | {"restricted / unrestricted": ratio, "fit, s": fitted, "peak, MiB": peak}
    return {name: round(value, 2) for name, value in values.items()}


def _first(histories: ItemHistories, users: int) -> ItemHistories:
    return _slice(histories, 0, users)


def _slice(histories: ItemHistories, first: int, last: int) -> ItemHistories:
    rows = slice(int(histories.offsets[first]), int(histories.offsets[last]))
    offsets = histories.offsets[first : last + 1] - histories.offsets[first]
    return ItemHistories(offsets, histories.items[rows], histories.times[rows])


def _table(clusters: int, generator: np.random.Generator) -> LookupTable:
    """Return a table of all pairs of clusters with ten random next clusters."""
    ids = pa.array([f"{cluster:04}" for cluster in range(clusters)])
    keys = np.arange(clusters * clusters, dtype=np.int64)
    ranked = generator.integers(0, clusters, (len(keys), 10)).astype(np.int32)
    popular = np.arange(min(clusters, 50), dtype=np.int32)[None]
    pairs = ContextRows.from_keys(2, keys, ranked, clusters, _scores(ranked))
    return LookupTable(ids, [pairs, ContextRows(0, popular, None, _scores(popular))])


def _scores(ranked: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the logarithm of 1 / (rank + 1) for each rank."""
    return np.broadcast_to(-np.log(np.arange(2, ranked.shape[1] + 2)), ranked.shape).astype(np.float32)


def _alternate(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()  # warm-up: compiles
    for _ in range(repeats):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Measure with the sizes that the command line names."""
    parser = argparse.ArgumentParser(prog="recommend", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="Number of users.")
    parser.add_argument("--items", type=int, default=50_000, help="Number of items.")
    parser.add_argument("--clusters", type=int, default=64, help="Number of clusters.")
    parser.add_argument("--repeats", type=int, default=3, help="Number of measurements of retrieval.")
    given = parser.parse_args()
    print(json.dumps(measure(given.users, given.items, given.clusters, given.repeats), indent=2))


if __name__ == "__main__":
    main()
