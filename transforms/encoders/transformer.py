"""Transformer encoders: accurate, and slow without a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from transforms.batching import Indices, Vectors, equal_length_batches, length_sorted_batches, pad, split_on_oom
from transforms.encoders.layout import Layout
from transforms.encoders.tokenizer import TextTokenizer
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError, without_progress_bar
from transforms.precision.dtype import EncoderDType, multiplies_integers, resolve_dtype

if TYPE_CHECKING:
    import torch

MAX_BATCH_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Tokens per batch by device: the fastest size on a CPU, and one that keeps a GPU busy."""


class TransformerEncoder:
    """An encoder with a transformer; it reads only safetensors, and runs no code of the model's folder.

    A vector depends only on its text, except for rounding errors below 1e-5: texts of one call share matrices, and the
    rounding of sums depends on the shape of a matrix. The same texts in the same call, on the same kind of machine,
    give the same bytes. In int8 a vector depends only on its text: a batch has texts of one length, and the rows of
    integer products do not depend on each other. On a GPU the model runs in 16 bits, and its vectors differ a little
    from those of a CPU.

    Args:
        layout: a folder of the kind `transformer`.
        device: a device of torch. Default: the GPU if there is one, else the CPU.
        max_tokens: texts are truncated to this number of tokens, special tokens included.
        max_batch_tokens: maximum of tokens in a batch, padding included. Default: `MAX_BATCH_TOKENS` of the device.
        dtype: type of weights and activations.

    Raises:
        ModelUnavailableError: when packages are missing, the model is of an unsupported type or accepts fewer than
            `max_tokens` tokens, or `int8` is given for a GPU.
    """

    def __init__(
        self,
        layout: Layout,
        device: str | None = None,
        max_tokens: int = 64,
        max_batch_tokens: int | None = None,
        dtype: EncoderDType = "float",
    ) -> None:
        try:
            import torch
        except ImportError as error:
            raise ModelUnavailableError(f"a transformer needs the package torch: {INSTALL_ENCODER}") from error
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.max_batch_tokens = max_batch_tokens or MAX_BATCH_TOKENS.get(self.device.type, MAX_BATCH_TOKENS["cpu"])
        self._pooling = layout.pooling
        self.tokenizer = TextTokenizer(layout, max_tokens, special=True)
        self._quantized = dtype != "float" and multiplies_integers(dtype, self.device, int8_without_bfloat16=True)
        precision = _precision("int8" if self._quantized else dtype, self.device)
        self._model = _load_model(layout, max_tokens).to(self.device, precision).eval()
        if self._quantized:
            from transforms.precision.quantized_linear import quantize_linear_layers  # here, as it imports torch

            quantize_linear_layers(self._model)
        self._padding = self._model.config.pad_token_id or 0

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = self.pool(self.tokenizer.tokens(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def pool(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """Compute the pooled vector of each row of tokens, not normalized, shape (rows, dimension), dtype float32."""
        import torch

        def run(rows: Indices) -> Vectors:
            return self._forward([list(tokens[row]) for row in rows.tolist()])

        vectors = np.empty((len(tokens), self.dimension), np.float32)
        for rows in self._batches(_lengths(tokens)):
            for done, found in split_on_oom(run, rows, torch.OutOfMemoryError):
                vectors[done] = found
        return vectors

    def states(self, tokens: Sequence[Sequence[int]]) -> list[Vectors]:
        """Compute the last hidden state of each token of each row, shapes (tokens of the row, dimension)."""
        import torch

        def run(rows: Indices) -> list[Vectors]:
            hidden, _ = self._hidden([list(tokens[row]) for row in rows.tolist()])
            return list(hidden.cpu().numpy())

        lengths = _lengths(tokens)
        states = [np.empty((0, self.dimension), np.float32)] * len(tokens)
        for rows in self._batches(lengths):
            for done, found in split_on_oom(run, rows, torch.OutOfMemoryError):
                for row, hidden in zip(done.tolist(), found, strict=True):
                    states[row] = hidden[: lengths[row]]
        return states

    def token_embeddings(self) -> Vectors:
        """Return the input embedding of each token of the vocabulary, shape (vocabulary, dimension)."""
        embeddings: Vectors = self._model.get_input_embeddings().weight.detach().float().cpu().numpy()
        return embeddings

    def _batches(self, lengths: Indices) -> Iterator[Indices]:
        """Split rows of tokens into batches; in int8 without padding, on which no vector must depend."""
        batches = equal_length_batches if self._quantized else length_sorted_batches
        return batches(lengths, self.max_batch_tokens)

    def _forward(self, tokens: list[list[int]]) -> Vectors:
        hidden, mask = self._hidden(tokens)
        if self._pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = mask[:, :, None].float()
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        vectors: Vectors = pooled.cpu().numpy()
        return vectors

    def _hidden(self, tokens: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the last hidden state of each token, padding included, and the attention mask."""
        import torch

        with torch.inference_mode():
            ids, mask = (torch.from_numpy(array).to(self.device) for array in pad(tokens, self._padding))
            return self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask


def _load_model(layout: Layout, max_tokens: int) -> Any:
    try:
        import torch
        from transformers import AutoConfig, AutoModel
    except ImportError as error:
        raise ModelUnavailableError(f"a transformer needs the package transformers: {INSTALL_ENCODER}") from error
    config = AutoConfig.from_pretrained(layout.folder, local_files_only=True, trust_remote_code=False)
    if config.is_encoder_decoder:
        raise ModelUnavailableError(
            f"{layout.folder} is an encoder-decoder model ({config.model_type}), which is not supported"
        )
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and max_tokens > limit:
        raise ModelUnavailableError(f"{layout.folder} accepts at most {limit} tokens, max_tokens is {max_tokens}")
    with without_progress_bar():
        return AutoModel.from_pretrained(
            layout.folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )


def _lengths(tokens: Sequence[Sequence[int]]) -> Indices:
    return np.array([len(row) for row in tokens], np.int64)


def _precision(dtype: EncoderDType, device: torch.device) -> torch.dtype:
    """Return the type of everything but integer products."""
    if dtype in ("bfloat16", "int8"):
        return resolve_dtype(dtype, device)
    return resolve_dtype("auto" if device.type == "cuda" else "float32", device)
