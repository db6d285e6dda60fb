"""Transitions between interest clusters, counted in histories."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import Column, DatasetSchema, Invariant, not_empty
from schemas.splits import SPLIT_EXISTS

TRANSITIONS = DatasetSchema(
    name="transitions",
    doc="A context of clusters and the novel cluster that users consumed next (2405.16363; 2510.20260, section 2).",
    key=("context", "next", "split"),
    sort_by=("context", "next", "split"),
    partition_by="context",
    columns=(
        Column(
            "context",
            pa.string(),
            "The ids of distinct clusters in the order of their first consumption, with a space between them; the most "
            "recent is the last. Contexts of all lengths up to `--context_size` are counted; the empty one stands for "
            "all histories.",
        ),
        Column("next", pa.string(), "The next cluster, which the user had not consumed before."),
        Column("split", pa.string(), "`train`, `validation` or `test`, by the time of the interaction with `next`."),
        Column("users", pa.int64(), "Number of distinct users with this transition; a user has each at most once."),
    ),
    invariants=(
        not_empty("next"),
        SPLIT_EXISTS,
        Invariant("users_below_one", "`users` is at least 1", lambda rows: pc.greater_equal(rows["users"], 1)),
    ),
)
