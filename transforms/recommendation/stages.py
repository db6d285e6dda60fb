"""Beam stages: a log, a tree and its table -> recommendations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import INTENTS, JOURNEYS, LOOKUP, RECOMMENDATIONS
from schemas.recommendations import POLICIES
from transforms.columnar import concatenate, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.datasets.reading import COUNTS_TAG
from transforms.exploration.lookup_table import LookupTable
from transforms.exploration.stages import clusters_of_level, select_columns
from transforms.hashing import StringIndex
from transforms.recommendation.catalogue import catalogue_rows, clusters_of, content_of
from transforms.recommendation.config import CountRankerConfig, ListConfig
from transforms.recommendation.count_ranker import fit_count_ranker
from transforms.recommendation.factors import recent_popularity
from transforms.recommendation.histories import Codes, ItemHistories
from transforms.recommendation.members import members_of
from transforms.recommendation.policies import NOVEL, novel_places
from transforms.recommendation.protocol import take_users
from transforms.recommendation.ranker import Ranker
from transforms.recommendation.recommend import Recommended, Recommender, Users, recommend
from transforms.recommendation.retrieval import Scores
from transforms.recommendation.unchanged import Flags, Kept, history_hashes, keep_rows
from transforms.recommendation.users import LOG, LargestHash, histories_of, sampled_rows
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

POPULAR_ITEMS = 2_000
"""Number of popular items from which lists are filled up."""
_POPULAR_DAYS = 7 * 86_400_000_000.0
_INTERACTIONS, _JOURNEYS, _INTENTS, _USERS, _PREVIOUS = "interactions", "journeys", "intents", "users", "previous"
USER_IDS = pa.schema([LOG.field("user_id")])
"""The users to recommend to."""


class RankerSource(Protocol):
    """A trained ranker that workers load."""

    def load(self, item_ids: pa.StringArray) -> Ranker:
        """Load the ranker for the items of a catalogue.

        Raises:
            ValueError: when it was trained for another catalogue.
        """


class FittedRanker(NamedTuple):
    """A ranker, and what fills up lists.

    Attributes:
        ranker: the ranker.
        popular: int32: codes of popular items, the most popular first.
    """

    ranker: Ranker
    popular: Codes


def fit_ranker(
    _: bytes,
    sample: Iterable[pa.RecordBatch],
    catalogue: pa.RecordBatch,
    clusters: pa.RecordBatch,
    config: CountRankerConfig,
    trained: RankerSource | None,
) -> FittedRanker:
    """Fit the ranker by counts to the interactions of sampled users, or load a trained one.

    Args:
        _: ignored.
        sample: rows of `LOG`.
        catalogue: rows of `CATALOGUE`.
        clusters: rows of `clusters` of one level.
        config: configuration of the ranker by counts.
        trained: a trained ranker; None: the ranker by counts.
    """
    _, histories = histories_of(sample, StringIndex(catalogue["item_id"]))
    item_clusters = clusters_of(catalogue)
    ranker: Ranker
    if trained is None:
        ranker = fit_count_ranker(
            histories, catalogue["item_id"], item_clusters, clusters.num_rows, content_of(catalogue), config
        )
    else:
        ranker = trained.load(catalogue["item_id"])
    return FittedRanker(ranker, popular_items(histories, item_clusters))


def popular_items(histories: ItemHistories, item_clusters: Codes) -> Codes:
    """Return the items of clusters that were popular last, the most popular first; ties: the lower code."""
    end = int(histories.times.max(initial=0))
    popularity = recent_popularity(histories.items, histories.times, len(item_clusters), end, _POPULAR_DAYS)
    order = np.argsort(-popularity, kind="stable").astype(np.int32)
    return order[(popularity[order] > 0) & (item_clusters[order] >= 0)][:POPULAR_ITEMS]


@with_output_types(pa.RecordBatch, counts=Count)
class RecommendItems(beam.DoFn):
    """The interactions of the users of one bucket -> rows of `recommendations`; counts as a side output."""

    def __init__(self, config: ListConfig) -> None:
        self.config = config
        self.recommender: Recommender | None = None
        self.fitted: FittedRanker | None = None

    def process(
        self,
        bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]],
        fitted: FittedRanker,
        catalogue: pa.RecordBatch,
        clusters: pa.RecordBatch,
        table: Iterable[pa.RecordBatch],
        exploration: float,
    ) -> Iterator[Any]:
        if self.recommender is None or self.fitted is not fitted:
            self.fitted, self.recommender = fitted, _recommender(fitted, catalogue, clusters, table, self.config)
        users = users_of(bucket[1], catalogue["item_id"], self.config, exploration)
        kept = kept_of(bucket[1], users)
        computed = select_users(users, ~kept.is_kept)
        found = recommend(self.recommender, computed)
        for name, number in counts_of(found, computed, kept).items():
            yield TaggedOutput(COUNTS_TAG, count(name, number))
        if _INTENTS in bucket[1]:
            without = count_without_intents(bucket[1][_INTENTS], users.ids)
            yield TaggedOutput(COUNTS_TAG, count("users_without_intents", without))
        for rows in (kept.rows, found.rows):
            for policy in pc.value_counts(rows["policy"]).to_pylist():
                slice_ = f"policy={policy['values']}"
                yield TaggedOutput(COUNTS_TAG, count("recommended_items", policy["counts"], slice_))
            yield TaggedOutput(COUNTS_TAG, count("recommended_novel_clusters", count_novel_clusters(rows)))
            yield from split_by_size(rows)


def mean_exploration(_: bytes, intents: Iterable[pa.RecordBatch]) -> float:
    """Return the mean probability of a new cluster in rows of `intents`; 0 without rows."""
    rows = concatenate((select_columns(each, INTENTS) for each in intents), INTENTS.arrow)
    ordered = rows.take(pc.sort_indices(rows["user_id"]))["cluster_probability"].to_numpy().astype(np.float64)
    return float(ordered.mean()) if len(ordered) else 0.0


def users_of(
    batches: Mapping[str, Iterable[pa.RecordBatch]], item_ids: pa.StringArray, config: ListConfig, exploration: float
) -> Users:
    """Collect the users of one bucket.

    Args:
        batches: by name: interactions; optionally journeys, intents, and the users to recommend to. Others are ignored.
        item_ids: the ids of all items.
        config: configuration of lists.
        exploration: the mean probability of a new cluster over all users; 0: there are no intents.
    """
    index = StringIndex(item_ids)
    rows = concatenate((rows.select(LOG.names).cast(LOG) for rows in batches[_INTERACTIONS]), LOG)
    if _USERS in batches:
        wanted = concatenate((each.select(USER_IDS.names).cast(USER_IDS) for each in batches[_USERS]), USER_IDS)
        rows = rows.filter(pc.is_in(rows["user_id"], wanted["user_id"]))
    ids, histories = histories_of([rows], index)
    journeys = None
    if _JOURNEYS in batches:
        journeys = concatenate((select_columns(each, JOURNEYS) for each in batches[_JOURNEYS]), JOURNEYS.arrow)
        journeys = journeys.take(pc.sort_indices(journeys, [("user_id", "ascending"), ("rank", "ascending")]))
    relative = _relative_exploration(batches.get(_INTENTS, ()), ids, exploration) if exploration else None
    places = novel_places(config.slots, config.novel_fraction, relative, len(ids))
    hashes = history_hashes(histories, item_ids, ids, journeys, None if relative is None else places)
    return Users(ids, histories, journeys, places, hashes)


def _relative_exploration(intents: Iterable[pa.RecordBatch], ids: pa.StringArray, mean: float) -> Scores:
    """Return the probability of a new cluster of users, divided by the mean; NaN for users without intents."""
    rows = concatenate((select_columns(each, INTENTS) for each in intents), INTENTS.arrow)
    found = rows["cluster_probability"].take(pc.index_in(ids, rows["user_id"])).cast(pa.float64())
    relative: Scores = found.to_numpy(zero_copy_only=False) / mean
    return relative


def count_without_intents(intents: Iterable[pa.RecordBatch], ids: pa.StringArray) -> int:
    """Count the users who have no row of `intents`."""
    rows = concatenate((select_columns(each, INTENTS) for each in intents), INTENTS.arrow)
    return int(pc.index_in(ids, rows["user_id"]).null_count)


def kept_of(batches: Mapping[str, Iterable[pa.RecordBatch]], users: Users) -> Kept:
    """Collect the rows of an earlier run that users of one bucket keep; without such a run, none.

    Args:
        batches: by name; optionally rows of `recommendations` of the earlier run.
        users: the users of the bucket.
    """
    stored = (select_columns(each, RECOMMENDATIONS) for each in batches.get(_PREVIOUS, ()))
    return keep_rows(concatenate(stored, RECOMMENDATIONS.arrow), users.ids, users.hashes)


def select_users(users: Users, chosen: Flags) -> Users:
    """Return some users, in the same order.

    Args:
        users: the users.
        chosen: bool, shape (users,).
    """
    ids, histories = users.ids.filter(pa.array(chosen)), take_users(users.histories, np.flatnonzero(chosen))
    return Users(ids, histories, users.journeys, users.places[chosen], users.hashes[chosen])


def count_novel_clusters(rows: pa.RecordBatch) -> int:
    """Count the distinct pairs of a user and a novel cluster in rows of `recommendations`."""
    novel = pa.Table.from_batches([rows]).filter(pc.field("policy") == POLICIES[NOVEL])
    return int(novel.group_by(["user_id", "cluster_id"]).aggregate([]).num_rows)


def counts_of(found: Recommended, users: Users, kept: Kept) -> dict[str, int]:
    """Count the users of a batch, those for whom the table was of no use, and exhausted clusters.

    Args:
        found: the recommendations that were computed.
        users: the users that they were computed for.
        kept: what is kept of an earlier run.
    """
    lengths = np.diff(users.histories.offsets)
    return {
        "users": len(users.ids) + int(kept.is_kept.sum()),
        "users_kept": int(kept.is_kept.sum()),
        "users_computed": len(users.ids),
        "users_of_previous_left_out": kept.left_out,
        "users_without_items_of_clusters": int((lengths == 0).sum()),
        "users_without_context_in_the_table": int(((found.matched == 0) & (lengths > 0)).sum()),
        "clusters_consumed_completely": found.exhausted,
    }


def _recommender(
    fitted: FittedRanker,
    catalogue: pa.RecordBatch,
    clusters: pa.RecordBatch,
    table: Iterable[pa.RecordBatch],
    config: ListConfig,
) -> Recommender:
    rows = pa.Table.from_batches([select_columns(each, LOOKUP) for each in table], LOOKUP.arrow)
    item_clusters = clusters_of(catalogue)
    lookup = LookupTable.from_rows(rows, clusters["cluster_id"])
    members = members_of(item_clusters, clusters.num_rows)
    return Recommender(fitted.ranker, item_clusters, members, fitted.popular, lookup, config)


class Recommendations(NamedTuple):
    """The collections that `RecommendToUsers` returns.

    Attributes:
        rows: record batches of `recommendations`.
        counts: counts.
    """

    rows: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class RecommendToUsers(beam.PTransform):
    """Record batches of `interactions` -> recommendations (2405.16363, serving).

    Users of an earlier run whose interactions and journeys are still the same keep their rows, as they are.

    Users are shuffled; the catalogue, the table and the ranker are side inputs: about 2 bytes a dimension and item, and
    40 bytes a context. The ranker is fitted by one process, to at most `ranker.ranker_users` users.

    Attributes:
        clusters: record batches of `clusters`, of all levels.
        item_clusters: record batches of `item_clusters`.
        table: record batches of `lookup`.
        vectors: record batches of `ITEM_VECTORS`; None: items have no content.
        journeys: record batches of `journeys`, which familiar items continue; None: there are none.
        intents: record batches of `intents`; None: all users have the same number of novel items.
        users: record batches with `user_id`, the users to recommend to; None: all.
        previous: record batches of `recommendations` of an earlier run with the same tree, table and configuration;
            None: all lists are computed.
        interactions: conditions on interactions.
        ranker: configuration of the ranker by counts.
        lists: configuration of lists.
        trained: a trained ranker; None: the ranker by counts.
        level: level of the tree, from 1; 0: the last one.
        buckets: number of groups into which users are hashed; the result is the same.
    """

    clusters: beam.PCollection
    item_clusters: beam.PCollection
    table: beam.PCollection
    vectors: beam.PCollection | None
    journeys: beam.PCollection | None
    intents: beam.PCollection | None
    users: beam.PCollection | None
    previous: beam.PCollection | None
    interactions: InteractionFilter
    ranker: CountRankerConfig
    lists: ListConfig
    trained: RankerSource | None = None
    level: int = 0
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> Recommendations:
        kept, dropped = rows | "KeepInteractions" >> KeepInteractions(self.interactions)
        log = kept | "SelectColumns" >> beam.Map(lambda each: each.select(LOG.names).cast(LOG)).with_output_types(
            pa.RecordBatch
        )
        of_level = AsSingleton(self.clusters | "ClustersOfLevel" >> ApplyGlobally(clusters_of_level, (self.level,)))
        vectors = () if self.vectors is None else (AsIter(self.vectors),)
        catalogue = AsSingleton(self.item_clusters | "Catalogue" >> ApplyGlobally(catalogue_rows, (of_level, *vectors)))
        largest = AsSingleton(log | "LargestHash" >> beam.CombineGlobally(LargestHash(self.ranker.ranker_users)))
        sample = log | "SampleUsers" >> beam.Map(sampled_rows, largest).with_output_types(pa.RecordBatch)
        fitted = (
            rows.pipeline
            | "Once" >> beam.Impulse()
            | "FitRanker" >> beam.Map(fit_ranker, AsIter(sample), catalogue, of_level, self.ranker, self.trained)
        )
        exploration: Any = 0.0
        if self.intents is not None:
            exploration = AsSingleton(
                rows.pipeline
                | "OnceMore" >> beam.Impulse()
                | "MeanExploration" >> beam.Map(mean_exploration, AsIter(self.intents))
            )
        named = {_INTERACTIONS: log, _JOURNEYS: self.journeys, _INTENTS: self.intents}
        named |= {_USERS: self.users, _PREVIOUS: self.previous}
        found = (
            {name: each for name, each in named.items() if each is not None}
            | "GroupByUser" >> CoGroupByBucket("user_id", self.buckets)
            | "Recommend"
            >> beam.ParDo(
                RecommendItems(self.lists), AsSingleton(fitted), catalogue, of_level, AsIter(self.table), exploration
            ).with_outputs(COUNTS_TAG, main="rows")
        )
        return Recommendations(found.rows, (dropped, found[COUNTS_TAG]) | "Counts" >> beam.Flatten())
