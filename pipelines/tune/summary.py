"""What a run of `tune` did, in one screen, read from the datasets that it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import NAMING_EXAMPLES
from schemas.naming_examples import SPLITS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.tune.job import TuneJob

_SHOWN_EXAMPLES = 3
_SHOWN_TITLES = 3
_SHOWN_TERMS = 5
_COUNTS = (
    ("collections read", "collections_read"),
    ("texts encoded", "texts_encoded"),
    ("texts encoded before", "texts_reused"),
)
_REASONS = {
    "heading": "subject heading that nobody would say",
    "blank": "without a name",
    "few_titles": "too few titles",
    "sentences": "name of several sentences",
    "too_long": "name too long",
    "too_short": "name too short",
    "repetitive": "name that repeats itself",
    "echo": "name made of titles",
    "single_title": "name is one of the titles",
    "generic": "name that says nothing",
    "wrong_language": "name in another script than the titles",
    "many_sources": "name that many sources use",
    "repeated": "there twice",
    "unsafe": "unsafe",
    "incoherent": "titles about different things",
    "irrelevant": "name not about the titles",
    "leak": "stands in another part too",
    "max_examples_per_source": "more of one source than wished",
    "max_examples": "more than wished",
}
"""What is said of each reason why a collection became no example, in the order in which they are looked for."""


def print_tune(job: TuneJob, seconds: float) -> None:
    """Prints the figures of a run, some examples, and where the datasets are."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    for line in dropped_lines(values):
        console.print(line, markup=False)
    source = resolve_source(FileSystems.join(job.workspace, NAMING_EXAMPLES.name))
    examples = read_dataset(NAMING_EXAMPLES, source, ["example_id", "source", "split", "name", "titles", "terms"])
    for line in part_lines(examples, job.examples.max_source_fraction):
        console.print(line, soft_wrap=True, markup=False)
    for row in examples.sort_by("example_id").slice(0, _SHOWN_EXAMPLES).to_pylist():
        titles = "; ".join(row["titles"][:_SHOWN_TITLES])
        terms = ", ".join(row["terms"][:_SHOWN_TERMS])
        console.print(f"  {row['name']}  ({row['source']})\n    {titles}\n    {terms}", soft_wrap=True, markup=False)
    written = ", ".join(schema.name for schema in reversed(job.outputs))
    console.print(f"Written to {job.workspace}: {written}", soft_wrap=True, markup=False)


def dropped_lines(values: MetricValues) -> list[str]:
    """How many collections became no example for each reason, in the order in which reasons are looked for."""
    dropped = {slice_: value for (metric, slice_), value in values.items() if metric == "collections_dropped"}
    unknown = dropped.keys() - _REASONS.keys()
    if unknown:
        raise ValueError(f"nothing is known to be said of dropped collections: {', '.join(sorted(unknown))}")
    return [f"  left out: {said}: {dropped[name]:,.0f}" for name, said in _REASONS.items() if dropped.get(name)]


def part_lines(examples: pa.Table, max_source_fraction: float) -> list[str]:
    """How many examples of how many sources each part has; and what to do where one has none."""
    lines = []
    for part in SPLITS:
        of_part = examples.filter(pc.equal(examples["split"], part))
        sources = pc.count_distinct(of_part["source"]).as_py()
        lines.append(f"  {part.replace('_', ' ')}: {of_part.num_rows:,} examples of {sources:,} sources")
        if part != SPLITS[0] and not of_part.num_rows:
            lines.append(
                f"    None: splits are fractions of the sources without those of more than {max_source_fraction:g} of "
                "all collections (--max_source_fraction)"
            )
    return lines
