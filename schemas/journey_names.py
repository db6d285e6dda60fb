"""The name of each journey."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, content_hash, not_empty

METHODS = ("salient", "few_shot", "prompt_tuned", "fine_tuned")
"""The naming methods."""


def _is_method(rows: Rows) -> BooleanArray:
    return pc.or_(pc.is_null(rows["method"]), pc.is_in(rows["method"], pa.array(METHODS, pa.string())))


def _model_matches_method(rows: Rows) -> BooleanArray:
    by_model = pc.not_equal(rows["method"], "salient")
    return pc.fill_null(pc.equal(by_model, pc.not_equal(rows["model"], "")), fill_value=True)


JOURNEY_NAMES = DatasetSchema(
    name="journey_names",
    doc="The name of one journey of one user. Names are unique per user.",
    key=("user_id", "journey_id"),
    sort_by=("user_id", "journey_id"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("journey_id", pa.string(), "The journey, as in `journeys`."),
        Column("name", pa.string(), "Its name: one short line that passed the safety filter."),
        Column(
            "method",
            pa.string(),
            "The method of this name: `salient` from the journey's terms, or by a language model with worked examples "
            "(`few_shot`), a tuned soft prompt (`prompt_tuned`) or tuned weights (`fine_tuned`).",
        ),
        Column("model", pa.string(), "The language model's name and fingerprint; empty if `method` is `salient`."),
        Column(
            "fallback_reason",
            pa.string(),
            "Why the language model's name was rejected, or why it returned none, one word (docs/naming.md, "
            "docs/endpoints.md); empty if a name was accepted, or no model was used.",
        ),
        Column(
            "safe",
            pa.bool_(),
            "False if a candidate name, of a language model or of terms, was unsafe; `name` is its safe replacement, "
            "and the unsafe name is not written.",
        ),
        Column(
            "content_hash",
            pa.string(),
            "32 hexadecimal digits of the SHA-256 of the method's fingerprint and of the naming inputs of the journey.",
        ),
    ),
    invariants=(
        not_empty("user_id"),
        not_empty("name"),
        Invariant("method_unknown", "`method` is `salient`, `few_shot`, `prompt_tuned` or `fine_tuned`", _is_method),
        Invariant(
            "model_and_method_differ",
            "`model` is empty if and only if `method` is `salient`",
            _model_matches_method,
        ),
        content_hash("content_hash"),
    ),
)
