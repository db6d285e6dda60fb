"""The network as a language model: it answers questions that list texts with a name for them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transforms.batching import Rows, batches_by_tokens, halving
from transforms.encoders.spec import EncoderSpec
from transforms.encoders.weights import EXTRA, find_layout
from transforms.language_models.compact.files import read_description, read_weights
from transforms.language_models.compact.reading import Told, read
from transforms.language_models.compact.spelling import Spelling, alike
from transforms.language_models.drawing import DrawTokens
from transforms.language_models.spec import Answer, Candidate, Considered, Decoding
from transforms.weights import WeightsError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from transforms.encoders.transformer import TransformerEncoder
    from transforms.language_models.compact.search import Draw, Found
    from transforms.language_models.compact.texts import TextStates

ENCODER = EncoderSpec("minilm")
"""What the network stands on."""

END, UNKNOWN = "[SEP]", "[UNK]"
"""Pieces of the encoder: what ends a name, and what stands for all that it cannot read."""

MAX_BATCH_PIECES = {"cpu": 8192, "cuda": 131072}
"""Pieces of texts, padding among them, that are looked at together."""

BEAMS = 4
"""Names that are followed at a time."""

SEARCH = "beam search, 1"
"""Part of the fingerprint; its number goes up when other names are made with the same weights."""

_LENGTH_POWER = 0.7
_NOT_DRAWN = -1e4
"""In place of the logarithm of a chance: what was drawn comes first; a name that may be no longer can still end."""


def load_encoder(text_pieces: int, device: str | None = None, encoder: EncoderSpec = ENCODER) -> TransformerEncoder:
    """An encoder that cuts texts after so many pieces.

    Raises:
        WeightsError: when the weights, or the packages to load them, are not to be had.
    """
    from transforms.encoders.transformer import TransformerEncoder

    return TransformerEncoder(find_layout(encoder), device, max_tokens=text_pieces + 2)


def id_of(tokenizer: Tokenizer, piece: str) -> int:
    """The number of a piece.

    Raises:
        WeightsError: when the encoder does not know it.
    """
    found = tokenizer.token_to_id(piece)
    if found is None:
        raise WeightsError(f"a compact network needs an encoder that knows the piece {piece!r}")
    return int(found)


class Compact:
    """A frozen encoder that reads texts, and a decoder that writes what they have in common.

    A question's texts are its lines that begin with a dash, and what stands behind the colon of other lines. What is
    said to be taken already is not given again where there is anything else to say. A dialogue around questions is not
    read: the network was taught, and cannot be told. An answer depends on its question alone but for float noise, which
    hardly ever changes a piece.

    Args:
        folder: of the network.
        decoding: how an answer is drawn; a name is never longer than the network's are.
        device: as torch names it; None: the GPU where there is one.
        encoder: that the network was taught with.

    Raises:
        WeightsError: when packages or weights are missing, or the weights are damaged.
    """

    def __init__(
        self,
        folder: Path,
        decoding: Decoding | None = None,
        device: str | None = None,
        encoder: EncoderSpec = ENCODER,
    ) -> None:
        self.decoding = decoding or Decoding()
        described = read_description(folder)
        try:
            import torch

            from transforms.language_models.compact.network import Network
        except ImportError as error:
            raise WeightsError(f"a compact network needs the package {error.name}: {EXTRA}") from error
        self._encoder = load_encoder(described.shape.text_pieces, device, encoder)
        self.device = self._encoder.device
        self.max_batch_pieces = MAX_BATCH_PIECES.get(self.device.type, MAX_BATCH_PIECES["cpu"])
        self._forms = described.forms
        self._spelling = Spelling(self._encoder.tokenizer.backend)
        self._banned = (id_of(self._encoder.tokenizer.backend, UNKNOWN),)
        self._longest = min(described.shape.name_pieces, self.decoding.max_new_tokens)
        network = Network(described.shape, described.known, torch.from_numpy(self._encoder.token_embeddings()))
        network.load_state_dict(read_weights(folder))
        self._network = network.to(self.device).eval()
        self._lock = threading.Lock()  # one device does one thing at a time

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer for each question, in their order.

        A batch in which something is raised is tried in halves, so that a question that cannot be answered costs its
        own answer alone.
        """
        beams = BEAMS if self.decoding.temperature == 0 else 1
        found = self._for_each(questions, beams)
        told = [read(question) for question in questions]
        return [
            Answer(None, each.failure) if each.failure else Answer(_best(each.candidates, about.taken))
            for each, about in zip(found, told, strict=True)
        ]

    def consider(self, questions: Sequence[str], number: int) -> list[Considered]:
        """Candidates for each question: the names that a search along so many beams ends with, the best first."""
        return self._for_each(questions, number)

    def _for_each(self, questions: Sequence[str], beams: int) -> list[Considered]:
        """Names for each question, the best first; what failed, alone."""
        from transforms.language_models.compact.texts import lengths_of, read_texts

        told = [read(question) for question in questions]
        numbers: dict[str, int] = {}
        chosen = [[numbers.setdefault(text, len(numbers)) for text in each.texts] for each in told]
        answers = [Considered((), "ValueError: a question without a text")] * len(questions)
        asked = np.array([row for row, each in enumerate(chosen) if each], np.int64)

        def run(rows: Rows) -> list[Considered]:
            try:
                found = self._found(texts, [chosen[row] for row in rows], [questions[row] for row in rows], beams)
            except Exception as error:
                if len(rows) > 1:
                    raise
                return [Considered((), f"{type(error).__name__}: {error}")]
            return [Considered(self._written(each, told[row])) for row, each in zip(rows.tolist(), found, strict=True)]

        with self._lock:
            texts = read_texts(self._encoder, list(numbers))
            lengths = lengths_of(texts, [chosen[row] for row in asked])
            for batch in batches_by_tokens(lengths, self.max_batch_pieces):
                for rows, given in halving(run, asked[batch], Exception):
                    for row, answer in zip(rows.tolist(), given, strict=True):
                        answers[row] = answer
        return answers

    def _found(self, texts: TextStates, chosen: list[list[int]], questions: list[str], beams: int) -> list[list[Found]]:
        """Names of the chosen texts of each question, the best first."""
        from transforms.language_models.compact.search import SearchConfig, likeliest_names
        from transforms.language_models.compact.texts import side_by_side

        draw = _draw(questions, self.decoding) if self.decoding.temperature > 0 else None
        config = SearchConfig(beams, self._longest, _LENGTH_POWER, self._banned)
        return likeliest_names(self._network, side_by_side(texts, chosen).to(self.device), config, draw)

    def _written(self, found: list[Found], told: Told) -> tuple[Candidate, ...]:
        forms = self._forms | self._spelling.forms(told.texts)
        return tuple(
            Candidate(
                self._spelling.written(each.spelled, forms),
                each.score * (len(each.spelled.pieces) + 1) ** _LENGTH_POWER,
            )
            for each in found
        )


def _best(candidates: Sequence[Candidate], taken: Sequence[str]) -> str:
    """The best name that is not taken; the best of all where all are."""
    avoided = set(map(alike, taken))
    return next((each.text for each in candidates if alike(each.text) not in avoided), candidates[0].text)


def _draw(questions: list[str], decoding: Decoding) -> Draw:
    draw_tokens = DrawTokens(questions, decoding)

    def draw(chances: torch.Tensor) -> torch.Tensor:
        drawn = draw_tokens(range(len(chances)), chances)
        return chances.new_full(chances.shape, _NOT_DRAWN).scatter(1, drawn[:, None], 0.0)

    return draw
