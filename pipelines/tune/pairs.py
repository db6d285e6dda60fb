"""The pairs that `tune` reads. Reading them needs no torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import TUNING_PAIRS
from transforms.datasets.files import Source
from transforms.datasets.reading import read_dataset
from transforms.language_models.tuning.config import TrainingExample


class Pairs(NamedTuple):
    """The pairs of a workspace.

    Attributes:
        training: pairs of the split `train`, by `pair_id`.
        validation: pairs of the split `validation`, by `pair_id`.
        tasks: number of pairs of each task in these splits.
        outputs: all completions of all splits, sorted: the closed set, for a task that has one.
        prompt: the entry `prompt` of the manifest's configuration: how the stage that wrote the pairs renders its
            prompts; with the key `instructions`, these precede each prompt. It is copied to `tuning.json`.
    """

    training: list[TrainingExample]
    validation: list[TrainingExample]
    tasks: dict[str, int]
    outputs: tuple[str, ...]
    prompt: dict[str, Any]


def read_pairs(source: Source) -> Pairs:
    """Read the pairs of both splits that a training uses.

    Raises:
        ValueError: if a split has no pairs.
    """
    rows = read_dataset(TUNING_PAIRS, source).sort_by("pair_id")
    used = rows.filter(pc.is_in(rows["split"], pa.array(["train", "validation"])))
    tasks = {each["values"]: each["counts"] for each in pc.value_counts(used["task"]).to_pylist()}
    prompt = source.manifest.configuration.get("prompt", {}) if source.manifest else {}
    outputs = set(rows["completion"].to_pylist()).union(*filter(None, rows["excluded"].to_pylist()))
    return Pairs(
        _examples(source, used, "train"),
        _examples(source, used, "validation"),
        dict(sorted(tasks.items())),
        tuple(sorted(outputs)),
        prompt,
    )


def has_closed_set(source: Source) -> bool:
    """Whether the completions of pairs are members of a closed set, as their manifest states."""
    return bool(source.manifest and source.manifest.configuration.get("prompt", {}).get("closed_set"))


def _examples(source: Source, rows: pa.Table, split: str) -> list[TrainingExample]:
    of_split = rows.filter(pc.equal(rows["split"], split)).select(list(TrainingExample._fields))
    if not of_split.num_rows:
        raise ValueError(
            f"{source.path} has no pairs of the split {split}. The job that wrote them assigns the splits: "
            "naming_examples by --validation_fraction and --max_source_fraction, since large sources are in train only"
        )
    return [TrainingExample(**row) for row in of_split.to_pylist()]
