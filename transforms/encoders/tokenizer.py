"""Texts -> tokens, by the tokenizer that lies beside the weights."""

from __future__ import annotations

from collections.abc import Sequence

from transforms.encoders.layout import Layout
from transforms.encoders.locate import EXTRA
from transforms.model_files import ModelUnavailableError


class TextTokenizer:
    """A tokenizer that many threads may use at once: it is set up here, and never again.

    Args:
        layout: whose tokenizer it is.
        max_tokens: a text is cut after so many tokens, special ones among them.
        special: whether tokens such as those for begin and end are added.

    Raises:
        ModelUnavailableError: when the package `tokenizers` is not installed.
    """

    def __init__(self, layout: Layout, max_tokens: int, special: bool) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"encoders need the package tokenizers: {EXTRA}") from error
        self.backend = Tokenizer.from_file(str(layout.tokenizer))
        self.backend.no_padding()
        self.backend.enable_truncation(max_tokens)
        self._lower_case = layout.lower_case
        self._special = special

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text's tokens."""
        prepared = [text.lower() for text in texts] if self._lower_case else list(texts)
        encodings = self.backend.encode_batch_fast(prepared, add_special_tokens=self._special)
        return [encoding.ids for encoding in encodings]
