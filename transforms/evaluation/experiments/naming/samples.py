"""Some names to look at, as a table in Markdown: figures do not tell how names read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from transforms.evaluation.experiments.naming.config import NamingMethod
from transforms.evaluation.experiments.naming.predictions import predict_names
from transforms.evaluation.table_pieces import NOTHING_KNOWN, line
from transforms.language_models.interface import Completion

SHOWN = 12
"""Names that are shown of each way."""


def sample_names_table(
    examples: pa.RecordBatch, ways: Sequence[NamingMethod], answers: Mapping[str, Sequence[Completion]]
) -> str:
    """The names of the first examples: those that people gave, and those of each way that needs no vectors.

    Args:
        examples: rows of `naming_examples`, by `example_id`, which is a hash, so that the first are a sample.
        ways: the ways.
        answers: what models said, by the hash of the question.
    """
    rows = examples.slice(0, SHOWN)
    columns = {"people": rows["name"].to_pylist()}
    for way in ways:
        if way.kind not in ("reference", "medoid_title"):
            columns[way.label] = predict_names(way, rows, answers).names
    lines = [line(columns), line(["---"] * len(columns))]
    lines += [line(_cell(name) for name in names) for names in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def _cell(name: str) -> str:
    return name.replace("|", "\\|") or NOTHING_KNOWN
