"""Description of what the columns of a log hold, for the message of a job whose filter leaves nothing."""

from __future__ import annotations

import shlex

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.common.job import Job
from schemas import INTERACTIONS
from transforms.datasets.casting import cast, plain_values
from transforms.datasets.coercion import ColumnError, select_columns
from transforms.datasets.reading import ParquetReader, UnreadableFileError, first_values, sample_files

_MAX_FILES = 8
_MAX_VALUES = 10


def describe_filtered_columns(job: Job) -> list[str]:
    """Return a line for each column that the filter of a job uses: what it holds in a sample of the log.

    Only texts are counted; of numbers, the range and the median are returned.
    """
    source = job.sources.get(INTERACTIONS.name)
    columns = job.interaction_filter.used_columns()
    if source is None or not columns:
        return []
    options = job.options_of(INTERACTIONS.name)
    samples: dict[str, list[pa.Array]] = {column: [] for column in columns}
    for file in sample_files(source, _MAX_FILES):
        try:
            with ParquetReader(file.path) as reader:
                selected = select_columns(reader.schema, job.schema_of(INTERACTIONS.name), options.renamed)
                for column in columns:
                    raw = plain_values(first_values(reader, selected[column]))
                    samples[column].append(cast(raw, INTERACTIONS.column(column)).values)
        except (UnreadableFileError, ColumnError):
            continue
    return [
        _describe(column, pa.concat_arrays(arrays), job.interaction_filter.keep_events)
        for column, arrays in samples.items()
        if arrays
    ]


def _describe(column: str, values: pa.Array, kept: tuple[str, ...]) -> str:
    number = len(values)
    present = values.drop_null()
    nulls = f"{number - len(present)} of {number} values are null" if len(present) < number else ""
    if not len(present):
        return f"`{column}` has no value in the first rows"
    if not pa.types.is_string(values.type):
        numbers = [pc.min(present), pc.quantile(present, 0.5)[0], pc.max(present)]
        low, median, high = (f"{each.as_py():g}" for each in numbers)
        held = f"lies in [{low}, {high}], with median {median}"
    else:
        counts = sorted(present.value_counts().to_pylist(), key=lambda each: (-each["counts"], each["values"]))
        shown = ", ".join(f"{each['values']!r} ({each['counts']})" for each in counts[:_MAX_VALUES])
        held = f"has {len(counts)} values in the first rows, the most frequent: {shown}{_near(counts, kept)}"
    return f"`{column}` {held}{'; ' if nulls else ''}{nulls}"


def _near(counts: list[dict[str, object]], kept: tuple[str, ...]) -> str:
    """Return a hint at values that differ from the wanted ones only in case and surrounding space."""
    wanted = {value.strip().casefold() for value in kept}
    near = [str(each["values"]) for each in counts if str(each["values"]).strip().casefold() in wanted]
    return f"; did you mean {shlex.quote('--keep_events=' + ','.join(near))}?" if near else ""
