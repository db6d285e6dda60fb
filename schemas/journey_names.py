"""What each journey is called."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, content_hash, not_empty

METHODS = ("salient", "few_shot", "prompt_tuned", "fine_tuned")
"""How a name can come about."""


def _is_method(rows: Rows) -> BooleanArray:
    return pc.or_(pc.is_null(rows["method"]), pc.is_in(rows["method"], pa.array(METHODS, pa.string())))


def _model_matches_method(rows: Rows) -> BooleanArray:
    by_model = pc.not_equal(rows["method"], "salient")
    return pc.fill_null(pc.equal(by_model, pc.not_equal(rows["model"], "")), fill_value=True)


JOURNEY_NAMES = DatasetSchema(
    name="journey_names",
    doc="The name of one journey of one user. No two journeys of a user have the same.",
    key=("user_id", "journey_id"),
    sort_by=("user_id", "journey_id"),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("journey_id", pa.string(), "The journey, as in `journeys`."),
        Column("name", pa.string(), "Its name: one short line that passed the filter for safety."),
        Column(
            "method",
            pa.string(),
            "How this name came about: `salient` from the journey's terms, or from a language model that was asked "
            "(`few_shot`), tuned by a prompt (`prompt_tuned`) or tuned as a whole (`fine_tuned`).",
        ),
        Column("model", pa.string(), "The language model's name and fingerprint; empty where `method` is `salient`."),
        Column(
            "fallback_reason",
            pa.string(),
            "Why a language model's name was not taken, one word; empty where it was, and where none was asked.",
        ),
        Column(
            "safe",
            pa.bool_(),
            "False where a name was found unsafe on the way, of a language model or of terms; such a name is not "
            "written, and `name` is what stands in for it.",
        ),
        Column(
            "content_hash",
            pa.string(),
            "32 hexadecimal digits of the SHA-256 of the method's fingerprint and of all that is known of the journey.",
        ),
    ),
    invariants=(
        not_empty("user_id"),
        not_empty("name"),
        Invariant("method_unknown", "`method` is one of those that there are", _is_method),
        Invariant(
            "model_and_method_differ",
            "`model` is empty where, and only where, `method` is `salient`",
            _model_matches_method,
        ),
        content_hash("content_hash"),
    ),
)
