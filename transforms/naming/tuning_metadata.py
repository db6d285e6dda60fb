"""Prompt fields that a tuned model was trained on, as recorded in its folder. Kept import-light."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast, get_args

from transforms.naming.config import PromptFieldSet

MANIFEST = "tuning.json"
"""Record of the training of a model or an adapter; `tune` writes it last."""


def trained_prompt_fields(folder: Path) -> PromptFieldSet | None:
    """Read the prompt fields that a model was trained on; None: the folder has no record of its training.

    Raises:
        ValueError: when the record cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))["prompt"]["prompt_fields"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not name the prompt fields of the training: {error!r}") from error
    if fields not in get_args(PromptFieldSet):
        raise ValueError(f"{path}: prompt_fields must be one of {', '.join(get_args(PromptFieldSet))}, got {fields!r}")
    return cast(PromptFieldSet, fields)
