"""All sources of scores, fitted to counts, and a stored table that is blended with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import LOOKUP
from transforms.datasets.error_rate import DataError
from transforms.exploration.blending import (
    FittedSlice,
    Vectors,
    blend_sources,
    fit_blend,
    fit_weights,
    keep_if_better,
    sources_by_name,
    tune_blend,
)
from transforms.exploration.count_models import Blend, Source
from transforms.exploration.network import choose_epochs, fit_network
from transforms.exploration.table_source import TableSource
from transforms.exploration.training_counts import TrainingCounts
from transforms.exploration.validation import Validation, ValidationSlice, whole_validation

BLEND = "blend"
"""The name of the blend of counts."""

_NAMES = {"popularity": "popularity", "markov": "Markov", "item_to_item": "item-to-item"}


class FittedSources(NamedTuple):
    """All sources that are fitted here, and how they are blended.

    Attributes:
        by_name: the sources to compare, the blend among them.
        weights: the weights of the blend, by the name of its source.
        validated_blend: the blend, fitted to what is before the validation period.
    """

    by_name: dict[str, Source]
    weights: dict[str, float]
    validated_blend: Source


class StoredTable(NamedTuple):
    """A table that another run computed, to be blended.

    Attributes:
        name: the name of its source.
        source: its scores.
    """

    name: str
    source: TableSource


def fit_sources(
    slices: Sequence[ValidationSlice],
    before_test: TrainingCounts,
    centroids: Vectors,
    seed: int = 0,
) -> FittedSources:
    """Fit all sources of counts to what is before the test period, with parameters of the validation period.

    Args:
        slices: the slices of the validation period, at least one.
        before_test: counts before the test period.
        centroids: shape (C, dimensions): centres of the clusters.
        seed: random seed of the network.
    """
    parameters = tune_blend(slices, centroids)
    before_validation = slices[0].training
    epochs = choose_epochs(before_validation, whole_validation(slices), centroids, seed)
    blended = sources_by_name(blend_sources(before_test, parameters, centroids), has_content=True)
    sources = {label: blended[own] for label, own in _NAMES.items()}
    sources |= {
        "network": fit_network(before_test, centroids, epochs, seed),
        BLEND: fit_blend(before_test, parameters, centroids),
    }
    weights = parameters.weights or (1.0,) * len(blended)
    validated = fit_blend(before_validation, parameters, centroids)
    return FittedSources(sources, dict(zip(blended, weights, strict=True)), validated)


def read_stored_table(batches: Iterable[pa.RecordBatch], cluster_ids: pa.StringArray) -> StoredTable:
    """Read a table that another run computed.

    Args:
        batches: rows of `lookup`, at least one; the name is the source of most rows.
        cluster_ids: the id of each code.

    Raises:
        DataError: without rows.
    """
    rows = pa.Table.from_batches(list(batches), LOOKUP.arrow)
    if not rows.num_rows:
        raise DataError("the table to blend has no rows; nothing was committed")
    sources = pc.value_counts(rows["source"].combine_chunks()).to_pylist()
    main = max(sources, key=lambda each: (each["counts"], each["values"]))
    return StoredTable(main["values"], TableSource.from_rows(rows, cluster_ids))


def add_table(fitted: FittedSources, stored: StoredTable, validation: Validation) -> FittedSources:
    """Add a stored table, and the blend of the counts with it, weighted by the likelihood of the validation period.

    Args:
        fitted: the sources of counts.
        stored: the table; it must not be trained on the validation period.
        validation: the validation period.

    Raises:
        DataError: without transitions in the validation period.
    """
    if not len(validation.transitions.users):
        raise DataError("there are no transitions in the validation period to choose the weight of a table by")
    pair = (fitted.validated_blend, stored.source)
    fitted_pair = [FittedSlice(pair, validation)]
    weights = keep_if_better(fitted_pair, fit_weights(fitted_pair))
    name = f"{BLEND}_with_{stored.name}"
    added: dict[str, Source] = {
        stored.name: stored.source,
        name: Blend((fitted.by_name[BLEND], stored.source), weights),
    }
    return fitted._replace(by_name=fitted.by_name | added, weights=fitted.weights | {stored.name: weights[1]})
