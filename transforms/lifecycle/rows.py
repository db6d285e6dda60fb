"""Rows of `lifecycles` from rows of `journeys` and the salient terms of their items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import LIFECYCLES
from schemas.lifecycles import PERIOD, RECURRENCES, STAGES
from transforms.columnar import list_array, list_offsets, run_offsets
from transforms.hashing import StringIndex
from transforms.journeys.catalogue import Catalogue
from transforms.lifecycle.confidence import ConfidenceModel, confidences
from transforms.lifecycle.config import LifecycleConfig
from transforms.lifecycle.periods import Months, drifts, month_similarities, months_of, terms_of_months
from transforms.lifecycle.recurrence import burstiness, effective_months
from transforms.lifecycle.relevance import importance_of
from transforms.lifecycle.rhythm import Integers, LogGaps, active_days, owners_of, silences, typical_gaps
from transforms.lifecycle.term_sums import sum_terms
from transforms.lifecycle.top_list import order_journeys

JOURNEY_COLUMNS = ("user_id", "journey_id", "rank", "size", "item_ids", "timestamps", "coherence")
"""The columns of `journeys` that are used."""


def lifecycle_rows(
    journeys: pa.RecordBatch,
    catalogue: Catalogue,
    gaps: LogGaps,
    model: ConfidenceModel | None,
    config: LifecycleConfig,
) -> pa.RecordBatch:
    """Compute rows of `lifecycles`, sorted by user and rank.

    Args:
        journeys: all journeys of some users, with `JOURNEY_COLUMNS`, in any order.
        catalogue: the items of these journeys and perhaps others, with their terms; other items have none.
        gaps: the sums over the whole log, whose end it has.
        model: the model of the confidence; None: no confidence is estimated.
        config: the configuration.
    """
    journeys = _sorted(journeys)
    offsets = list_offsets(pc.list_value_length(journeys["item_ids"]).to_numpy())
    times = journeys["timestamps"].flatten().cast(pa.int64()).to_numpy()
    users = _run_numbers(journeys["user_id"])
    days = active_days(offsets, times)
    end = config.end if config.end is not None else gaps.end or 0
    silent = silences(offsets, times, end)
    limits = _limits(typical_gaps(days, gaps.mean_gap, config.rhythm.gap_weight), config)
    effective = effective_months(days)
    items, catalogue = _encoded(journeys["item_ids"].flatten(), catalogue)
    terms = sum_terms(owners_of(offsets), items, journeys.num_rows, catalogue.term_vectors)
    top = config.top_list
    relevance = importance_of(offsets, times, users, top.importance_half_life)
    lists = order_journeys(run_offsets(users), relevance, terms, top.penalty, top.min_similarity)
    months = months_of(offsets, times)
    columns = {
        "user_id": journeys["user_id"],
        "journey_id": journeys["journey_id"],
        "rank": pa.array(lists.ranks.astype(np.int32)),
        "score": _float32(lists.scores),
        "stage": _choose(silent <= limits, STAGES),
        "silent_days": _float32(silent),
        "ongoing_days": _float32(limits),
        "recurrence": _choose(effective >= config.evergreen_months, RECURRENCES),
        "active_days": pa.array(np.diff(days.offsets).astype(np.int32)),
        "effective_months": _float32(effective),
        "burstiness": _float32(burstiness(days)),
        "confidence": _confidences(journeys, model),
        "drift": _float32(drifts(offsets, items, catalogue.term_vectors)),
        "periods": _periods(months, offsets, items, catalogue, config.month_terms),
    }
    rows = pa.RecordBatch.from_arrays([columns[name] for name in LIFECYCLES.arrow.names], schema=LIFECYCLES.arrow)
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in LIFECYCLES.sort_by]))


def _sorted(journeys: pa.RecordBatch) -> pa.RecordBatch:
    kept = journeys.select(list(JOURNEY_COLUMNS))
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    return kept.take(pc.sort_indices(kept, sort_keys=order))


def _confidences(journeys: pa.RecordBatch, model: ConfidenceModel | None) -> pa.Array:
    """Return the confidence of journeys, null for those without a coherence, and for all without a model."""
    if model is None:
        return pa.nulls(journeys.num_rows, pa.float32())
    coherence = journeys["coherence"].to_numpy(zero_copy_only=False).astype(np.float64)
    found = confidences(coherence, journeys["size"].to_numpy().astype(np.int64), model)
    return pa.array(found.astype(np.float32), mask=np.isnan(coherence))


def _limits(typical: npt.NDArray[np.float64], config: LifecycleConfig) -> npt.NDArray[np.float64]:
    """Return the days of silence up to which journeys are ongoing."""
    if config.rhythm.ongoing_days is not None:
        return np.full(len(typical), config.rhythm.ongoing_days)
    return config.rhythm.ongoing_gaps * typical


def _run_numbers(sorted_ids: pa.StringArray) -> Integers:
    """Number the runs of equal ids from 0."""
    codes = sorted_ids.dictionary_encode().indices.to_numpy()
    return codes.astype(np.int64)


def _encoded(item_ids: pa.StringArray, catalogue: Catalogue) -> tuple[Integers, Catalogue]:
    """Return the row of each item in the catalogue; items that it lacks share a further row without terms."""
    found = StringIndex(catalogue.item_ids).lookup(item_ids).astype(np.int64)
    count = len(catalogue.item_ids)
    vectors = catalogue.term_vectors
    extended = vectors._replace(offsets=np.append(vectors.offsets, vectors.offsets[-1]))
    ids = pa.concat_arrays([catalogue.item_ids, pa.array([""], pa.string())])
    return np.where(found < 0, count, found), catalogue._replace(item_ids=ids, term_vectors=extended)


def _choose(is_first: npt.NDArray[np.bool_], names: tuple[str, str]) -> pa.StringArray:
    return pc.if_else(pa.array(is_first), *(pa.scalar(name, pa.string()) for name in names))


def _float32(values: npt.NDArray[np.float64]) -> pa.Array:
    """Convert to float32; NaN becomes null."""
    return pa.array(values.astype(np.float32), from_pandas=True)


def _periods(months: Months, offsets: Integers, items: Integers, catalogue: Catalogue, count: int) -> pa.ListArray:
    terms = terms_of_months(months, offsets, items, catalogue, count)
    names = pa.array(months.months.astype("datetime64[M]").astype(str), pa.string())
    columns = [
        names,
        pa.array(np.diff(months.starts).astype(np.int32)),
        list_array(terms.offsets, catalogue.vocabulary.take(pa.array(terms.terms))),
        _float32(month_similarities(months, items, catalogue.term_vectors)),
    ]
    return list_array(months.offsets, pa.StructArray.from_arrays(columns, fields=list(PERIOD)))
