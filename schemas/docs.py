"""Markdown documentation of the datasets, generated from the schemas."""

from schemas import CACHES, INPUTS, OUTPUTS
from schemas.dataset import DatasetSchema

_INTRODUCTION = """\
# Datasets

This page is generated from the schemas (`make docs`).

## Inputs

Two tables in parquet format are required: a log of **interactions** and a catalogue of **items**. A table of item
vectors, **item_embeddings**, is optional; experiments need a table of **collections**. Each table is a file, a folder
or a glob, on disk or in a bucket. In a folder, every `*.parquet` and `*.pq` file is read, at any depth, except below
names that begin with `_` or `.`. No renaming, sorting or casting is necessary:

- Column names can be mapped on the command line: `--columns user_id=visitor,item_id=content` for the log,
  `--item_columns item_id=content` for the catalogue and `--embedding_columns embedding=vector` for vectors. Other
  columns are ignored, so one file may contain several tables.
- Text may be `string`, `large_string`, `string_view` or dictionary-encoded. Ids may be integers; they are converted to
  text.
- Time may be a timestamp of any unit (UTC if it has no zone), a date, or a number since 1970. The unit of a number is
  inferred from its size, for each value separately: seconds up to 1e11, milliseconds up to 1e14, microseconds up to
  1e17, nanoseconds above. In the finer units, times near 1970 are too small for this rule; set `--timestamp_unit ms`.
- An interaction is identified by user, item and time. Duplicate rows count once.

Rows that violate a rule below are written to the dataset `errors` with the reason, and the job continues, up to
`--max_error_rate`. A file that is not parquet, or lacks a required column, is written there as one row.
"""

_OUTPUTS_TEXT = """
## Outputs

A workspace is a folder or a bucket prefix that contains one folder per dataset below. A dataset consists of
`part-*.parquet` files (zstd) and `_manifest.json`. The manifest is written last. It lists the parts with their row
counts, sizes and SHA-256, the fingerprint of the schema, the configuration, the version of the code and the inputs. The
parts that a manifest lists never change, and a failed job leaves manifest and parts unchanged. Rows are distributed
over the parts by a hash of one column and sorted inside each part, so the same input gives the same bytes.

Any parquet tool can read the parts: `select * from 'workspace/journeys/*.parquet'`.
"""

_CACHES_TEXT = """
## Intermediate datasets

These datasets are stored in a workspace too. They cache expensive results for later runs. A run that finds no
`embeddings` or `salience_model` computes them; `scored_interactions` is an input of `extract` in place of the log.
"""


def render_markdown() -> str:
    """Render the documentation of all datasets as Markdown."""
    sections = [
        _INTRODUCTION,
        *map(_section, INPUTS),
        _OUTPUTS_TEXT,
        *map(_section, OUTPUTS),
        _CACHES_TEXT,
        *map(_section, CACHES),
    ]
    return "\n".join(sections).rstrip() + "\n"


def _section(schema: DatasetSchema) -> str:
    lines = [f"### {schema.name}", "", schema.doc, ""]
    if schema.key:
        lines += [f"Key: {_names(schema.key)}. Sorted by {_names(schema.sort_by)}.", ""]
    lines += ["| column | type | description |", "| --- | --- | --- |"]
    for column in schema.columns:
        notes = [word for word, applies in (("optional", column.optional), ("may be null", column.nullable)) if applies]
        suffix = f" ({', '.join(notes)})" if notes else ""
        lines.append(f"| `{column.name}` | {column.type} | {column.doc}{suffix} |")
    lines += ["", "| reason in `errors` | violated rule |", "| --- | --- |"]
    lines += [f"| `{invariant.reason}` | {invariant.doc} |" for invariant in schema.all_invariants()]
    return "\n".join([*lines, ""])


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
