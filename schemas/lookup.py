"""The exploration table: what to explore next after a context of clusters."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import Column, DatasetSchema, Invariant, finite, not_empty

LOOKUP = DatasetSchema(
    name="lookup",
    doc="One of the novel clusters that are recommended after a context of clusters (2405.16363).",
    key=("context", "rank"),
    sort_by=("context", "rank"),
    partition_by="context",
    columns=(
        Column(
            "context",
            pa.string(),
            "The ids of the K most recent distinct clusters of a user, with a space between them; the most recent is "
            "the last. Shorter contexts are there too; the empty one is for users without history.",
        ),
        Column("rank", pa.int32(), "1 for the best next cluster."),
        Column("next", pa.string(), "A cluster that is not in the context."),
        Column("score", pa.float32(), "Logarithm of its probability among the clusters outside of the context."),
        Column("source", pa.string(), "The source of the score, such as `blend`."),
    ),
    invariants=(
        not_empty("next"),
        not_empty("source"),
        finite("score"),
        Invariant("rank_below_one", "`rank` starts at 1", lambda rows: pc.greater_equal(rows["rank"], 1)),
    ),
)
