"""What the folder of a tuned model says of how it was taught. Imports nothing that takes long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast, get_args

from transforms.naming.config import PromptFieldSet

MANIFEST = "tuning.json"
"""What a model or an adapter was taught from, and how; written last by `tune`."""


def trained_prompt_fields(folder: Path) -> PromptFieldSet | None:
    """What a model was told of each example when it was taught; None: the folder does not say.

    Raises:
        ValueError: when what it says cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["asked"]["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not say what the model was told of examples: {error!r}") from error
    if told not in get_args(PromptFieldSet):
        raise ValueError(f"{path}: metadata must be one of {', '.join(get_args(PromptFieldSet))}, got {told!r}")
    return cast(PromptFieldSet, told)
