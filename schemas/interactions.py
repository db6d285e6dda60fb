"""The input log of interactions."""

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, Invariant, between, finite, identifies

EARLIEST = datetime.datetime(1800, 1, 1, tzinfo=datetime.UTC)
LATEST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)

_PLAUSIBLE_TIME = Invariant(
    "timestamp_out_of_range",
    f"`timestamp` lies in [{EARLIEST.year}, {LATEST.year}): systems write years 1 and 9999 for 'unknown'",
    lambda rows: pc.fill_null(
        pc.and_(
            pc.greater_equal(rows["timestamp"], pa.scalar(EARLIEST, TIMESTAMP)),
            pc.less(rows["timestamp"], pa.scalar(LATEST, TIMESTAMP)),
        ),
        fill_value=True,
    ),
)

INTERACTIONS = DatasetSchema(
    name="interactions",
    doc="One user consumed one item at one time.",
    key=("user_id", "item_id", "timestamp"),
    sort_by=("user_id", "timestamp", "item_id"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user. Text, integers or UUIDs.", is_id=True),
        Column("item_id", pa.string(), "The item; a key of `items`. Text, integers or UUIDs.", is_id=True),
        Column(
            "timestamp",
            TIMESTAMP,
            "The time: a timestamp of any unit (UTC if it has no zone), a date, ISO 8601 text, or a number.",
        ),
        Column("event", pa.string(), "The type of interaction, for `--keep_events`.", True, True),
        Column("value", pa.float64(), "Rating, quantity or satisfaction, for `--min_value`.", True, True),
        Column(
            "dwell_seconds",
            pa.float64(),
            "Time spent, in seconds, for `--min_dwell_seconds`.",
            True,
            True,
            is_seconds=True,
        ),
        Column(
            "interest",
            pa.float32(),
            "The probability that interest alone ranks the item above an average one, for `--min_interest`; a column "
            "of `scored_interactions`.",
            True,
            True,
        ),
    ),
    invariants=(
        *identifies("user_id"),
        *identifies("item_id"),
        _PLAUSIBLE_TIME,
        finite("value"),
        finite("dwell_seconds"),
        between("interest", 0.0, 1.0),
    ),
)
