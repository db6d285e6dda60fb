"""The input log: who consumed what, when."""

import datetime

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, Invariant, between, finite, not_empty

EARLIEST = datetime.datetime(1800, 1, 1, tzinfo=datetime.UTC)
LATEST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)

_PLAUSIBLE_TIME = Invariant(
    "timestamp_out_of_range",
    f"`timestamp` lies in [{EARLIEST.year}, {LATEST.year}): years 1 and 9999 are how systems write 'unknown'",
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
        Column("user_id", pa.string(), "Who. Text or whole numbers."),
        Column("item_id", pa.string(), "What; a key of `items`. Text or whole numbers."),
        Column(
            "timestamp",
            TIMESTAMP,
            "When. A timestamp of any unit (without zone: taken as UTC), a date, or a number since 1970.",
        ),
        Column("event", pa.string(), "What kind of interaction, for `--keep_events`.", True, True),
        Column("value", pa.float64(), "Rating, quantity or satisfaction, for `--min_value`.", True, True),
        Column("dwell_seconds", pa.float64(), "Time spent, in seconds, for `--min_dwell_seconds`.", True, True),
        Column(
            "interest",
            pa.float32(),
            "The chance that interest alone puts the item before an average one, for `--min_interest`; "
            "`scored_interactions` has it.",
            True,
            True,
        ),
    ),
    invariants=(
        not_empty("user_id"),
        not_empty("item_id"),
        _PLAUSIBLE_TIME,
        finite("value"),
        finite("dwell_seconds"),
        between("interest", 0.0, 1.0),
    ),
)
