"""Candidates for examples -> those whose name can stand alone among all others, and is safe; each with its part."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import concatenate, split_by_size
from transforms.datasets.counts import Count
from transforms.datasets.reading import COUNTS_TAG
from transforms.naming.config import NamingConfig
from transforms.naming.examples.candidates import (
    CANDIDATES,
    Rejected,
    assess,
    candidate,
    counts_of_dropped,
    distinct_items,
    drop_duplicates,
    item_rows,
)
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.examples.splits import assign_split, large_sources, select_sources
from transforms.naming.prompt_inputs import subsample_evenly
from transforms.naming.safety.word_lists import SafetyFilter, WordLists
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

_ITEMS_TAG = "items"
_TITLES_CHECKED = 8
_MAX_UNSAFE_FRACTION = 0.25


class Selected(NamedTuple):
    """Rows of `CANDIDATES` that are left, and counts of those that are not."""

    rows: pa.RecordBatch
    counts: list[Count]


def select_by_name(
    batches: Iterable[pa.RecordBatch], config: ExampleConfig, large: frozenset[str], safety: SafetyFilter
) -> Selected:
    """Those candidates of one bucket of `normalized_name` whose name can stand alone; each once, with its part.

    Args:
        batches: rows of `CANDIDATES`, in any order.
        config: how many sources may use a name, and what is for what.
        large: sources that are for training alone.
        safety: what decides whether a name, or a title, may be written.
    """
    rows = concatenate(batches, CANDIDATES)
    order = [(name, "ascending") for name in ("normalized_name", "example_id")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    chosen: list[dict[str, Any]] = []
    dropped: Counter[str] = Counter()
    for _, same in itertools.groupby(rows.to_pylist(), key=lambda row: row["normalized_name"]):
        group = list(same)
        everywhere = len({row["source"] for row in group}) > config.max_name_sources
        before = ""
        for row in group:
            if not row["titles"]:
                continue
            if everywhere or row["example_id"] == before:
                dropped["many_sources" if everywhere else "repeated"] += 1
            elif is_unsafe(row["name"], row["titles"], safety):
                dropped["unsafe"] += 1
            else:
                chosen.append(row | {"split": assign_split(row["source"], config, large)})
            before = row["example_id"]
    return Selected(pa.RecordBatch.from_pylist(chosen, CANDIDATES), counts_of_dropped(dropped))


def is_unsafe(name: str, titles: Sequence[str], safety: SafetyFilter) -> bool:
    """Whether a name may not be written, or more than a quarter of some titles is obscene or gives orders to machines.

    A single such title does not spoil a collection, and addresses are what some are about.
    """
    if safety.unsafe_reason(name):
        return True
    checked = list(itertools.compress(titles, subsample_evenly(np.array([len(titles)]), _TITLES_CHECKED)))
    unsafe = sum(safety.unsafe_reason(title) in ("obscene", "instruction") for title in checked)
    return unsafe > _MAX_UNSAFE_FRACTION * len(checked)


@with_output_types(pa.RecordBatch, items=pa.RecordBatch, counts=Count)
class CleanCollections(beam.DoFn):
    """Rows of `collections` -> rows of `CANDIDATES`; beside, rows of `items`, and what was dropped."""

    def __init__(self, config: ExampleConfig, naming: NamingConfig) -> None:
        self.config = config
        self.naming = naming

    def process(self, rows: pa.RecordBatch) -> Iterator[Any]:
        candidates, catalogue = [], []
        dropped: Counter[str] = Counter()
        for row in rows.select(["source", "name", "item_titles", "item_descriptions"]).to_pylist():
            titles = row["item_titles"]
            items = distinct_items(titles, row["item_descriptions"] or [""] * len(titles))
            found = assess(row["name"], items, self.config, self.naming)
            if isinstance(found, Rejected):
                dropped[found.reason] += 1
            candidates.append(candidate(row["source"], found))
            catalogue += items
        for each in counts_of_dropped(dropped):
            yield TaggedOutput(COUNTS_TAG, each)
        for batch in split_by_size(drop_duplicates([item_rows(catalogue)])):
            yield TaggedOutput(_ITEMS_TAG, batch)
        yield from split_by_size(pa.RecordBatch.from_pylist(candidates, CANDIDATES))


@with_output_types(pa.RecordBatch, counts=Count)
class SelectByName(beam.DoFn):
    """All candidates of one bucket of `normalized_name` -> those that are left; beside, what was dropped."""

    def __init__(self, config: ExampleConfig, safety: SafetyFilter) -> None:
        self.config = config
        self.safety = safety

    def process(self, bucket: tuple[int, Any], large: pa.RecordBatch) -> Iterator[Any]:
        sources = frozenset(large["source"].to_pylist())
        chosen = select_by_name(bucket[1]["candidates"], self.config, sources, self.safety)
        for each in chosen.counts:
            yield TaggedOutput(COUNTS_TAG, each)
        yield from split_by_size(chosen.rows)


class CandidateResult(NamedTuple):
    """Outputs of `SelectCandidates`, each a collection.

    Attributes:
        candidates: record batches of `CANDIDATES`, all with titles and a part.
        items: record batches of `items`, each once: those of all collections, also of those that became no candidate.
        counts: counts (`collections_dropped` by reason).
    """

    candidates: beam.PCollection
    items: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class SelectCandidates(beam.PTransform):
    """Record batches of `collections`, perhaps with further columns -> candidates for examples, and all items.

    Attributes:
        config: which collections.
        naming: how long a name may be.
        safety: what decides whether a name, or a title, may be written.
        buckets: how many pieces names and items are cut into; decides memory and parallelism, not the result.
    """

    config: ExampleConfig
    naming: NamingConfig = dataclasses.field(default_factory=NamingConfig)
    safety: SafetyFilter = dataclasses.field(default_factory=WordLists)
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> CandidateResult:
        sources = rows | "Sources" >> beam.Map(select_sources).with_output_types(pa.RecordBatch)
        large = sources | "LargeSources" >> ApplyGlobally(large_sources, (self.config.max_source_fraction,))
        tidied = rows | "Tidy" >> beam.ParDo(CleanCollections(self.config, self.naming)).with_outputs(
            _ITEMS_TAG, COUNTS_TAG, main="candidates"
        )
        chosen = (
            {"candidates": tidied.candidates}
            | "GroupNames" >> CoGroupByBucket("normalized_name", self.buckets)
            | "Choose"
            >> beam.ParDo(SelectByName(self.config, self.safety), AsSingleton(large)).with_outputs(
                COUNTS_TAG, main="candidates"
            )
        )
        items = (
            {"items": tidied[_ITEMS_TAG]}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "Distinct"
            >> beam.Map(lambda bucket: drop_duplicates(bucket[1]["items"])).with_output_types(pa.RecordBatch)
        )
        counts = (tidied[COUNTS_TAG], chosen[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return CandidateResult(chosen.candidates, items, counts)
