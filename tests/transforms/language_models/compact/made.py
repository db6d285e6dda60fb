"""A network that is made in a moment, on an encoder of random weights, and examples that it can learn."""

from pathlib import Path

import pyarrow as pa

from tests.transforms.encoders.tiny_models import make_bert
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.compact.compact import Compact
from transforms.language_models.compact.config import NetworkConfig, TrainingConfig
from transforms.language_models.compact.tuning import tune_compact
from transforms.language_models.spec import Decoding

SHAPE = NetworkConfig(width=32, heads=2, layers=2, hidden=32, text_pieces=8, name_pieces=6)
CONFIG = TrainingConfig(
    epochs=120,
    patience=120,
    batch=5,
    learning_rate=5e-3,
    warm_up=10,
    dropout=0.0,
    forgotten=0.0,
    with_terms=0.0,
    terms_alone=0.0,
    least_uses=1,
)
NAMES = {
    "Red tea": ["red tea pot", "tea red", "red car tea"],
    "Blue cars": ["blue car", "cars blue", "blue cars pot"],
    "Garden": ["garden tea", "red garden", "garden car"],
    "Pots": ["pot", "pots blue", "a pot"],
    "Gardening": ["gardening red", "gardening", "b gardening"],
    "Red": ["red a", "b red", "red c"],
    "Tea pots": ["tea pots", "pots tea", "tea pots d"],
    "Cars": ["cars", "cars e", "f cars"],
    "Blue garden": ["blue garden", "garden blue", "g blue garden"],
    "Tea": ["tea h", "i tea", "tea"],
}
"""Names of texts."""


def make_rows(names: dict[str, list[str]] = NAMES) -> pa.Table:
    """Rows of `naming_examples`: each name is there to learn from and to end by."""
    rows = [
        {
            "example_id": f"{number:032x}",
            "source": f"source {number % 3}",
            "part": part,
            "name": name,
            "titles": titles,
            "terms": titles[0].split(),
        }
        for number, (part, name, titles) in enumerate(
            (part, name, titles) for part in ("training", "validation") for name, titles in names.items()
        )
    ]
    return pa.Table.from_pylist(rows)


def make_encoder(folder: Path) -> EncoderSpec:
    """An encoder of random weights."""
    folder.mkdir()
    return EncoderSpec("folder", str(make_bert(folder)))


def make_compact(folder: Path, config: TrainingConfig = CONFIG) -> tuple[Path, EncoderSpec]:
    """The folder of a network that has learnt all of `NAMES`, and its encoder."""
    encoder = make_encoder(folder / "encoder")
    tune_compact(make_rows(), folder / "network", SHAPE, config, lambda _: None, encoder)
    return folder / "network", encoder


def load(made: tuple[Path, EncoderSpec], **decoding: float) -> Compact:
    folder, encoder = made
    return Compact(folder, Decoding(**decoding), "cpu", encoder)


def question(titles: list[str]) -> str:
    return "\n".join(["Titles:", *(f"- {title}" for title in titles), "Interest:"])
