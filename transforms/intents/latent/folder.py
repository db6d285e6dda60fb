"""The folder of a trained latent intent model: weights, the items that they belong to, and a description.

The description is written last: the folder is complete once it exists.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.torch import load_file, save_file

from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.model import LatentModel
from transforms.recommendation.sequence.folder import OtherCatalogueError, digest_of_items

DESCRIPTION = "latent.json"
_WEIGHTS = "weights.safetensors"
_BUFFERS = ("item_vectors", "context_means", "context_scales")


@dataclasses.dataclass(frozen=True)
class LatentFolder:
    """A trained model as it is stored.

    Attributes:
        config: the configuration.
        items: number of items of its catalogue.
        items_digest: `digest_of_items` of their ids.
        model: the model, set to evaluation, on the CPU.
        training: what is described of its training.
    """

    config: LatentConfig
    items: int
    items_digest: str
    model: LatentModel
    training: Mapping[str, Any]


def write_folder(folder: Path, model: LatentModel, item_ids: pa.StringArray, training: Mapping[str, Any]) -> None:
    """Write a trained model; a file that exists is replaced.

    Args:
        folder: the folder.
        model: the trained model.
        item_ids: the ids of all items, in the order of their codes.
        training: what is described of its training, as JSON without NaN.

    Raises:
        ValueError: when the model has another number of items, or the description is not JSON.
    """
    if len(item_ids) != len(model.item_vectors):
        raise ValueError(f"the model has {len(model.item_vectors):,} items, but {len(item_ids):,} ids are given")
    described = {
        "config": dataclasses.asdict(model.config),
        "items": len(item_ids),
        "items_digest": digest_of_items(item_ids),
        "training": training,
    }
    text = json.dumps(described, indent=2, sort_keys=True, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    save_file({name: each.detach().cpu().contiguous() for name, each in model.state_dict().items()}, folder / _WEIGHTS)
    hidden = folder / f"{DESCRIPTION}.part"
    hidden.write_text(text, encoding="utf-8")
    hidden.replace(folder / DESCRIPTION)


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description of a trained model; reads no weights.

    Raises:
        ValueError: when the folder holds none, or an incomplete one.
    """
    path = folder / DESCRIPTION
    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        LatentConfig(**described["config"])
        missing = {"items", "items_digest", "training"} - set(described)
    except FileNotFoundError as error:
        raise ValueError(f"{folder} holds no trained latent intent model: there is no {DESCRIPTION}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the description of a latent intent model: {error}") from error
    if missing:
        raise ValueError(f"{path} is not the description of a latent intent model: it lacks {sorted(missing)}")
    return described


def check_catalogue(folder: Path, item_ids: pa.StringArray) -> None:
    """Check that a model was trained for these items, in this order.

    Raises:
        OtherCatalogueError: when it was trained for others.
        ValueError: as `read_description`.
    """
    described, digest = read_description(folder), digest_of_items(item_ids)
    if described["items_digest"] != digest:
        raise OtherCatalogueError(
            f"the latent intent model in {folder} was trained for a catalogue of {described['items']:,} items "
            f"({described['items_digest'][:12]}), but this one has {len(item_ids):,} items ({digest[:12]}): train it "
            "for this one"
        )


def read_folder(folder: Path, item_ids: pa.StringArray) -> LatentFolder:
    """Read a trained model for a catalogue.

    Args:
        folder: the folder.
        item_ids: the ids of all items, in the order of their codes.

    Raises:
        OtherCatalogueError: when it was trained for another catalogue.
        ValueError: when there is no model, or it is damaged.
    """
    check_catalogue(folder, item_ids)
    described = read_description(folder)
    config, weights = LatentConfig(**described["config"]), load_file(folder / _WEIGHTS)
    if missing := [name for name in _BUFFERS if name not in weights]:
        raise ValueError(f"{folder / _WEIGHTS} is damaged: it lacks {', '.join(missing)}")
    model = LatentModel(config, *(np.array(weights[name].numpy()) for name in _BUFFERS))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{folder / _WEIGHTS} is damaged: {error}") from error
    if len(model.item_vectors) != described["items"]:
        raise ValueError(f"{folder / _WEIGHTS} is damaged: it has vectors of {len(model.item_vectors):,} items")
    return LatentFolder(config, described["items"], described["items_digest"], model.eval(), described["training"])
