"""Completions of language models, cached so that no prompt is completed twice."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, content_hash


def _is_rank(rows: Rows) -> BooleanArray:
    return pc.fill_null(pc.greater_equal(rows["rank"], 0), fill_value=True)


def _is_log_prob(rows: Rows) -> BooleanArray:
    return pc.fill_null(pc.and_(pc.is_finite(rows["log_prob"]), pc.less_equal(rows["log_prob"], 0)), fill_value=True)


GENERATIONS = DatasetSchema(
    name="generations",
    doc="One completion of one prompt by a language model.",
    key=("content_hash", "rank"),
    sort_by=("content_hash", "rank"),
    partition_by="content_hash",
    columns=(
        Column(
            "content_hash",
            pa.string(),
            "32 hexadecimal digits of the SHA-256 of the prompt and of the model's fingerprint, which covers the "
            "prompt template and the decoding configuration.",
        ),
        Column("rank", pa.int32(), "Rank among the completions of the prompt, from 0, the most probable."),
        Column("text", pa.string(), "The completion as the model generated it; may be empty."),
        Column(
            "log_prob",
            pa.float64(),
            "Natural logarithm of the probability of the completion's tokens under the model; null where it is "
            "unknown, as for endpoints.",
            nullable=True,
        ),
    ),
    invariants=(
        content_hash("content_hash"),
        Invariant("negative_rank", "`rank` is at least 0", _is_rank),
        Invariant("invalid_log_prob", "`log_prob` is finite and at most 0", _is_log_prob),
    ),
)
