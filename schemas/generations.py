"""What language models answered, kept so that no question is put twice."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, content_hash

GENERATIONS = DatasetSchema(
    name="generations",
    doc="What one language model answered to one question.",
    key=("content_hash",),
    sort_by=("content_hash",),
    partition_by="content_hash",
    columns=(
        Column(
            "content_hash",
            pa.string(),
            "32 hexadecimal digits of the SHA-256 of the model's fingerprint, what is said around questions and how "
            "answers are drawn among it, and the question.",
        ),
        Column("text", pa.string(), "The answer as the model gave it; may be empty."),
    ),
    invariants=(content_hash("content_hash"),),
)
