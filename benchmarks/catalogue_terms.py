"""The salient terms of a catalogue in one process, for the rivals: the project's functions, one after another."""

from __future__ import annotations

import pyarrow as pa

from schemas import ITEMS
from transforms.salience.candidates import catalogue_terms
from transforms.salience.salient_terms import SalienceConfig
from transforms.salience.scoring import statistical_salience
from transforms.salience.vocabulary import catalogue_size, frequent_terms, vocabulary

_CONFIG = SalienceConfig()


def salient_terms(items: pa.Table) -> pa.RecordBatch:
    """Rows of `salient_terms` for items that come once each.

    Args:
        items: columns of `items`; those that may be missing may be missing.
    """
    candidates, statistics, spellings = catalogue_terms(_all_columns(items), _CONFIG.stop_words)
    counted = frequent_terms([statistics], [spellings], _CONFIG.vocabulary)
    return statistical_salience(
        candidates, vocabulary([counted], catalogue_size(candidates), _CONFIG.vocabulary), _CONFIG.max_terms
    )


def _all_columns(items: pa.Table) -> pa.RecordBatch:
    columns = [
        items[column.name].combine_chunks().cast(column.type)
        if column.name in items.column_names
        else pa.nulls(items.num_rows, column.type)
        for column in ITEMS.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=ITEMS.arrow.names)
