"""The folder of a trained sequence recommender: weights, the items that they belong to, and a description.

The description is written last: the folder is complete once it exists.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file

from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.model import UserTower
from transforms.recommendation.sequence.training import Trained

DESCRIPTION = "recommender.json"
_WEIGHTS = "weights.safetensors"
_ITEMS = "items.parquet"
_ITEM_VECTORS = "item_vectors"


class OtherCatalogueError(ValueError):
    """A recommender was trained for other items, or for another tree, than those that it is to rank."""


@dataclasses.dataclass(frozen=True)
class TrainedFor:
    """The catalogue and the tree that a recommender was trained for.

    Attributes:
        items: number of items.
        items_digest: `digest_of_items` of their ids.
        tree_digest: digest of the manifest of `clusters`; empty: the model has no conditions.
        level: the level of the tree whose clusters are conditions, from 1; 0: the last one.
        clusters: number of these clusters.
    """

    items: int
    items_digest: str
    tree_digest: str = ""
    level: int = 0
    clusters: int = 0


@dataclasses.dataclass(frozen=True)
class SequenceFolder:
    """A trained recommender as it is stored.

    Attributes:
        config: the configuration.
        trained_for: its catalogue and tree.
        item_ids: the ids of all items, ascending.
        item_vectors: float32, shape (items, D), or (items, D + 1) with their popularity as last component.
        tower: the tower of users.
        description: the content of the description.
    """

    config: SequenceConfig
    trained_for: TrainedFor
    item_ids: pa.StringArray
    item_vectors: torch.Tensor
    tower: UserTower
    description: Mapping[str, Any]


def digest_of_items(item_ids: pa.StringArray) -> str:
    """Compute the SHA-256 of ids, in hexadecimal; equal for equal ids in the same order, whatever their buffers."""
    lengths = np.fromiter(map(len, encoded := [text.encode() for text in item_ids.to_pylist()]), np.int64)
    return hashlib.sha256(lengths.astype("<i8").tobytes() + b"".join(encoded)).hexdigest()


def write_folder(
    folder: Path,
    trained: Trained,
    config: SequenceConfig,
    item_ids: pa.StringArray,
    trained_for: TrainedFor,
    training: Mapping[str, Any],
) -> None:
    """Write a trained recommender; a file that exists is replaced.

    Args:
        folder: the folder.
        trained: the trained model.
        config: its configuration.
        item_ids: the ids of all items, ascending.
        trained_for: its catalogue and tree.
        training: what is described of its training, as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in trained.model.users.state_dict().items()}
    save_file(weights | {_ITEM_VECTORS: trained.item_vectors().cpu().contiguous()}, folder / _WEIGHTS)
    pq.write_table(pa.table({"item_id": item_ids}), folder / _ITEMS)
    described = {
        "config": dataclasses.asdict(config),
        "trained_for": dataclasses.asdict(trained_for),
        "training": _without_nan(training),
    }
    hidden = folder / f"{DESCRIPTION}.part"
    hidden.write_text(json.dumps(described, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    hidden.replace(folder / DESCRIPTION)


def _without_nan(value: Any) -> Any:
    """Replace numbers that JSON does not have by null."""
    if isinstance(value, Mapping):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description of a trained recommender; needs no weights.

    Raises:
        ValueError: when the folder holds none, or an incomplete one.
    """
    path = folder / DESCRIPTION
    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        TrainedFor(**described["trained_for"])
        SequenceConfig(**described["config"])
    except FileNotFoundError as error:
        raise ValueError(f"{folder} holds no trained sequence recommender: there is no {DESCRIPTION}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the description of a sequence recommender: {error}") from error
    return described


def trained_for_of(folder: Path) -> TrainedFor:
    """Return the catalogue and the tree of a trained recommender.

    Raises:
        ValueError: as `read_description`.
    """
    return TrainedFor(**read_description(folder)["trained_for"])


def check_catalogue(folder: Path, item_ids: pa.StringArray) -> None:
    """Check that a recommender was trained for these items.

    Raises:
        OtherCatalogueError: when it was trained for others.
        ValueError: as `read_description`.
    """
    trained_for, digest = trained_for_of(folder), digest_of_items(item_ids)
    if trained_for.items_digest != digest:
        raise OtherCatalogueError(
            f"the sequence recommender in {folder} was trained for a catalogue of {trained_for.items:,} items "
            f"({trained_for.items_digest[:12]}), but this one has {len(item_ids):,} items ({digest[:12]}): train it "
            "for this one"
        )


def check_tree(folder: Path, tree_digest: str, level: int) -> None:
    """Check that the conditions of a recommender are the clusters of this level of this tree.

    Args:
        folder: the folder of the recommender.
        tree_digest: digest of the manifest of `clusters`.
        level: the level, from 1; 0: the last one.

    Raises:
        OtherCatalogueError: when it was trained for another tree, or another level.
        ValueError: as `read_description`.
    """
    trained_for = trained_for_of(folder)
    if (trained_for.tree_digest, trained_for.level) != (tree_digest, level):
        raise OtherCatalogueError(
            f"the sequence recommender in {folder} was trained for level {trained_for.level} of the tree "
            f"{trained_for.tree_digest[:12]}, but this is level {level} of the tree {tree_digest[:12]}: train it for "
            "this tree"
        )


def read_folder(folder: Path) -> SequenceFolder:
    """Read a trained recommender.

    Raises:
        ValueError: when there is none, or it is damaged.
    """
    description = read_description(folder)
    config, trained_for = SequenceConfig(**description["config"]), TrainedFor(**description["trained_for"])
    item_ids = pq.read_table(folder / _ITEMS)["item_id"].combine_chunks().cast(pa.string())
    check_catalogue(folder, item_ids)
    weights = load_file(folder / _WEIGHTS)
    vectors = weights.pop(_ITEM_VECTORS)
    if vectors.shape != (len(item_ids), config.dimensions + (config.popularity_days > 0)):
        raise ValueError(f"{folder / _WEIGHTS} is damaged: it has vectors of the shape {tuple(vectors.shape)}")
    tower = UserTower(config, trained_for.clusters)
    tower.load_state_dict(weights)
    return SequenceFolder(config, trained_for, item_ids, vectors, tower.eval(), description)
