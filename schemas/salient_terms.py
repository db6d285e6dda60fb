"""The terms that characterize each item."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, elements_between, not_empty, same_length

SALIENT_TERMS = DatasetSchema(
    name="salient_terms",
    doc="The salient terms of one item of the catalogue; empty if its text has none.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item."),
        Column(
            "terms",
            pa.list_(pa.string()),
            "Unigrams and bigrams, by descending salience, in the spelling that the catalogue uses most often: "
            "`GitHub`, `super-resolution`.",
        ),
        Column("saliences", pa.list_(pa.float32()), "The salience of each term, in [0, 1], descending."),
    ),
    invariants=(not_empty("item_id"), same_length("terms", "saliences"), elements_between("saliences", 0.0, 1.0)),
)
