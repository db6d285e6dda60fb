"""Checks that a log and its items belong together: that interactions have items, and items have titles."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError

_NEARLY_ALL = 0.9
_EXAMPLES = 100
_FORMS = "spaces around them, in upper case, in zeros before or in '.0' after them"


class Coverage(NamedTuple):
    """The numbers of interactions with and without an item, and of items without a title.

    Attributes:
        interactions: number of interactions.
        without_item: number of interactions whose item is not among the items.
        items: number of items.
        without_title: number of items without a title.
        missing: the first ids of interactions that are not among the items, sorted.
        found: the first ids of items, sorted.
    """

    interactions: int = 0
    without_item: int = 0
    items: int = 0
    without_title: int = 0
    missing: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def measure_coverage(log: pa.RecordBatch, items: pa.RecordBatch) -> Coverage:
    """Measure how well items cover a log.

    Args:
        log: rows of `VOTES`, of some items.
        items: all rows of `items` of these.
    """
    is_missing = pc.invert(pc.is_in(log["item_id"], items["item_id"]))
    return Coverage(
        pc.sum(log["count"]).as_py() or 0,
        pc.sum(log["count"].filter(is_missing)).as_py() or 0,
        items.num_rows,
        pc.sum(pc.equal(items["title"], "")).as_py() or 0,
        _first(log["item_id"].filter(is_missing)),
        _first(items["item_id"]),
    )


def _first(ids: pa.StringArray) -> tuple[str, ...]:
    return tuple(pc.unique(ids).sort().slice(0, _EXAMPLES).to_pylist())


def _merge(parts: Iterable[Coverage]) -> Coverage:
    parts = list(parts)
    return Coverage(
        sum(part.interactions for part in parts),
        sum(part.without_item for part in parts),
        sum(part.items for part in parts),
        sum(part.without_title for part in parts),
        _first_of(part.missing for part in parts),
        _first_of(part.found for part in parts),
    )


def _first_of(examples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set(itertools.chain.from_iterable(examples)))[:_EXAMPLES])


def normal_ids(ids: pa.StringArray) -> pa.StringArray:
    """Return ids without spaces, case, zeros before and `.0` after them, in which those of two files may differ."""
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(ids))
    return pc.utf8_ltrim(pc.replace_substring_regex(trimmed, r"^([+-]?\d+)\.0+$", r"\1"), "0")


def _match(items: pa.RecordBatch, coverage: Coverage) -> Iterator[tuple[str, str]]:
    """Yield the first pair of a missing id and an id of items that differ in their form only."""
    if coverage.without_item < _NEARLY_ALL * coverage.interactions or not coverage.missing:
        return
    missing = pa.array(coverage.missing, pa.string())
    places = pc.index_in(normal_ids(items["item_id"]), normal_ids(missing))
    pairs = zip(places.drop_null().to_pylist(), items["item_id"].filter(places.is_valid()).to_pylist(), strict=True)
    yield from sorted((coverage.missing[place], own) for place, own in pairs)[:1]


def check_coverage(
    coverage: Coverage, pairs: Iterable[tuple[str, str]], max_error_rate: float, has_titles: bool
) -> Iterator[Count]:
    """Check that not nearly all interactions lack an item, and not nearly all items a title.

    Args:
        coverage: how well the items cover the log.
        pairs: ids of the log and of items that differ in their form only.
        max_error_rate: a fraction up to which interactions may lack items, and items titles.
        has_titles: whether a column of titles is read.

    Yields:
        The counts of both.

    Raises:
        DataError: when they do.
    """
    limit = max(_NEARLY_ALL, max_error_rate)
    if coverage.items and coverage.without_item > limit * coverage.interactions:
        raise DataError(_explain_missing(coverage, sorted(pairs)[:1]), ("items",))
    if has_titles and coverage.without_title > limit * coverage.items:
        raise DataError(
            f"{coverage.without_title:,} of {coverage.items:,} items have no title: the texts are empty or cannot be "
            "read; nothing was committed; see the columns by --dry_run, and give that of the titles",
            ("items",),
        )
    yield count("interactions_without_item", coverage.without_item)
    yield count("items_without_title", coverage.without_title)


def _explain_missing(coverage: Coverage, pairs: list[tuple[str, str]]) -> str:
    number = f"{coverage.without_item:,} of {coverage.interactions:,} interactions have items that the catalogue lacks"
    if pairs:
        log_id, own = pairs[0]
        return (
            f"{number}: item {log_id!r} of the log is {own!r} in the catalogue; their ids differ in {_FORMS}: write "
            "both in one form; nothing was committed"
        )
    return (
        f"{number}, such as {coverage.missing[0]!r}; the first id of the catalogue is {coverage.found[0]!r}; nothing "
        "was committed; give the columns of ids by --columns=item_id=NAME and --item_columns=item_id=NAME, or "
        "--max_error_rate=1 if the catalogue has only few of the items"
    )


@dataclasses.dataclass
class CheckCoverage(beam.PTransform):
    """Parts of the coverage and record batches of `items` -> counts, if the log and its items belong together.

    Attributes:
        max_error_rate: a fraction up to which interactions may lack items, and items titles.
        has_titles: whether a column of titles is read.
    """

    max_error_rate: float
    has_titles: bool

    def expand(self, measured: tuple[beam.PCollection, beam.PCollection]) -> beam.PCollection:
        parts, items = measured
        merged = parts | "Merge" >> beam.CombineGlobally(_merge)
        coverage = beam.pvalue.AsSingleton(merged)
        pairs = items | "Match" >> beam.FlatMap(_match, coverage).with_output_types(tuple[str, str])
        return merged | "Check" >> beam.FlatMap(
            check_coverage, beam.pvalue.AsIter(pairs), self.max_error_rate, self.has_titles
        ).with_output_types(Count)
