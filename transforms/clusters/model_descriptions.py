"""Descriptions of clusters by a language model: a cluster is named as a journey is, from titles of its items."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import CLUSTERS
from transforms.columnar import list_array, run_offsets

_OWNER = "catalogue"
"""The user of the journeys that stand for clusters: no two names of a user are equal."""

_JOURNEYS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("journey_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("weights", pa.list_(pa.float32()), nullable=False),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)


def clusters_as_journeys(clusters: pa.RecordBatch, nearest: pa.RecordBatch) -> pa.RecordBatch:
    """Convert clusters to the columns of `journeys` from which journeys are named.

    Args:
        clusters: rows of `clusters`; the rank is their order.
        nearest: rows of `NEAREST`, by cluster.

    Returns:
        One row for each cluster: its id as that of the journey, its keywords as terms of equal weight, and its items.
    """
    encoded = nearest["cluster_id"].dictionary_encode()
    offsets = run_offsets(encoded.indices.to_numpy())
    lists = list_array(offsets, nearest["item_id"])
    found = lists.take(pc.index_in(clusters["cluster_id"], encoded.dictionary))
    items = pc.if_else(pc.is_null(found), pa.scalar([], lists.type), found)
    keywords = clusters["keywords"]
    weights = list_array(keywords.offsets.to_numpy() - keywords.offsets[0].as_py(), _ones(len(keywords.flatten())))
    count = clusters.num_rows
    ranks = pa.array(np.arange(1, count + 1, dtype=np.int32))
    owners = pa.array([_OWNER] * count, pa.string())
    columns = [owners, clusters["cluster_id"], ranks, keywords, weights, items]
    return pa.RecordBatch.from_arrays(
        [each.cast(field.type) for each, field in zip(columns, _JOURNEYS, strict=True)], schema=_JOURNEYS
    )


def _ones(count: int) -> pa.Array:
    return pa.array(np.ones(count, np.float32))


def with_names(clusters: pa.RecordBatch, names: pa.RecordBatch) -> pa.RecordBatch:
    """Replace the descriptions of clusters by names of a language model.

    A cluster keeps its keywords as its description if the model has no valid name for it, or if its name is the
    description or the name of another cluster, ignoring case and the order of words.

    Args:
        clusters: rows of `clusters`, whose descriptions differ from one another.
        names: rows of `journey_names` of `clusters_as_journeys`, in any order.
    """
    by_model = names.filter(pc.not_equal(names["method"], "salient"))
    proposed = by_model["name"].take(pc.index_in(clusters["cluster_id"], by_model["journey_id"])).to_pylist()
    described = clusters["description"].to_pylist()
    taken = {_words(text) for text in described}
    for row, name in enumerate(proposed):
        if name is not None and _words(name) not in taken - {_words(described[row])}:
            described[row] = name
            taken.add(_words(name))
    place = clusters.schema.get_field_index("description")
    return clusters.set_column(place, CLUSTERS.arrow.field("description"), pa.array(described, pa.string()))


def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted(text.casefold().replace(",", " ").split()))
