"""Prompts for the next novel cluster, and the pairs that a language model is tuned on.

The prompt of 2405.16363 states the keywords of the clusters that a user consumed, and the completion is the
description of the next novel cluster. Its wording is not published; this one is our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from schemas import TUNING_PAIRS
from schemas.context import parse_context
from schemas.splits import SPLITS
from transforms.content_hash import content_hash
from transforms.exploration.transitions import TRAIN

TASK = "exploration"
INSTRUCTIONS = "Name a person's next interest."
"""Short, because its tokens are most of the cost of tuning: a description has fewer than ten."""


def render_prompt(descriptions: Sequence[str]) -> str:
    """Render the prompt for a context.

    Args:
        descriptions: of the clusters of the context, the most recent last.
    """
    return "\n".join(descriptions)


def tuning_rows(transitions: pa.RecordBatch, descriptions: Mapping[str, str]) -> pa.RecordBatch:
    """Convert rows of `transitions` to rows of `tuning_pairs`, without the clusters of a context as completions.

    Training pairs have the same weight, so that a selection remains balanced. In other splits the weight of a pair is
    the number of users, so that a weighted mean is one over users.

    Args:
        transitions: the selected rows.
        descriptions: the description of each cluster, by id.
    """
    rows = []
    for row in transitions.to_pylist():
        context = [descriptions[cluster] for cluster in parse_context(row["context"])]
        prompt, completion = render_prompt(context), descriptions[row["next"]]
        rows.append(
            {
                "pair_id": content_hash(f"{prompt}\n{completion}", f"{TASK} {row['split']}"),
                "task": TASK,
                "split": row["split"],
                "prompt": prompt,
                "completion": completion,
                "weight": 1.0 if row["split"] == SPLITS[TRAIN] else float(row["users"]),
                "excluded": context,
            }
        )
    return pa.RecordBatch.from_pylist(rows, TUNING_PAIRS.arrow)
