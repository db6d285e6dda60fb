"""The topical tree of the catalogue: one row per node."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, not_empty


def _is_below_parent(rows: Rows) -> BooleanArray:
    without_last = pc.replace_substring_regex(rows["cluster_id"], r"\.?[0-9]+$", "")
    return pc.equal(without_last, pc.fill_null(rows["parent_id"], ""))


CLUSTERS = DatasetSchema(
    name="clusters",
    doc="One interest cluster: a node of the topical tree of the catalogue.",
    key=("cluster_id",),
    sort_by=("level", "cluster_id"),
    partition_by="cluster_id",
    columns=(
        Column(
            "cluster_id",
            pa.string(),
            "The numbers of the children on the path from the root, with two digits or more, such as `03.11`: an id "
            "begins with that of its parent.",
        ),
        Column("level", pa.int32(), "1 for the children of the root."),
        Column("parent_id", pa.string(), "The cluster above it; null at level 1.", nullable=True),
        Column(
            "description",
            pa.string(),
            "A text that no other cluster has: its keywords, or what a language model wrote.",
        ),
        Column("keywords", pa.list_(pa.string()), "The keywords of the description, the most distinctive first."),
        Column("items", pa.int64(), "Number of items of the catalogue."),
        Column("traffic", pa.int64(), "Number of interactions with its items; without a log, the number of items."),
        Column(
            "centroid",
            pa.list_(pa.int16()),
            "The mean of the directions of its items' vectors, in units of 2**-14.",
        ),
        Column(
            "penalty",
            pa.int64(),
            "The squared length of the centroid, plus an offset that limits traffic, in units of 2**-24: an item goes "
            "to the child of its parent for which this, less twice the product with the centroid, is smallest.",
        ),
    ),
    invariants=(
        not_empty("cluster_id"),
        not_empty("description"),
        Invariant("level_below_one", "`level` starts at 1", lambda rows: pc.greater_equal(rows["level"], 1)),
        Invariant("not_below_parent", "`cluster_id` is `parent_id` and one number more", _is_below_parent),
    ),
)
