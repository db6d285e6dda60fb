"""What every dataset has in common, and the invariants of each: broken once, kept otherwise."""

import copy
import datetime
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import schemas
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    COLLECTIONS,
    EMBEDDINGS,
    ERRORS,
    GENERATIONS,
    HISTORIES,
    INTENTS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    ITEM_EMBEDDINGS,
    ITEMS,
    JOURNEY_NAMES,
    JOURNEYS,
    LIFECYCLES,
    LOOKUP,
    METRICS,
    NAMING_EXAMPLES,
    RECOMMENDATIONS,
    SALIENCE_MODEL,
    SALIENT_TERMS,
    SCORED_INTERACTIONS,
    TIMESTAMP,
    TRANSITIONS,
    TUNING_PAIRS,
    USERS,
    DatasetSchema,
)

DATASETS = tuple(dict.fromkeys([*schemas.INPUTS, *schemas.OUTPUTS, *schemas.CACHES]))
NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
every_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)


def test_every_dataset_is_listed() -> None:
    described = {value for value in vars(schemas).values() if isinstance(value, DatasetSchema)}
    assert set(DATASETS) == described
    assert len({dataset.name for dataset in DATASETS}) == len(DATASETS)


@every_dataset
def test_every_column_is_described(dataset: DatasetSchema) -> None:
    assert dataset.doc.endswith(".")
    assert dataset.columns
    for column in dataset.columns:
        assert column.doc.endswith(".")
        assert column.doc[0].isupper() or not column.doc[0].isalpha()
        assert dataset.column(column.name) is column
    assert len({column.name for column in dataset.columns}) == len(dataset.columns)


@every_dataset
def test_key_and_order_are_columns(dataset: DatasetSchema) -> None:
    names = {column.name for column in dataset.columns}
    assert {*dataset.key, *dataset.sort_by, dataset.partition_by} <= names
    assert dataset.sort_by
    assert dataset.column(dataset.partition_by).type == pa.string()
    assert not any(dataset.column(name).nullable or dataset.column(name).optional for name in dataset.key)


@every_dataset
def test_rows_of_one_key_lie_in_one_part(dataset: DatasetSchema) -> None:
    assert not dataset.key or dataset.partition_by in dataset.key


@every_dataset
def test_time_has_one_type(dataset: DatasetSchema) -> None:
    for column in dataset.columns:
        kind = column.type.value_type if pa.types.is_list(column.type) else column.type
        assert not pa.types.is_timestamp(kind) or kind == TIMESTAMP


@every_dataset
def test_only_inputs_may_lack_columns(dataset: DatasetSchema) -> None:
    optional = [column for column in dataset.columns if column.optional]
    assert all(column.nullable for column in optional)
    assert dataset in schemas.INPUTS or not optional


def test_fingerprints_differ() -> None:
    assert len({dataset.fingerprint for dataset in DATASETS}) == len(DATASETS)


LIFECYCLE = {
    "user_id": "u",
    "journey_id": "j",
    "rank": 1,
    "score": 2.5,
    "stage": "ongoing",
    "silent_days": 3.5,
    "ongoing_days": 12.0,
    "recurrence": "evergreen",
    "active_days": 4,
    "effective_months": 3.0,
    "burstiness": -0.5,
    "confidence": 0.75,
    "drift": -0.25,
    "periods": [
        {"month": "2023-12", "interactions": 3, "terms": ["tea", "green tea"], "similarity": None},
        {"month": "2024-02", "interactions": 1, "terms": [], "similarity": 0.5},
    ],
}
GOOD: dict[str, list[dict[str, Any]]] = {
    "interactions": [
        {
            "user_id": "u",
            "item_id": "i",
            "timestamp": NOON,
            "event": "",
            "value": -1.5,
            "dwell_seconds": 0.0,
            "interest": 0.5,
        },
        {"user_id": "u", "item_id": "i", "timestamp": datetime.datetime(1800, 1, 1, tzinfo=datetime.UTC)},
        {"user_id": "u", "item_id": "i", "timestamp": datetime.datetime(2199, 12, 31, tzinfo=datetime.UTC)},
    ],
    "scored_interactions": [
        {"user_id": "u", "item_id": "i", "timestamp": NOON, "event": "", "value": 2.5, "interest": 1.0},
        {"user_id": "u", "item_id": "j", "timestamp": NOON, "dwell_seconds": 0.0, "interest": 0.0},
    ],
    "items": [
        {"item_id": "i", "title": "", "description": None, "tags": ["a", None], "creator": "", "queries": []},
        {"item_id": "j", "title": "tea"},
    ],
    "item_embeddings": [
        {"item_id": "i", "embedding": [3.0, -0.5, 0.0]},
        {"item_id": "j", "embedding": []},
        {"item_id": "k", "embedding": None},
    ],
    "collections": [
        {"source": "s", "name": "tea", "item_titles": ["a", None], "item_descriptions": ["", None]},
        {"source": "s", "name": "", "item_titles": [], "item_descriptions": []},
        {"source": "t", "name": "pots", "item_titles": ["a"]},
    ],
    "salient_terms": [
        {"item_id": "i", "terms": ["tea", "pot"], "saliences": [1.0, 0.0]},
        {"item_id": "j", "terms": [], "saliences": []},
    ],
    "histories": [
        {"user_id": "u", "item_ids": ["i", "i"], "timestamps": [NOON, NOON], "truncated": True},
        {"user_id": "v", "item_ids": [], "timestamps": [], "truncated": False},
    ],
    "journeys": [
        {
            "user_id": "u",
            "journey_id": "0123456789abcdef",
            "rank": 1,
            "size": 1,
            "item_ids": ["i", "i"],
            "timestamps": [NOON, NOON],
            "terms": ["tea"],
            "weights": [7.5],
            "first_timestamp": NOON,
            "last_timestamp": NOON,
            "coherence": None,
        }
    ],
    "journey_names": [
        {
            "user_id": "u",
            "journey_id": "0123456789abcdef",
            "name": "Tea pots",
            "method": "few_shot",
            "model": "builtin 0123",
            "fallback_reason": "",
            "safe": True,
            "content_hash": "0123456789abcdef" * 2,
        },
        {
            "user_id": "u",
            "journey_id": "f" * 16,
            "name": "Interest 2",
            "method": "salient",
            "model": "",
            "fallback_reason": "unsafe",
            "safe": False,
            "content_hash": "f" * 32,
        },
    ],
    "clusters": [
        {
            "cluster_id": "03",
            "level": 1,
            "parent_id": None,
            "description": "tea, pots",
            "keywords": ["tea", "pots"],
            "items": 0,
            "traffic": 0,
            "centroid": [512, -512],
            "penalty": 25,
        },
        {
            "cluster_id": "03.110",
            "level": 2,
            "parent_id": "03",
            "description": "green tea",
            "keywords": [],
            "items": 3,
            "traffic": 5,
            "centroid": [],
            "penalty": 0,
        },
    ],
    "lifecycles": [
        LIFECYCLE,
        LIFECYCLE
        | {
            "journey_id": "k",
            "rank": 2,
            "stage": "ended",
            "silent_days": 20.0,
            "recurrence": "situational",
            "burstiness": None,
            "drift": None,
            "periods": [{"month": "2024-01", "interactions": 2, "terms": [], "similarity": None}],
        },
    ],
    "item_clusters": [{"item_id": "i", "cluster_ids": ["03", "03.110"]}, {"item_id": "j", "cluster_ids": []}],
    "cluster_histories": [
        {"user_id": "u", "cluster_ids": ["03", "01"], "timestamps": [NOON, NOON], "second_timestamps": [None, NOON]},
        {"user_id": "v", "cluster_ids": [], "timestamps": [], "second_timestamps": []},
    ],
    "transitions": [
        {"context": "", "next": "03", "split": "train", "users": 1},
        {"context": "03 04.1", "next": "05", "split": "test", "users": 7},
    ],
    "lookup": [
        {"context": "", "rank": 1, "next": "03", "score": -0.5, "source": "popularity"},
        {"context": "03 04.1", "rank": 2, "next": "05", "score": -7.0, "source": "blend"},
    ],
    "intents": [
        {
            "user_id": "u",
            "cluster_probability": 0.25,
            "creator_probability": None,
            "item_probability": 1.0,
            "model": "boosted_trees",
        }
    ],
    "recommendations": [
        {
            "user_id": "u",
            "rank": 1,
            "item_id": "i",
            "cluster_id": "03.11",
            "policy": "novel",
            "score": 2.5,
            "context": "03.10 04.1",
            "table_rank": 2,
            "journey_id": None,
            "history_hash": -5,
        },
        {
            "user_id": "u",
            "rank": 2,
            "item_id": "j",
            "cluster_id": "04.1",
            "policy": "familiar",
            "score": -1.0,
            "context": "",
            "table_rank": None,
            "journey_id": "0123456789abcdef",
            "history_hash": -5,
        },
    ],
    "users": [{"user_id": "u"}, {"user_id": "u"}],
    "metrics": [
        {"pipeline": "extract", "metric": "users", "slice": "", "value": 0.0, "low": 0.0, "high": 1.0, "n": 3},
        {"pipeline": "extract", "metric": "users", "slice": "x", "value": -1e300},
    ],
    "errors": [
        {"dataset": "items", "file": "", "row": 0, "reason": "null_title", "payload": ""},
        {"dataset": "items", "file": "f", "row": None, "reason": "not_parquet", "payload": "title=null"},
    ],
    "tuning_pairs": [
        {
            "pair_id": f"0000-{number}",
            "task": "naming",
            "split": split,
            "prompt": "Titles:\n- a\nInterest:",
            "completion": "Tea",
            "weight": 1.0,
        }
        for number, split in enumerate(("train", "validation", "test"))
    ],
    "naming_examples": [
        {
            "example_id": "0123456789abcdef" * 2,
            "source": "s",
            "split": "train",
            "name": "tea",
            "titles": ["a", "b"],
            "terms": ["tea", "pot"],
            "weights": [0.5, 0.25],
            "continuity": 0.5,
            "relevance": -0.1,
        },
        {
            "example_id": "f" * 32,
            "source": "t",
            "split": "test",
            "name": "pots",
            "titles": [],
            "terms": [],
            "weights": [],
            "continuity": 0.0,
            "relevance": 0.0,
        },
    ],
    "salience_model": [{"feature": "intercept", "weight": -1.5}, {"feature": "nearness", "weight": 0.0}],
    "embeddings": [
        {"content_hash": "0123456789abcdef" * 2, "vector": [0.6, -0.8]},
        {"content_hash": "f" * 32, "vector": [1.0]},
    ],
    "generations": [
        {"content_hash": "0123456789abcdef" * 2, "rank": 0, "text": "Tea ☕", "log_prob": -0.5},
        {"content_hash": "f" * 32, "rank": 1, "text": "", "log_prob": None},
    ],
}

EARLIER = NOON - datetime.timedelta(microseconds=1)
BROKEN: list[tuple[DatasetSchema, str, dict[str, Any]]] = [
    (INTERACTIONS, "empty_user_id", {"user_id": ""}),
    (INTERACTIONS, "placeholder_user_id", {"user_id": " None"}),
    (INTERACTIONS, "placeholder_item_id", {"item_id": "NaN"}),
    (INTERACTIONS, "empty_item_id", {"item_id": ""}),
    (INTERACTIONS, "timestamp_out_of_range", {"timestamp": datetime.datetime(1799, 12, 31, tzinfo=datetime.UTC)}),
    (INTERACTIONS, "timestamp_out_of_range", {"timestamp": datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)}),
    (INTERACTIONS, "value_not_finite", {"value": math.nan}),
    (INTERACTIONS, "dwell_seconds_not_finite", {"dwell_seconds": math.inf}),
    (INTERACTIONS, "interest_out_of_range", {"interest": 1.5}),
    (INTERACTIONS, "interest_out_of_range", {"interest": math.nan}),
    (SCORED_INTERACTIONS, "empty_user_id", {"user_id": ""}),
    (SCORED_INTERACTIONS, "placeholder_user_id", {"user_id": " None"}),
    (SCORED_INTERACTIONS, "placeholder_item_id", {"item_id": "NaN"}),
    (SCORED_INTERACTIONS, "empty_item_id", {"item_id": ""}),
    (
        SCORED_INTERACTIONS,
        "timestamp_out_of_range",
        {"timestamp": datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)},
    ),
    (SCORED_INTERACTIONS, "value_not_finite", {"value": math.nan}),
    (SCORED_INTERACTIONS, "dwell_seconds_not_finite", {"dwell_seconds": math.inf}),
    (SCORED_INTERACTIONS, "interest_out_of_range", {"interest": -0.25}),
    (ITEMS, "empty_item_id", {"item_id": ""}),
    (ITEMS, "placeholder_item_id", {"item_id": "null"}),
    (ITEM_EMBEDDINGS, "empty_item_id", {"item_id": ""}),
    (ITEM_EMBEDDINGS, "embedding_not_finite", {"embedding": [1.0, math.nan]}),
    (ITEM_EMBEDDINGS, "embedding_not_finite", {"embedding": [math.inf]}),
    (LIFECYCLES, "empty_user_id", {"user_id": ""}),
    (LIFECYCLES, "empty_journey_id", {"journey_id": ""}),
    (LIFECYCLES, "stage_unknown", {"stage": "asleep"}),
    (LIFECYCLES, "recurrence_unknown", {"recurrence": ""}),
    (LIFECYCLES, "confidence_out_of_range", {"confidence": 1.5}),
    (LIFECYCLES, "burstiness_out_of_range", {"burstiness": -1.5}),
    (LIFECYCLES, "drift_out_of_range", {"drift": 1.5}),
    (LIFECYCLES, "score_not_finite", {"score": math.inf}),
    (LIFECYCLES, "rank_below_one", {"rank": 0}),
    (LIFECYCLES, "silent_days_negative", {"silent_days": -1.0}),
    (LIFECYCLES, "stage_against_silence", {"stage": "ended"}),
    (LIFECYCLES, "no_periods", {"periods": []}),
    (COLLECTIONS, "empty_source", {"source": ""}),
    (COLLECTIONS, "item_titles_and_item_descriptions_differ_in_length", {"item_descriptions": ["x"]}),
    (SALIENT_TERMS, "empty_item_id", {"item_id": ""}),
    (SALIENT_TERMS, "terms_and_saliences_differ_in_length", {"saliences": [0.5, 0.5, 0.5]}),
    (SALIENT_TERMS, "saliences_out_of_range", {"saliences": [0.5, 1.001]}),
    (SALIENT_TERMS, "saliences_out_of_range", {"saliences": [-0.001, 0.5]}),
    (SALIENT_TERMS, "saliences_out_of_range", {"saliences": [math.nan, 0.5]}),
    (HISTORIES, "empty_user_id", {"user_id": ""}),
    (HISTORIES, "item_ids_and_timestamps_differ_in_length", {"item_ids": ["i"]}),
    (JOURNEYS, "empty_user_id", {"user_id": ""}),
    (JOURNEYS, "item_ids_and_timestamps_differ_in_length", {"timestamps": [NOON]}),
    (JOURNEYS, "terms_and_weights_differ_in_length", {"weights": []}),
    (JOURNEYS, "rank_below_one", {"rank": 0}),
    (JOURNEYS, "ends_before_it_begins", {"last_timestamp": EARLIER}),
    (JOURNEYS, "size_beyond_items", {"size": 3}),
    (JOURNEYS, "size_beyond_items", {"size": 0}),
    (JOURNEY_NAMES, "empty_user_id", {"user_id": ""}),
    (JOURNEY_NAMES, "empty_name", {"name": ""}),
    (JOURNEY_NAMES, "method_unknown", {"method": "guessed"}),
    (JOURNEY_NAMES, "model_and_method_differ", {"model": ""}),
    (JOURNEY_NAMES, "model_and_method_differ", {"method": "salient"}),
    (JOURNEY_NAMES, "content_hash_malformed", {"content_hash": "F" * 32}),
    (CLUSTERS, "empty_cluster_id", {"cluster_id": "", "parent_id": ""}),
    (CLUSTERS, "empty_description", {"description": ""}),
    (CLUSTERS, "level_below_one", {"level": 0}),
    (CLUSTERS, "not_below_parent", {"parent_id": "02"}),
    (CLUSTERS, "not_below_parent", {"cluster_id": "02.11", "parent_id": "03"}),
    (CLUSTERS, "not_below_parent", {"cluster_id": "03.11.12", "parent_id": "03"}),
    (CLUSTERS, "not_below_parent", {"cluster_id": "03.11", "parent_id": None}),
    (ITEM_CLUSTERS, "empty_item_id", {"item_id": ""}),
    (CLUSTER_HISTORIES, "empty_user_id", {"user_id": ""}),
    (CLUSTER_HISTORIES, "cluster_ids_and_timestamps_differ_in_length", {"timestamps": [NOON]}),
    (CLUSTER_HISTORIES, "cluster_ids_and_second_timestamps_differ_in_length", {"second_timestamps": [None]}),
    (TRANSITIONS, "empty_next", {"next": ""}),
    (TRANSITIONS, "split_unknown", {"split": "held_out"}),
    (TRANSITIONS, "users_below_one", {"users": 0}),
    (LOOKUP, "empty_next", {"next": ""}),
    (LOOKUP, "empty_source", {"source": ""}),
    (LOOKUP, "score_not_finite", {"score": -math.inf}),
    (LOOKUP, "rank_below_one", {"rank": 0}),
    (RECOMMENDATIONS, "empty_user_id", {"user_id": ""}),
    (RECOMMENDATIONS, "empty_item_id", {"item_id": ""}),
    (RECOMMENDATIONS, "score_not_finite", {"score": math.nan}),
    (RECOMMENDATIONS, "rank_below_one", {"rank": 0}),
    (RECOMMENDATIONS, "policy_not_listed", {"policy": "random"}),
    (INTENTS, "empty_user_id", {"user_id": ""}),
    (INTENTS, "cluster_probability_out_of_range", {"cluster_probability": 1.1}),
    (INTENTS, "creator_probability_out_of_range", {"creator_probability": -0.1}),
    (INTENTS, "item_probability_out_of_range", {"item_probability": 1.1}),
    (INTENTS, "empty_model", {"model": ""}),
    (USERS, "empty_user_id", {"user_id": " "}),
    (USERS, "placeholder_user_id", {"user_id": "nan"}),
    (METRICS, "empty_pipeline", {"pipeline": ""}),
    (METRICS, "empty_metric", {"metric": ""}),
    (METRICS, "value_not_finite", {"value": math.inf}),
    (ERRORS, "empty_dataset", {"dataset": ""}),
    (ERRORS, "empty_reason", {"reason": ""}),
    (SALIENCE_MODEL, "empty_feature", {"feature": ""}),
    (SALIENCE_MODEL, "weight_not_finite", {"weight": math.nan}),
    (EMBEDDINGS, "content_hash_malformed", {"content_hash": "0123456789ABCDEF" * 2}),
    (EMBEDDINGS, "content_hash_malformed", {"content_hash": "0" * 33}),
    (EMBEDDINGS, "vector_not_of_unit_length", {"vector": [0.6, 0.7]}),
    (EMBEDDINGS, "vector_not_of_unit_length", {"vector": []}),
    (EMBEDDINGS, "vector_not_of_unit_length", {"vector": [math.nan, 1.0]}),
    (EMBEDDINGS, "vector_not_of_unit_length", {"vector": [None, 1.0]}),
    (GENERATIONS, "content_hash_malformed", {"content_hash": "0123456789ABCDEF" * 2}),
    (GENERATIONS, "content_hash_malformed", {"content_hash": "0" * 31}),
    (GENERATIONS, "content_hash_malformed", {"content_hash": ""}),
    (GENERATIONS, "negative_rank", {"rank": -1}),
    (GENERATIONS, "invalid_log_prob", {"log_prob": 0.1}),
    (GENERATIONS, "invalid_log_prob", {"log_prob": -math.inf}),
    (NAMING_EXAMPLES, "example_id_malformed", {"example_id": "0" * 31}),
    (NAMING_EXAMPLES, "empty_source", {"source": ""}),
    (NAMING_EXAMPLES, "empty_name", {"name": ""}),
    (NAMING_EXAMPLES, "split_unknown", {"split": "held_out"}),
    (NAMING_EXAMPLES, "terms_and_weights_differ", {"weights": [0.5]}),
    (TUNING_PAIRS, "empty_pair_id", {"pair_id": ""}),
    (TUNING_PAIRS, "empty_task", {"task": ""}),
    (TUNING_PAIRS, "empty_prompt", {"prompt": ""}),
    (TUNING_PAIRS, "empty_completion", {"completion": ""}),
    (TUNING_PAIRS, "split_unknown", {"split": "held_out"}),
    (TUNING_PAIRS, "weight_not_positive", {"weight": 0.0}),
    (TUNING_PAIRS, "weight_not_positive", {"weight": float("inf")}),
]


def unchecked(rows: list[dict[str, Any]], dataset: DatasetSchema) -> pa.RecordBatch:
    """Rows in which every column may be null."""
    loose = pa.schema([pa.field(column.name, column.type) for column in dataset.columns])
    return pa.RecordBatch.from_pylist(rows, loose)


def broken_by(rows: list[dict[str, Any]], dataset: DatasetSchema) -> dict[str, list[int]]:
    """Which rows break which invariant."""
    batch = unchecked(rows, dataset)
    found = {}
    for invariant in dataset.all_invariants():
        holds = invariant.check(batch)
        assert len(holds) == len(rows)
        indices = [index for index, kept in enumerate(pc.fill_null(holds, fill_value=True).to_pylist()) if not kept]
        if indices:
            found[invariant.reason] = indices
    return found


@every_dataset
def test_good_rows_pass(dataset: DatasetSchema) -> None:
    rows = GOOD[dataset.name]
    assert broken_by(rows, dataset) == {}
    dataset.check(pa.RecordBatch.from_pylist(rows, dataset.arrow))
    dataset.check(pa.RecordBatch.from_pylist([], dataset.arrow))


@pytest.mark.parametrize(("dataset", "reason", "change"), BROKEN)
def test_a_broken_row_is_refused_and_no_other(dataset: DatasetSchema, reason: str, change: dict[str, Any]) -> None:
    good = GOOD[dataset.name]
    rows = [*good, copy.deepcopy(good[0]) | change, *good]
    assert broken_by(rows, dataset) == {reason: [len(good)]}
    assert next(invariant.doc for invariant in dataset.invariants if invariant.reason == reason)


@every_dataset
def test_every_invariant_is_broken_once(dataset: DatasetSchema) -> None:
    broken = {reason for broken, reason, _ in BROKEN if broken == dataset}
    assert broken == {invariant.reason for invariant in dataset.invariants}


@every_dataset
def test_null_is_refused_where_it_is_not_allowed(dataset: DatasetSchema) -> None:
    good = GOOD[dataset.name][0]
    for column in dataset.columns:
        found = broken_by([good, good | {column.name: None}, good], dataset)
        assert found == ({} if column.nullable else {f"null_{column.name}": [1]})


@every_dataset
def test_invariants_hold_for_slices(dataset: DatasetSchema) -> None:
    bad = [GOOD[dataset.name][0] | change for broken, _, change in BROKEN if broken == dataset]
    rows = unchecked([*bad, *GOOD[dataset.name]], dataset)
    for invariant in dataset.all_invariants():
        whole = invariant.check(rows).to_pylist()
        for start in range(len(rows)):
            assert invariant.check(rows.slice(start)).to_pylist() == whole[start:]
