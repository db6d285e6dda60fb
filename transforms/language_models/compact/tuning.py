"""Examples of names -> a folder with a network that was taught by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from transforms.encoders.spec import EncoderSpec
from transforms.language_models.compact.compact import ENCODER, END, UNKNOWN, id_of, load_encoder
from transforms.language_models.compact.config import NetworkConfig, TrainingConfig
from transforms.language_models.compact.examples import read_examples
from transforms.language_models.compact.files import save
from transforms.language_models.compact.spelling import Spelling

if TYPE_CHECKING:
    from transforms.language_models.compact.network import Network
    from transforms.language_models.compact.training import Epoch


def tune_compact(
    rows: pa.Table,
    folder: Path,
    shape: NetworkConfig,
    config: TrainingConfig,
    tell: Callable[[Epoch], None],
    encoder: EncoderSpec = ENCODER,
) -> None:
    """Teaches a new network, and writes it whenever it is better than before.

    Args:
        rows: of `naming_examples`; of the parts `training` and `validation`.
        folder: where the network is written.
        shape: of the network.
        config: how it is taught.
        tell: is given each epoch.
        encoder: what reads texts, and is not changed.

    Raises:
        ValueError: when a part has no example that could be used.
        WeightsError: when the encoder, or the packages for it, are not to be had.
    """
    reader = load_encoder(shape.text_pieces, encoder=encoder)
    from transforms.language_models.compact.texts import read_texts
    from transforms.language_models.compact.training import teach

    backend = reader.tokenizer.backend
    spelling = Spelling(backend)
    unknown, end = id_of(backend, UNKNOWN), id_of(backend, END)
    lesson = read_examples(rows, spelling, config.kept_texts, config.most_terms, shape.name_pieces, unknown)
    forms = spelling.forms(rows["name"].filter(pc.equal(rows["part"], "training")).to_pylist())

    def keep(network: Network) -> None:
        save(folder, shape, network.known.tolist(), forms, network.state_dict())

    teach(lesson, read_texts(reader, lesson.texts), reader.token_embeddings(), end, shape, config, tell, keep)
