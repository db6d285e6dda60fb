"""A guess at what the columns of an unknown file mean, by their names and by their values.

A name that is usual for a column counts only if the values can be those of the column. Where no name is usual, values
decide: times parse as times of a log, titles are prose, an item has one title, ids repeat. Where several columns are
possible, nothing is guessed.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import INTERACTIONS, ITEMS, Column
from transforms.datasets.casting import cast, fits, is_text, plain_values
from transforms.datasets.coercion import is_utf8, is_valid_text
from transforms.datasets.column_hints import FIRST_RANK_OF_WORDS, name_rank
from transforms.datasets.column_options import TimestampUnit
from transforms.datasets.implausible_times import implausible_times
from transforms.ingestion.dates import find_date_order, to_iso
from transforms.ingestion.layout import DateOrder

LOG_COLUMNS = ("timestamp", "user_id", "item_id", "event", "value", "title", "tags", "creator")
CATALOGUE_COLUMNS = ("item_id", "title", "description", "tags", "creator")
"""The columns that are guessed."""

_REQUIRED_OF_LOG = ("user_id", "item_id", "timestamp")
_REQUIRED_OF_CATALOGUE = ("item_id", "title")
_MEASURES = ("value", "dwell_seconds")
_NEARLY_ALL = 0.9
_MIN_PRESENT = 0.5
"""The fraction of rows that have a value in a column of ids with a usual name; logs have rows without a user."""
_MAX_EVENTS = 100
_MIN_ROWS_OF_UNIQUENESS = 20
_SEPARATORS = ("|", ";", ",")
_MIN_SEPARATED = 0.2
_EXAMPLES = 3
_ROW_NUMBER = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""Names of columns in which pandas writes the numbers of rows."""


class GuessError(ValueError):
    """The meaning of the columns is ambiguous or cannot be guessed; the message lists the columns."""


class Proposal(NamedTuple):
    """A column of a file, proposed for a column of a dataset.

    Attributes:
        name: the column of the file.
        why: what speaks for it.
        examples: some of its values, as text.
    """

    name: str
    why: str
    examples: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Guess:
    """The proposed meaning of the columns of a file.

    Attributes:
        proposals: column of a dataset -> proposal, in the order of the datasets.
        date_order: the order of month and day in the column of times.
        tag_separator: what separates the tags in the column of tags.
    """

    proposals: Mapping[str, Proposal]
    date_order: DateOrder = ""
    tag_separator: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """Dataset column -> file column."""
        return {column: proposal.name for column, proposal in self.proposals.items()}


class _Profile(NamedTuple):
    """The properties of a column that a guess depends on.

    Attributes:
        name: name of the column.
        values: a sample.
        distinct: number of distinct values.
        present: fraction of values that are not null.
        numeric: fraction of the present values that are numbers.
        words: average number of words of the present values; 0 for numbers.
        date_order: the order of month and day, if the values are dates that end with the year; None: unknown.
        no_time: why the values are no times; empty: they are.
    """

    name: str
    values: pa.Array
    distinct: int
    present: float
    numeric: float
    words: float
    date_order: DateOrder | None
    no_time: str

    @property
    def repeats(self) -> bool:
        """Whether values occur several times, as those of ids in a log do."""
        number = len(self.values) - self.values.null_count
        return self.distinct >= 2 and (number < _MIN_ROWS_OF_UNIQUENESS or self.distinct < number)


def guess_log(
    sample: pa.RecordBatch, given: Mapping[str, str], unit: TimestampUnit = "auto", date_order: DateOrder = ""
) -> Guess:
    """Guess the columns of a log.

    Args:
        sample: some thousand rows.
        given: dataset column -> file column, for those that are known; empty: the file has no such column.
        unit: the unit of numbers that are times.
        date_order: the order of month and day; empty: it is derived from the values.

    Raises:
        GuessError: when a required column is missing or could be several.
    """
    guesser = _Guesser(sample, given, _REQUIRED_OF_LOG, unit, date_order)
    guesser.check_time()
    guesser.take_timestamp()
    for column in LOG_COLUMNS[1:]:
        guesser.take_by_name(column)
    if not guesser.is_known("title"):
        guesser.release_title()
        guesser.take_prose()
    guesser.take_item()
    guesser.take_user()
    return guesser.result(LOG_COLUMNS)


def guess_catalogue(sample: pa.RecordBatch, given: Mapping[str, str]) -> Guess:
    """Guess the columns of a catalogue.

    Args:
        sample: some thousand rows.
        given: dataset column -> file column, for those that are known; empty: the file has no such column.

    Raises:
        GuessError: when a required column is missing or could be several.
    """
    guesser = _Guesser(sample, given, _REQUIRED_OF_CATALOGUE)
    for column in CATALOGUE_COLUMNS:
        guesser.take_by_name(column)
    if not guesser.is_known("title"):
        guesser.take_prose()
    guesser.take_key()
    return guesser.result(CATALOGUE_COLUMNS)


class _Guesser:
    """The state of a guess: which columns of the file are taken."""

    def __init__(
        self,
        sample: pa.RecordBatch,
        given: Mapping[str, str],
        required: tuple[str, ...],
        unit: TimestampUnit = "auto",
        date_order: DateOrder = "",
    ) -> None:
        self.option = "--columns" if required == _REQUIRED_OF_LOG else "--item_columns"
        self.required = required
        self.names = tuple(sample.schema.names)
        if unknown := [name for name in given.values() if name and name not in self.names]:
            raise GuessError(f"no column {', '.join(map(repr, unknown))}; the file has {', '.join(self.names)}")
        self.profiles = {name: _profile(name, sample[name], unit, date_order) for name in self.names}
        self.given = given
        self.taken = {column: name for column, name in given.items() if name}
        self.why = dict.fromkeys(self.taken, "given")

    def is_known(self, column: str) -> bool:
        """Whether a column is taken, or was given as missing."""
        return column in self.given or column in self.taken

    def profile_of(self, column: str) -> _Profile | None:
        """Return the profile of the column that is taken for one of a dataset; None: there is none."""
        return self.profiles[self.taken[column]] if column in self.taken else None

    def free(self) -> list[_Profile]:
        """Return the profiles of the columns that are not taken, without numbers of rows."""
        taken = self.taken.values()
        return [each for name, each in self.profiles.items() if name not in taken and not _ROW_NUMBER.fullmatch(name)]

    def take(self, column: str, profile: _Profile, why: str) -> None:
        """Propose a column of the file."""
        self.taken[column] = profile.name
        self.why[column] = why

    def fail(self, column: str, names: Sequence[str], reason: str = "") -> None:
        """Report that a required column is missing, or could be several.

        Raises:
            GuessError: always.
        """
        others = ",".join(f"{each}={name}" for each, name in self.taken.items() if each != column)
        option = f"{self.option}={column}=NAME{',' if others else ''}{others}"
        problem = f"{' or '.join(map(repr, names))} could be {column}" if names else f"no column looks like {column}"
        raise GuessError(f"{problem}{reason}; give it: {shlex.quote(option)}; the file has {', '.join(self.names)}")

    def check_time(self) -> None:
        """Check that the values of a column that was given as that of times are times.

        Raises:
            GuessError: when they are not.
        """
        profile = self.profile_of("timestamp") if "timestamp" in self.given else None
        if profile is not None and profile.no_time:
            raise GuessError(profile.no_time)

    def take_by_name(self, column: str) -> None:
        """Take the column with the most usual name whose values fit."""
        if self.is_known(column):
            return
        ranked = [(name_rank(column, each.name), each) for each in self.free() if self.is_suitable(column, each)]
        ranks = [rank for rank, _ in ranked if rank is not None]
        if not ranks:
            return
        best = [each for rank, each in ranked if rank == min(ranks)]
        if len(best) > 1 and min(ranks) >= FIRST_RANK_OF_WORDS:
            return  # values decide
        if len(best) > 1:
            self.fail(column, [each.name for each in best])
        self.take(column, best[0], "name, and values that fit")

    def is_suitable(self, column: str, profile: _Profile) -> bool:
        """Whether a column of the file can be one of the dataset.

        Raises:
            GuessError: when a required column has the name, and values that cannot be read.
        """
        if _suits(column, profile):
            return True
        if column in self.required and name_rank(column, profile.name) == 0:
            raise GuessError(
                f"{_why_unsuitable(column, profile)}; give the right column: {self.option}={column}=NAME; the file has "
                f"{', '.join(self.names)}"
            )
        return False

    def take_timestamp(self) -> None:
        """Take the column of times: by name, or the only one whose values are times."""
        if self.is_known("timestamp"):
            return
        self.take_by_name("timestamp")
        if self.is_known("timestamp"):
            return
        times = [each for each in self.free() if not each.no_time]
        if len(times) != 1:
            named = [each for each in self.free() if name_rank("timestamp", each.name) is not None]
            self.fail(
                "timestamp", [each.name for each in times], f": {named[0].no_time}" if named and not times else ""
            )
        self.take("timestamp", times[0], "the only column of times")

    def release_title(self) -> None:
        """Release the column of items, such as `book`, if it has several words and other ids have one of it each."""
        if "item_id" in self.given or "item_id" not in self.taken:
            return
        profile = self.profiles[self.taken["item_id"]]
        if profile.words >= 2 and any(_is_id(each) and _determines(each, profile) for each in self.free()):
            del self.taken["item_id"], self.why["item_id"]

    def take_prose(self) -> None:
        """Take the only column of several words as the title; one with a single value, such as a country, is none."""
        prose = [each for each in self.free() if each.words >= 2 and each.distinct > 1 and _suits("title", each)]
        if len(prose) == 1:
            self.take("title", prose[0], "the only column of several words")

    def take_item(self) -> None:
        """Take the column of which each value has one title, or the only column of ids."""
        if self.is_known("item_id"):
            return
        ids = [each for each in self.free() if _is_id(each)]
        title = self.profile_of("title")
        if title is not None:
            ids = [each for each in ids if _determines(each, title)]
        elif not self.is_known("user_id") and len(ids) > 1:
            self.fail("item_id", [each.name for each in ids])
        if len(ids) != 1:
            self.fail("item_id", [each.name for each in ids])
        self.take("item_id", ids[0], "ids that repeat" + (", each with one title" if title is not None else ""))

    def take_user(self) -> None:
        """Take the only remaining column of ids."""
        if self.is_known("user_id"):
            return
        ids = [each for each in self.free() if _is_id(each)]
        if len(ids) != 1:
            self.fail("user_id", [each.name for each in ids])
        self.take("user_id", ids[0], "the only other ids that repeat")

    def take_key(self) -> None:
        """Take the only column of a catalogue whose values are all distinct."""
        if self.is_known("item_id"):
            return
        keys = [
            each
            for each in self.free()
            if each.present == 1 and each.distinct == len(each.values) and each.words < 2 and each.no_time
        ]
        if len(keys) != 1:
            self.fail("item_id", [each.name for each in keys])
        self.take("item_id", keys[0], "the only column of distinct values")

    def result(self, columns: Sequence[str]) -> Guess:
        """Return the guess.

        Raises:
            GuessError: when a required column was not found.
        """
        for column in self.required:
            if column not in self.taken:
                self.fail(column, [])
        order = [*columns, *(column for column in self.taken if column not in columns)]
        proposals = {
            column: Proposal(
                self.taken[column], self.why[column], examples_of(self.profiles[self.taken[column]].values)
            )
            for column in order
            if column in self.taken
        }
        time = self.profile_of("timestamp")
        if time is not None and time.date_order is None:
            raise GuessError(
                f"the dates in column {time.name!r}, such as {proposals['timestamp'].examples[0]!r}, do not show "
                "whether the month or the day comes first: give --date_order=month_first or --date_order=day_first"
            )
        tags = self.profile_of("tags")
        return Guess(
            proposals,
            (time.date_order or "") if time is not None else "",
            _separator(tags.values) if tags is not None else "",
        )


def _profile(name: str, values: pa.Array, unit: TimestampUnit, date_order: DateOrder) -> _Profile:
    values = plain_values(values)
    if is_text(values.type):
        values = values.cast(pa.string())
        values = values if is_valid_text(values) else pc.if_else(is_utf8(values), values, None)
    present = values.drop_null()
    if pa.types.is_nested(values.type):
        return _Profile(
            name, values, 0, len(present) / max(len(values), 1), 0.0, 0.0, "", f"column {name!r} has no times"
        )
    order = date_order or (find_date_order(present.cast(pa.string())) if is_text(values.type) else "")
    return _Profile(
        name,
        values,
        pc.count_distinct(present).as_py(),
        len(present) / max(len(values), 1),
        _numeric_fraction(present),
        _words(present),
        order,
        _why_no_time(name, present, unit, order),
    )


def _numeric_fraction(present: pa.Array) -> float:
    if not len(present):
        return 0.0
    column = INTERACTIONS.column("value")
    if not fits(present.type, column):
        return 0.0
    return 1.0 - cast(present, column).values.null_count / len(present)


def _words(present: pa.Array) -> float:
    if not is_text(present.type) or not len(present):
        return 0.0
    spaces = pc.count_substring(pc.utf8_trim_whitespace(present.cast(pa.string())), " ")
    letters = pc.match_substring_regex(present.cast(pa.string()), r"\pL{2}")
    return float(pc.mean(spaces).as_py() + 1) if pc.mean(letters.cast(pa.int8())).as_py() > 0.5 else 0.0


def _why_no_time(name: str, present: pa.Array, unit: TimestampUnit, order: DateOrder | None) -> str:
    """Return why values are no times of a log; empty: they are."""
    column = INTERACTIONS.column("timestamp")
    if not len(present) or not fits(present.type, column):
        return f"column {name!r} has no times"
    if is_text(present.type):
        present = to_iso(present.cast(pa.string()), order or "month_first")
    read = cast(present, column, "s" if unit == "auto" else unit)  # numbers of another unit are judged below
    if read.values.null_count > (1 - _NEARLY_ALL) * len(present):
        return f"the values of column {name!r}, such as {present[0].as_py()!r}, are no times"
    if unit == "auto" and (message := implausible_times(present, name)):
        return message
    return ""


def _suits(column: str, profile: _Profile) -> bool:
    """Whether the values of a column of a file can be those of a column of a dataset."""
    if profile.present == 0:
        return False
    kind = profile.values.type
    if column == "timestamp":
        return not profile.no_time
    if column in ("user_id", "item_id"):
        return fits(kind, INTERACTIONS.column(column)) and profile.present >= _MIN_PRESENT
    if column == "event":
        return not pa.types.is_nested(kind) and profile.distinct <= _MAX_EVENTS and profile.numeric < _NEARLY_ALL
    if column == "value":
        return profile.numeric >= _NEARLY_ALL
    if column == "title":
        return is_text(kind) and profile.numeric < _NEARLY_ALL and bool(profile.no_time)
    if column == "tags" and _is_json(profile.values):
        return False
    return _suits_item_text(ITEMS.column(column), kind)


def _why_unsuitable(column: str, profile: _Profile) -> str:
    """Return why a column of a file cannot be the column of a dataset whose name it has."""
    if column == "timestamp" and profile.present > 0:
        return profile.no_time
    kind = profile.values.type
    if not fits(kind, (INTERACTIONS if column in _REQUIRED_OF_LOG else ITEMS).column(column)):
        return f"column {profile.name!r} is {kind}, which cannot be read as {column}"
    if profile.present < _MIN_PRESENT:
        return f"column {profile.name!r} has values in {profile.present:.0%} of the rows"
    return f"column {profile.name!r} has no texts that can be {column}, such as {examples_of(profile.values)}"


def _suits_item_text(column: Column, kind: pa.DataType) -> bool:
    return fits(kind, column, "|") and not pa.types.is_integer(kind) and not pa.types.is_floating(kind)


def _is_json(values: pa.Array) -> bool:
    """Whether most texts are lists or objects of JSON or of Python, which no separator splits into tags."""
    if not is_text(values.type) or values.null_count == len(values):
        return False
    is_json = pc.match_substring_regex(values.cast(pa.string()), r"^\s*(\[.*\]|\{.*\})\s*$")
    return bool(pc.mean(is_json.cast(pa.int8())).as_py() > 0.5)


def _is_id(profile: _Profile) -> bool:
    """Whether values look like ids of a log: short, present, repeated, and neither times nor measures."""
    if pa.types.is_nested(profile.values.type) or profile.present < _NEARLY_ALL or not profile.no_time:
        return False
    is_measure = any(name_rank(each, profile.name) is not None for each in _MEASURES) or not _is_whole(profile.values)
    return profile.repeats and profile.words < 2 and not is_measure


def _is_whole(values: pa.Array) -> bool:
    """Whether values are texts, or numbers without fractions."""
    numbers = (
        cast(values, INTERACTIONS.column("value")).values if fits(values.type, INTERACTIONS.column("value")) else None
    )
    if numbers is None or numbers.null_count == len(numbers):
        return True
    return bool(pc.all(pc.equal(pc.trunc(numbers), numbers)).as_py())


def _determines(profile: _Profile, title: _Profile) -> bool:
    """Whether nearly each value comes with one title, and titles differ between values."""
    table = pa.table({"id": profile.values, "title": title.values}).drop_null()
    pairs = table.group_by(["id", "title"]).aggregate([]).num_rows
    return pairs > 0 and profile.distinct >= _NEARLY_ALL * pairs


def _separator(values: pa.Array) -> str:
    """Return what separates tags in texts; empty for lists."""
    if not is_text(values.type):
        return ""
    present = values.cast(pa.string()).drop_null()
    for separator in _SEPARATORS:
        fraction = pc.mean(pc.match_substring(present, separator).cast(pa.int8())).as_py() if len(present) else 0
        if fraction is not None and fraction >= _MIN_SEPARATED:
            return separator
    return _SEPARATORS[0]


def examples_of(values: pa.Array) -> tuple[str, ...]:
    """Return the first distinct values, as text."""
    present = values.drop_null().slice(0, 1000).to_pylist()
    texts = [", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in present if value != []]
    return tuple(list(dict.fromkeys(texts))[:_EXAMPLES])
