"""The page that a data engineer reads to prepare logs, generated from the schemas."""

from schemas import CACHES, INPUTS, OUTPUTS
from schemas.dataset import DatasetSchema

_INTRODUCTION = """\
# Datasets

This page is generated from the schemas (`make docs`).

## What you bring

Two tables, as parquet: a log of **interactions** and a catalogue of **items**. If you have vectors of the items, a
third, of **item_embeddings**; for experiments one of **collections**. Each is a file, a folder or a glob, on disk or in
a bucket. In a folder every `*.parquet` and `*.pq` below it is read, except under names that begin with `_` or `.`.
Nothing has to be renamed, sorted or cast first:

- Other column names are given on the command line: `--columns user_id=visitor,item_id=content` for the log,
  `--item_columns item_id=content` for the catalogue and `--embedding_columns embedding=vector` for vectors. Further
  columns are not read, so one file may hold both.
- Text may be `string`, `large_string`, `string_view` or dictionary-encoded. Ids may be whole numbers; they become text.
- Time may be a timestamp of any unit (without zone: taken as UTC), a date, or a number since 1970. A number's unit is
  told by its size, each for itself: up to 1e11 it counts seconds, up to 1e14 milliseconds, up to 1e17 microseconds,
  beyond that nanoseconds. Times near 1970 are too small for this in the finer units: say `--timestamp_unit ms`.
- An interaction is one user, one item, one time. Repeated rows count once.

Rows that break a rule below go to the dataset `errors` with the reason, and the job goes on, up to
`--max_error_rate`. A file that is no parquet, or lacks a column that is not optional, goes there as one row.
"""

_BETWEEN = """
## What is written

A workspace is a folder or a bucket prefix with one folder for each dataset below. A dataset is its `part-*.parquet`
files (zstd) and `_manifest.json`, which is written last and lists the parts with their row counts, sizes and SHA-256,
the schema's fingerprint, the configuration, the version of the code and what it was computed from. The parts that a
manifest lists never change; a job that fails leaves manifest and parts as they were. Rows are spread over the parts by
a hash of one column and sorted inside each part, so the same input gives the same bytes.

Any parquet tool reads the parts: `select * from 'workspace/journeys/*.parquet'`.
"""

_KEPT = """
## What is kept to be used again

These datasets lie in a workspace too. They hold what took long to compute, for later runs. A run that finds no
`embeddings` or `salience_model` computes them anew; `scored_interactions` is given to `extract` as its log.
"""


def render_markdown() -> str:
    """The whole page as Markdown."""
    sections = [_INTRODUCTION, *map(_section, INPUTS), _BETWEEN, *map(_section, OUTPUTS), _KEPT, *map(_section, CACHES)]
    return "\n".join(sections).rstrip() + "\n"


def _section(schema: DatasetSchema) -> str:
    lines = [f"### {schema.name}", "", schema.doc, ""]
    if schema.key:
        lines += [f"Key: {_names(schema.key)}. Sorted by {_names(schema.sort_by)}.", ""]
    lines += ["| column | type | what it holds |", "| --- | --- | --- |"]
    for column in schema.columns:
        notes = [word for word, holds in (("optional", column.optional), ("may be null", column.nullable)) if holds]
        suffix = f" ({', '.join(notes)})" if notes else ""
        lines.append(f"| `{column.name}` | {column.type} | {column.doc}{suffix} |")
    lines += ["", "| a row with this reason | breaks this rule |", "| --- | --- |"]
    lines += [f"| `{invariant.reason}` | {invariant.doc} |" for invariant in schema.all_invariants()]
    return "\n".join([*lines, ""])


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
