"""Conditions on interactions. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses

from schemas import INTERACTIONS, DatasetSchema
from transforms.settings import setting, validate

FILTER_REASONS = ("event_not_kept", "below_min_value", "below_min_dwell_seconds", "below_min_interest")
"""Reasons for which the conditions drop an interaction."""


@dataclasses.dataclass(frozen=True)
class InteractionFilter:
    """Conditions that an interaction must satisfy to be kept.

    2305.15498 keeps interactions with enough dwell time and a high predicted satisfaction.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    keep_events: tuple[str, ...] = setting(
        (), help="Values of `event` that are kept, such as `purchase,click`. Default: all."
    )
    min_value: float | None = setting(None, help="Minimum `value` of an interaction. Default: no minimum.")
    min_dwell_seconds: float | None = setting(
        None, help="Minimum `dwell_seconds` of an interaction. Default: no minimum.", minimum=0
    )
    min_interest: float | None = setting(
        None,
        help="Minimum `interest` of an interaction, for a log that `pipelines.interest` wrote. Default: no minimum.",
        minimum=0,
        maximum=1,
    )

    def __post_init__(self) -> None:
        validate(self)

    def used_columns(self) -> tuple[str, ...]:
        """Return the columns of `interactions` that the conditions use."""
        used = {
            "event": bool(self.keep_events),
            "value": self.min_value is not None,
            "dwell_seconds": self.min_dwell_seconds is not None,
            "interest": self.min_interest is not None,
        }
        return tuple(name for name, is_used in used.items() if is_used)

    def required_schema(self) -> DatasetSchema:
        """Return the schema `interactions` in which the columns of the conditions are required."""
        used = self.used_columns()
        columns = tuple(
            dataclasses.replace(column, optional=column.optional and column.name not in used)
            for column in INTERACTIONS.columns
        )
        return dataclasses.replace(INTERACTIONS, columns=columns)
