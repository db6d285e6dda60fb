"""The recommended items of each user."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import Column, DatasetSchema, Invariant, finite, not_empty

POLICIES = ("novel", "familiar", "popular")

RECOMMENDATIONS = DatasetSchema(
    name="recommendations",
    doc="One recommended item of one user, and the reason for it (2405.16363, serving).",
    key=("user_id", "rank"),
    sort_by=("user_id", "rank"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("rank", pa.int32(), "1 for the first item."),
        Column("item_id", pa.string(), "An item that the user has not consumed."),
        Column("cluster_id", pa.string(), "The cluster of the item."),
        Column(
            "policy",
            pa.string(),
            "The reason: `novel`, a cluster that the table gives for the context and that the user has never consumed; "
            "`familiar`, a cluster of the user's history; `popular`, to fill a list that would be too short.",
        ),
        Column(
            "score",
            pa.float32(),
            "The score of the ranker for the item; comparable within one user. Novel items are ranked by it and by "
            "the probability of their cluster, familiar ones by it alone. Of `popular`, minus the place by popularity.",
        ),
        Column(
            "context",
            pa.string(),
            "The ids of the clusters that the table was looked up for, with a space between them; empty for a user "
            "without clusters.",
        ),
        Column(
            "table_rank", pa.int32(), "With the policy `novel`: the rank of the cluster in the table.", nullable=True
        ),
        Column(
            "journey_id",
            pa.string(),
            "With the policy `familiar` and `--journeys`: the journey that the item continues.",
            nullable=True,
        ),
        Column(
            "history_hash",
            pa.int64(),
            "A hash of the interactions and journeys that the list was computed from, by which `--previous` finds out "
            "whether they changed; the same in all rows of a user.",
        ),
    ),
    invariants=(
        not_empty("user_id"),
        not_empty("item_id"),
        finite("score"),
        Invariant("rank_below_one", "`rank` starts at 1", lambda rows: pc.greater_equal(rows["rank"], 1)),
        Invariant(
            "policy_not_listed",
            f"`policy` is one of {', '.join(POLICIES)}",
            lambda rows: pc.or_(pc.is_null(rows["policy"]), pc.is_in(rows["policy"], pa.array(POLICIES))),
        ),
    ),
)
