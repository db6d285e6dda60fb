"""Tokenization of texts with the tokenizer of an encoder's folder."""

from __future__ import annotations

from collections.abc import Sequence

from transforms.encoders.layout import Layout
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError


class TextTokenizer:
    """A thread-safe tokenizer: its settings never change after construction.

    Args:
        layout: the encoder's folder.
        max_tokens: texts are truncated to this number of tokens, special tokens included.
        special: whether special tokens, such as those of the beginning and the end, are added.

    Raises:
        ModelUnavailableError: when the package `tokenizers` is not installed.
    """

    def __init__(self, layout: Layout, max_tokens: int, special: bool) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"encoders need the package tokenizers: {INSTALL_ENCODER}") from error
        self.backend = Tokenizer.from_file(str(layout.tokenizer))
        self.backend.no_padding()
        self.backend.enable_truncation(max_tokens)
        self._lower_case = layout.lower_case
        self._special = special

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        prepared = [text.lower() for text in texts] if self._lower_case else list(texts)
        encodings = self.backend.encode_batch_fast(prepared, add_special_tokens=self._special)
        return [encoding.ids for encoding in encodings]
