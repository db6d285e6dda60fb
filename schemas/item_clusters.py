"""The interest clusters of each item."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, not_empty

ITEM_CLUSTERS = DatasetSchema(
    name="item_clusters",
    doc="The clusters of one item, one for each level of the tree.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item."),
        Column("cluster_ids", pa.list_(pa.string()), "Its clusters, from level 1 to the leaf."),
    ),
    invariants=(not_empty("item_id"),),
)
