"""The life of each journey."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, between, finite, not_empty

PERIOD = pa.struct(
    [
        pa.field("month", pa.string(), nullable=False),
        pa.field("interactions", pa.int32(), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("similarity", pa.float32()),
    ]
)
"""The type of one month of a journey."""

STAGES = ("ongoing", "ended")
RECURRENCES = ("evergreen", "situational")


def _holds(condition: BooleanArray) -> BooleanArray:
    """Take an unknown condition for true: `null_` invariants report the null."""
    return pc.fill_null(condition, fill_value=True)


def _implies(condition: BooleanArray, consequence: BooleanArray) -> BooleanArray:
    return pc.or_(pc.invert(pc.fill_null(condition, fill_value=False)), _holds(consequence))


def _one_of(name: str, values: tuple[str, ...]) -> Invariant:
    quoted = " or ".join(f"`{value}`" for value in values)
    return Invariant(
        f"{name}_unknown",
        f"`{name}` is {quoted}",
        lambda rows: pc.or_(pc.is_null(rows[name]), pc.is_in(rows[name], pa.array(values))),
    )


LIFECYCLES = DatasetSchema(
    name="lifecycles",
    doc="The life of one journey when the log ends: its stage, its recurrence, its months, and its place in a diverse "
    "list of the user's journeys.",
    key=("user_id", "journey_id"),
    sort_by=("user_id", "rank"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("journey_id", pa.string(), "The journey; a key of `journeys`."),
        Column(
            "rank",
            pa.int32(),
            "1 for the first journey of the user's list, ordered by `score`; ties: the lower rank in `journeys`.",
        ),
        Column(
            "score",
            pa.float32(),
            "The importance of the journey, the number of its interactions with a half-life, multiplied by `--penalty` "
            "for each similar journey above it. It never rises with the rank.",
        ),
        Column(
            "stage",
            pa.string(),
            "`ongoing`, or `ended` if the journey was silent for longer than `ongoing_days` when the log ended.",
        ),
        Column("silent_days", pa.float32(), "The days from its last interaction to the end of the log."),
        Column("ongoing_days", pa.float32(), "The days of silence up to which it is ongoing."),
        Column(
            "recurrence",
            pa.string(),
            "`evergreen` if it has at least `--evergreen_months` effective months, otherwise `situational`.",
        ),
        Column("active_days", pa.int32(), "The number of days (UTC) with an interaction of it."),
        Column(
            "effective_months",
            pa.float32(),
            "The effective number of months over which its active days are spread: 1 for a single month, m for m "
            "months with equally many.",
        ),
        Column(
            "burstiness",
            pa.float32(),
            "The burstiness of the gaps between its active days, corrected for their number: -1 for a regular rhythm, "
            "0 for random days, 1 for a single burst. Null: fewer than three active days.",
            nullable=True,
        ),
        Column(
            "confidence",
            pa.float32(),
            "The estimated probability that a random item of it belongs to its topic. Null: it has a single item, or "
            "was formed by other vectors than those of the packaged encoder, for which the estimate was not fitted.",
            nullable=True,
        ),
        Column(
            "drift",
            pa.float32(),
            "How far its terms moved: the cosine of its odd and its even items less that of its earlier and its later "
            "items. About 0: its terms do not depend on time. Null: fewer than four interactions, or no terms.",
            nullable=True,
        ),
        Column(
            "periods",
            pa.list_(PERIOD),
            "Its calendar months (UTC) with an interaction, in time order: the month, such as `2026-01`; the number of "
            "interactions; the terms that explain the month, as `journeys` explains journeys, in contrast to its other "
            "months; and the cosine of the month's terms with those of the month before in this list, null for the "
            "first one.",
        ),
    ),
    invariants=(
        not_empty("user_id"),
        not_empty("journey_id"),
        _one_of("stage", STAGES),
        _one_of("recurrence", RECURRENCES),
        between("confidence", 0, 1),
        between("burstiness", -1, 1),
        between("drift", -1, 1),
        finite("score"),
        Invariant("rank_below_one", "`rank` starts at 1", lambda rows: _holds(pc.greater_equal(rows["rank"], 1))),
        Invariant(
            "silent_days_negative",
            "`silent_days` is at least 0",
            lambda rows: _holds(pc.greater_equal(rows["silent_days"], 0)),
        ),
        Invariant(
            "stage_against_silence",
            "`silent_days` is at most `ongoing_days` if `stage` is `ongoing`, and at least that if it is `ended`",
            lambda rows: pc.and_(
                _implies(pc.equal(rows["stage"], "ongoing"), pc.less_equal(rows["silent_days"], rows["ongoing_days"])),
                _implies(pc.equal(rows["stage"], "ended"), pc.greater_equal(rows["silent_days"], rows["ongoing_days"])),
            ),
        ),
        Invariant(
            "no_periods",
            "`periods` has at least one month",
            lambda rows: _holds(pc.greater(pc.list_value_length(rows["periods"]), 0)),
        ),
    ),
)
