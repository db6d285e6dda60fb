"""BLEURT: a learned metric that scores how much of a reference a text conveys (Sellam et al., 2004.04696).

The model is a folder in the layout of transformers: a classifier of text pairs with one label, as in published ports of
the checkpoints to PyTorch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from transforms.evaluation.bootstrap import Floats
from transforms.extras import INSTALL_ENCODER
from transforms.language_models.sequence_classifier import PACKAGES, SequenceClassifier
from transforms.model_files import file_sha256

_DEFAULT_LABELS = 2
"""Number of labels of a classifier whose configuration has no `id2label`."""


@dataclasses.dataclass(frozen=True)
class BleurtSource:
    """Reference to a checkpoint; small, and travels to workers that have the folder at the same path.

    Attributes:
        folder: path of the checkpoint.
    """

    folder: str

    def fingerprint(self) -> str:
        """Compute SHA-256 in hexadecimal over all files that decide scores."""
        files = sorted(path for pattern in ("*.safetensors", "*.json", "vocab*") for path in self._path.glob(pattern))
        return hashlib.sha256("\n".join(f"{path.name} {file_sha256(path)}" for path in files).encode()).hexdigest()

    def check(self) -> None:
        """Check that the folder holds a checkpoint; loads no weights.

        Raises:
            ValueError: naming what is wrong.
        """
        try:
            config = json.loads((self._path / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.folder} has no config.json that can be read: {error}") from error
        if not list(self._path.glob("*.safetensors")):
            raise ValueError(f"{self.folder} has no weights as safetensors, and no other format is read")
        labels = len(config["id2label"]) if "id2label" in config else _DEFAULT_LABELS
        if labels != 1:
            raise ValueError(f"{self.folder} must be a classifier with one label, the score; it has {labels}")

    def load(self) -> Bleurt:
        """Load the model on the best device of this machine.

        Raises:
            ModelUnavailableError: when it cannot be loaded, or weights are missing in it.
        """
        return Bleurt(self._path)

    @property
    def _path(self) -> Path:
        return Path(self.folder)


def parse_bleurt(text: str) -> BleurtSource:
    """Parse the path of a checkpoint.

    Raises:
        ValueError: when it is no checkpoint, or packages are missing.
    """
    source = BleurtSource(str(Path(text).expanduser().resolve()))
    source.check()
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise ValueError(f"a BLEURT checkpoint needs {', '.join(missing)}: {INSTALL_ENCODER}")
    return source


class Bleurt:
    """A loaded checkpoint.

    Args:
        folder: path of the checkpoint.

    Raises:
        ModelUnavailableError: see `SequenceClassifier`.
    """

    def __init__(self, folder: Path) -> None:
        self._classifier = SequenceClassifier(folder)

    def score(self, references: Sequence[str], names: Sequence[str]) -> Floats:
        """Score names against references: about 0 if a name conveys nothing of its reference, about 1 if all of it.

        Args:
            references: names given by people.
            names: predicted names, as many; may be empty texts.

        Returns:
            Shape (names,), dtype float64.
        """
        scores: Floats = self._classifier.logits(references, names)[:, 0]
        return scores
