"""Summary of a run of `naming_examples`, read from the datasets that it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import NAMING_EXAMPLES
from schemas.splits import SPLITS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.naming_examples.job import NamingExamplesJob

_SHOWN_EXAMPLES = 3
_SHOWN_TITLES = 3
_SHOWN_TERMS = 5
_COUNTS = (
    ("collections read", "collections_read"),
    ("texts encoded", "texts_encoded"),
    ("texts encoded before", "texts_cached"),
)
_REASONS = {
    "heading": "unsupported subject heading",
    "blank": "no name",
    "no_completion": "no name",
    "reasoning": "reasoning in place of a name",
    "malformed": "name in broken markup",
    "refused": "name like a refusal",
    "no_name": "sentence that is no name",
    "few_titles": "too few titles",
    "sentences": "name of several sentences",
    "too_long": "name too long",
    "too_short": "name too short",
    "repetitive": "name that repeats itself",
    "echo": "name that repeats titles",
    "single_title": "name is one of the titles",
    "generic": "generic name",
    "wrong_language": "name in another script than the titles",
    "many_sources": "name that many sources use",
    "repeated": "duplicate",
    "unsafe": "unsafe",
    "incoherent": "titles about different things",
    "irrelevant": "name not about the titles",
    "leak": "also in another split",
    "max_examples_per_source": "above --max_examples_per_source",
    "max_examples": "above --max_examples",
}
"""Description of each reason for which a collection is dropped, in the order of the checks."""


def print_naming_examples(job: NamingExamplesJob, seconds: float) -> None:
    """Print the counts of a run, some examples, the location of the datasets and the next command."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    for line in dropped_report(values):
        console.print(line, markup=False)
    source = resolve_source(FileSystems.join(job.workspace, NAMING_EXAMPLES.name))
    examples = read_dataset(NAMING_EXAMPLES, source, ["example_id", "source", "split", "name", "titles", "terms"])
    for line in split_report(examples, job.examples.max_source_fraction):
        console.print(line, soft_wrap=True, markup=False)
    for row in examples.sort_by("example_id").slice(0, _SHOWN_EXAMPLES).to_pylist():
        titles = "; ".join(row["titles"][:_SHOWN_TITLES])
        terms = ", ".join(row["terms"][:_SHOWN_TERMS])
        console.print(f"  {row['name']}  ({row['source']})\n    {titles}\n    {terms}", soft_wrap=True, markup=False)
    written = ", ".join(schema.name for schema in reversed(job.outputs))
    console.print(f"Written to {job.workspace}: {written}", soft_wrap=True, markup=False)
    command = command_of("tune", f"--pairs={job.workspace}", "--model=smollm2")
    console.print(f"Tune a model on the pairs:\n  {command}", soft_wrap=True, markup=False)


def dropped_report(values: MetricValues) -> list[str]:
    """Format the number of dropped collections by reason, in the order of the checks.

    Raises:
        ValueError: when a reason has no description.
    """
    dropped = {slice_: value for (metric, slice_), value in values.items() if metric == "collections_dropped"}
    unknown = dropped.keys() - _REASONS.keys()
    if unknown:
        raise ValueError(f"no description of dropped collections: {', '.join(sorted(unknown))}")
    return [f"  dropped: {text}: {dropped[name]:,.0f}" for name, text in _REASONS.items() if dropped.get(name)]


def split_report(examples: pa.Table, max_source_fraction: float) -> list[str]:
    """Format the number of examples and sources of each split, and the remedy for an empty one."""
    lines = []
    for split in SPLITS:
        rows = examples.filter(pc.equal(examples["split"], split))
        sources = pc.count_distinct(rows["source"]).as_py()
        lines.append(f"  {split}: {rows.num_rows:,} examples of {sources:,} sources")
        if split != SPLITS[0] and not rows.num_rows:
            lines.append(
                f"    None: sources with more than {max_source_fraction:g} of all collections are in `train` only "
                "(--max_source_fraction)"
            )
    return lines
