"""Examples for training and evaluating names: collections with the names that people gave them."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, content_hash, not_empty
from schemas.splits import SPLIT_EXISTS


def _has_one_weight_per_term(rows: Rows) -> BooleanArray:
    return pc.fill_null(
        pc.equal(pc.list_value_length(rows["terms"]), pc.list_value_length(rows["weights"])), fill_value=True
    )


NAMING_EXAMPLES = DatasetSchema(
    name="naming_examples",
    doc="A collection that a person made and named, represented as a journey with its target name.",
    key=("example_id",),
    sort_by=("example_id",),
    partition_by="example_id",
    columns=(
        Column("example_id", pa.string(), "32 hexadecimal digits of the SHA-256 of source, name and titles."),
        Column("source", pa.string(), "The owner of the collection: a person, a list, a book."),
        Column(
            "split",
            pa.string(),
            "`train`, `validation` (decides when training stops) or `test` (used by `evaluate` only). All examples of "
            "one source are in the same split.",
        ),
        Column("name", pa.string(), "The name given by its owner, cleaned, on one line."),
        Column("titles", pa.list_(pa.string()), "The distinct titles of its items."),
        Column("terms", pa.list_(pa.string()), "Its terms, by descending weight."),
        Column("weights", pa.list_(pa.float64()), "The mean salience of each of `terms` over the items, in (0, 1]."),
        Column("continuity", pa.float64(), "How similar its items are: the mean cosine of their titles."),
        Column("relevance", pa.float64(), "How well the name fits the items: its cosine with the mean of the titles."),
    ),
    invariants=(
        content_hash("example_id"),
        not_empty("source"),
        not_empty("name"),
        SPLIT_EXISTS,
        Invariant("terms_and_weights_differ", "`weights` has one number for each of `terms`", _has_one_weight_per_term),
    ),
)
