"""The persistent interests of each user."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, Invariant, not_empty, same_length

JOURNEYS = DatasetSchema(
    name="journeys",
    doc="One persistent interest of one user.",
    key=("user_id", "journey_id"),
    sort_by=("user_id", "rank"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column(
            "journey_id",
            pa.string(),
            "16 hexadecimal digits derived from the user and the interaction that opened the journey: equal in every "
            "run in which that interaction opens a journey.",
        ),
        Column(
            "rank",
            pa.int32(),
            "1 for the user's largest journey, or with `--half_life_days` the most important one; ties: the more "
            "recent, then the earlier opening.",
        ),
        Column("size", pa.int32(), "Number of distinct items."),
        Column("item_ids", pa.list_(pa.string()), "Its items, sorted by time; one entry per interaction."),
        Column("timestamps", pa.list_(TIMESTAMP), "The time of each item."),
        Column(
            "terms",
            pa.list_(pa.string()),
            "The terms that explain it, by descending weight, as `salient_terms` writes them; limited by "
            "`--journey_terms`. At least two of its items share each of them, and no word occurs twice. Where its "
            "items share no term, at most two terms of single items.",
        ),
        Column(
            "weights",
            pa.list_(pa.float32()),
            "The weight of each term, descending: its mean salience over the distinct items (their sum with "
            "`--centroid=sum`), times the fraction p of the items that have it, times the square of `p / (p + q)`, "
            "where q is the fraction of the user's other items that have it.",
        ),
        Column("first_timestamp", TIMESTAMP, "The time of its first interaction."),
        Column("last_timestamp", TIMESTAMP, "The time of its last interaction."),
        Column(
            "coherence",
            pa.float32(),
            "How near its items are to each other, from 0 to 1: the mean cosine of an item with the sum of the other "
            "items and of ten unrelated ones, by vectors or by terms, as the journey was formed. Null: a single item.",
            nullable=True,
        ),
    ),
    invariants=(
        not_empty("user_id"),
        same_length("item_ids", "timestamps"),
        same_length("terms", "weights"),
        Invariant("rank_below_one", "`rank` starts at 1", lambda rows: pc.greater_equal(rows["rank"], 1)),
        Invariant(
            "ends_before_it_begins",
            "`last_timestamp` is not before `first_timestamp`",
            lambda rows: pc.greater_equal(rows["last_timestamp"], rows["first_timestamp"]),
        ),
        Invariant(
            "size_beyond_items",
            "`size` is at least 1 and at most the number of `item_ids`",
            lambda rows: pc.and_(
                pc.greater_equal(rows["size"], 1), pc.less_equal(rows["size"], pc.list_value_length(rows["item_ids"]))
            ),
        ),
    ),
)
