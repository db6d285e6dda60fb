"""Prompts for the next novel cluster, and the pairs that a language model is tuned on.

The prompt of 2405.16363 states the keywords of the clusters that a user consumed, and the completion is the
description of the next novel cluster. Its wording is not published; this one is our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from schemas import TUNING_PAIRS
from schemas.context import parse_context
from transforms.content_hash import content_hash

TASK = "exploration"
INSTRUCTIONS = "A person's interests follow one after another. Name the next, new interest."


def render_prompt(descriptions: Sequence[str], recent: str = "") -> str:
    """Render the prompt for a context.

    Args:
        descriptions: of the clusters of the context, the most recent last.
        recent: description of the most frequent recent successor of the context (2510.20260); empty: it has no line.
    """
    lines = [f"Interest: {description}" for description in descriptions]
    if recent:
        lines.append(f"Recently often next: {recent}")
    return "\n".join(lines) + "\nNext interest:"


def tuning_rows(transitions: pa.RecordBatch, descriptions: Mapping[str, str]) -> pa.RecordBatch:
    """Convert rows of `transitions` to rows of `tuning_pairs`, all of the same weight.

    Args:
        transitions: the selected rows.
        descriptions: the description of each cluster, by id.
    """
    rows = []
    for row in transitions.to_pylist():
        prompt = render_prompt([descriptions[cluster] for cluster in parse_context(row["context"])])
        completion = descriptions[row["next"]]
        rows.append(
            {
                "pair_id": content_hash(f"{prompt}\n{completion}", f"{TASK} {row['split']}"),
                "task": TASK,
                "split": row["split"],
                "prompt": prompt,
                "completion": completion,
                "weight": 1.0,
            }
        )
    return pa.RecordBatch.from_pylist(rows, TUNING_PAIRS.arrow)
