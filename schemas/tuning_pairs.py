"""Prompts with the completions that a language model is tuned to generate, for any task."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, not_empty
from schemas.splits import SPLIT_EXISTS


def _is_positive(rows: Rows) -> BooleanArray:
    positive = pc.and_(pc.greater(rows["weight"], 0), pc.is_finite(rows["weight"]))
    return pc.fill_null(positive, fill_value=True)


TUNING_PAIRS = DatasetSchema(
    name="tuning_pairs",
    doc="A prompt with the completion that a language model is tuned to generate.",
    key=("pair_id",),
    sort_by=("pair_id",),
    partition_by="pair_id",
    columns=(
        Column("pair_id", pa.string(), "Id of the pair; training reads the pairs in the order of their ids."),
        Column("task", pa.string(), "The task that the pair belongs to, such as `naming`."),
        Column(
            "split",
            pa.string(),
            "`train`, `validation` (decides when training stops) or `test` (for measurements after training).",
        ),
        Column("prompt", pa.string(), "The input of the model, without the text that its template puts around it."),
        Column("completion", pa.string(), "The expected output of the model."),
        Column("weight", pa.float64(), "Relative weight of the pair in the loss and in metrics, above 0."),
        Column(
            "excluded",
            pa.list_(pa.string()),
            "Completions that are not valid after this prompt, of a task with a closed set of completions; null: none.",
            nullable=True,
        ),
    ),
    invariants=(
        not_empty("pair_id"),
        not_empty("task"),
        not_empty("prompt"),
        not_empty("completion"),
        SPLIT_EXISTS,
        Invariant("weight_not_positive", "`weight` is finite and above 0", _is_positive),
    ),
)
