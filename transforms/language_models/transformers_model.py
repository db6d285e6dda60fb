"""A language model of transformers that answers many questions together."""

from __future__ import annotations

import copy
import functools
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from transforms.batching import Indices, equal_length_batches, pad, split_on_oom
from transforms.language_models.decoding import (
    MIN_ROWS,
    DecoderState,
    DecodingState,
    EncoderDecoderState,
    ForcedFirstToken,
    arguments_of,
    cache_argument,
    decode,
    greedy,
    padded_length,
)
from transforms.language_models.drawing import SeededSampler
from transforms.language_models.dtype import DTypeName, resolve_dtype
from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.pretrained import cast_weights, load_pretrained
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt, tokenize_template
from transforms.language_models.smollm2 import EXTRA
from transforms.language_models.spec import Answer, Candidate, Considered, DecodingConfig
from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    import torch

_Said = TypeVar("_Said")

MAX_BATCH_TOKENS = {"cpu": 4096, "cuda": 32768}
"""Tokens of questions, padding among them, that are read together."""


class TransformersModel:
    """A model whose weights lie in a folder; safetensors alone are read, and no code from the folder is run.

    What stands before all questions, worked examples above all, is read once, and what the model keeps of it is used
    again for each batch. An answer depends on its question alone: on a processor that multiplies bfloat16 itself to the
    bit, as `token_loop` says; elsewhere but for float noise, which in 32 bits hardly ever changes a token.

    Args:
        folder: the model.
        adapter: LoRA, which is merged into the weights, or soft prompts, which stand before all else; None: none.
        template: what is said around each question.
        decoding: how an answer is drawn.
        device: as torch names it; None: the GPU where there is one.
        max_batch_tokens: tokens that are read together; None: as `MAX_BATCH_TOKENS` says for the device.
        dtype: how many bits are reckoned in.

    Raises:
        ModelUnavailableError: when packages are missing, or the adapter is not for this model.
    """

    def __init__(
        self,
        folder: ModelFolder,
        adapter: AdapterFolder | None = None,
        template: PromptTemplate | None = None,
        decoding: DecodingConfig | None = None,
        device: str | None = None,
        max_batch_tokens: int | None = None,
        dtype: DTypeName = "auto",
    ) -> None:
        try:
            import torch
            from transformers import AutoTokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"a language model needs the package {error.name}: {EXTRA}") from error
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.max_batch_tokens = max_batch_tokens or MAX_BATCH_TOKENS.get(self.device.type, MAX_BATCH_TOKENS["cpu"])
        self.decoding = decoding or DecodingConfig()
        self.encoder_decoder = folder.encoder_decoder
        self._tokenizer: Any = AutoTokenizer.from_pretrained(
            folder.folder, local_files_only=True, trust_remote_code=False
        )
        self._frame = tokenize_template(self._tokenizer, template or PromptTemplate(), folder.encoder_decoder)
        model, soft_prompt = _apply_adapter(load_pretrained(folder), adapter)
        cast_weights(model, resolve_dtype(dtype, self.device))
        self._model = model.to(self.device).eval()
        self._soft_prompt = soft_prompt.to(self._model.device, self._model.dtype)
        self._stop_token_ids = _stop_token_ids(self._tokenizer, model)
        _reset_generation_config(self._model)
        _make_head_input_contiguous(self._model)
        self._lock = threading.Lock()  # tokenizers change while they work, and one device does one thing at a time

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer for each question, in their order.

        A batch that is too large for the device is tried in halves; so is one in which something is raised, so that a
        question that cannot be answered costs its own answer alone.
        """
        return self._for_each(questions, self._answer_batch, lambda failure: Answer(None, failure))

    def consider(self, questions: Sequence[str], number: int) -> list[Considered]:
        """Candidates for each question: the likeliest tokens to begin with, so many, each said to its likeliest end.

        They are the same whenever the question is; nothing is drawn. What cannot be answered is treated as by `answer`.
        """
        read = functools.partial(self._consider_batch, number)
        return self._for_each(questions, read, lambda failure: Considered((), failure))

    def _for_each(
        self,
        questions: Sequence[str],
        ask: Callable[[list[str], list[list[int]]], list[_Said]],
        failed: Callable[[str], _Said],
    ) -> list[_Said]:
        """What is said of each question, for batches of questions and their tokens; what failed, alone."""

        def run(rows: Indices) -> list[_Said]:
            try:
                return ask([questions[row] for row in rows], [tokens[row] for row in rows])
            except Exception as error:
                self._free_device_cache()
                if len(rows) > 1:
                    raise
                return [failed(f"{type(error).__name__}: {error}")]

        with self._lock:
            tokens = [self._prompt_ids(question) for question in questions]
            # Padding would be read in place of nothing.
            answers = [failed("ValueError: a question without a token")] * len(questions)
            some = np.flatnonzero([len(each) for each in tokens])
            widths = np.array([padded_length(len(tokens[row])) for row in some], np.int64)
            for batch in equal_length_batches(widths, self.max_batch_tokens):
                for rows, found in split_on_oom(run, some[batch], Exception):
                    for row, answer in zip(rows.tolist(), found, strict=True):
                        answers[row] = answer
            return answers

    def _prompt_ids(self, question: str) -> list[int]:
        """The tokens that are read for one question alone; none where it has none of its own and nothing is around."""
        before = self._frame.before if self.encoder_decoder else []
        own = [*tokenize_prompt(self._tokenizer, question), *self._frame.after]
        return [*before, *own] if own else []

    def _answer_batch(self, questions: list[str], tokens: list[list[int]]) -> list[Answer]:
        return [Answer(self._text(row)) for row in self._generate(questions, tokens)]

    def _consider_batch(self, number: int, _: list[str], tokens: list[list[int]]) -> list[Considered]:
        import torch

        with torch.inference_mode():
            reading, logits = self._read_all(tokens)
            logits = logits[: len(tokens)]
            first = logits.topk(number).indices
            reading.select([row for row in range(len(tokens)) for _ in range(number)])
            choose = ForcedFirstToken(first.flatten())
            repeated = logits.repeat_interleave(number, 0)
            said = decode(reading, repeated, first.numel(), choose, self._stop_token_ids, self.decoding.max_new_tokens)
        texts = map(self._text, said)
        every = [Candidate(*each) for each in zip(texts, choose.log_probabilities, strict=True)]
        return [Considered(tuple(every[start : start + number])) for start in range(0, len(every), number)]

    def _text(self, tokens: list[int]) -> str:
        end = next((place for place, token in enumerate(tokens) if token in self._stop_token_ids), len(tokens))
        text: str = self._tokenizer.decode(tokens[: end + 1], skip_special_tokens=True)
        return text.partition("\n")[0].strip()  # a token may hold the end of a line and more

    def _generate(self, questions: list[str], tokens: list[list[int]]) -> list[list[int]]:
        """The tokens that the model says after each row of tokens."""
        import torch

        choose = SeededSampler(questions, self.decoding) if self.decoding.temperature > 0 else greedy
        with torch.inference_mode():
            reading, logits = self._read_all(tokens)
            return decode(reading, logits, len(tokens), choose, self._stop_token_ids, self.decoding.max_new_tokens)

    def _read_all(self, tokens: list[list[int]]) -> tuple[DecodingState, torch.Tensor]:
        """Reads rows of tokens; gives logits of what is said first too."""
        ids, mask = self._padded(tokens, left=not self.encoder_decoder)
        if self.encoder_decoder:
            encoded = EncoderDecoderState(self._model, **self._inputs_of_encoder(ids, mask))
            rows = max(len(ids), MIN_ROWS)
            encoded.select([min(row, len(ids) - 1) for row in range(rows)])
            return encoded, encoded.read(ids.new_full((rows,), self._model.generation_config.decoder_start_token_id))
        cache = copy.deepcopy(self._prefix)
        cache.reorder_cache(ids.new_zeros(len(ids)))
        decoded = DecoderState(self._model, cache, mask.new_ones((len(ids), cache.get_seq_length())))
        return decoded, decoded.prefill(ids, mask)

    def _inputs_of_encoder(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        if not len(self._soft_prompt):
            return {"input_ids": ids, "mask": mask}
        soft = self._soft_prompt[None].expand(len(ids), -1, -1)
        embedded = self._model.get_input_embeddings()(ids)
        return {"inputs_embeds": _join(soft, embedded), "mask": _join(mask.new_ones(soft.shape[:2]), mask)}

    @functools.cached_property
    def _prefix(self) -> Any:
        """What the model keeps of what stands before all questions, in one row."""
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            ids = torch.tensor([self._frame.before], dtype=torch.long, device=self.device)
            embedded = _join(self._soft_prompt[None], self._model.get_input_embeddings()(ids))
            cache = DynamicCache(config=self._model.config)
            if embedded.shape[1]:
                kept = {cache_argument(arguments_of(self._model)): cache}
                self._model(inputs_embeds=embedded, use_cache=True, logits_to_keep=1, **kept)
            return cache

    def _padded(self, tokens: list[list[int]], left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        width = padded_length(max(map(len, tokens)))
        rows = [each[::-1] for each in tokens] if left else tokens
        pair = [array[:, ::-1].copy() if left else array for array in pad(rows, self._padding, width)]
        ids, mask = (torch.from_numpy(array).to(self.device) for array in pair)
        return ids, mask

    @property
    def _padding(self) -> int:
        padding = self._tokenizer.pad_token_id
        return int(min(self._stop_token_ids) if padding is None else padding)

    def _free_device_cache(self) -> None:
        """Gives memory of a failed batch back to the device."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _apply_adapter(model: Any, adapter: AdapterFolder | None) -> tuple[Any, torch.Tensor]:
    """The model with LoRA merged into its weights; and the vectors of a soft prompt, shape (tokens, hidden size)."""
    import torch

    width = model.get_input_embeddings().weight.shape[1]
    none = torch.zeros((0, width))
    if adapter is None:
        return model, none
    try:
        from peft import PeftModel
        from safetensors import SafetensorError
    except ImportError as error:
        raise ModelUnavailableError(f"an adapter needs the package {error.name}: {EXTRA}") from error
    try:
        with warnings.catch_warnings():  # PEFT asks transformers in a way that is to be given up
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            tuned = PeftModel.from_pretrained(model, adapter.folder)
    except (RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise ModelUnavailableError(f"the adapter {adapter.folder} does not fit the model: {error}") from error
    if adapter.kind == "LORA":
        return tuned.merge_and_unload(), none
    tokens = tuned.active_peft_config.num_virtual_tokens
    prompt = tuned.get_prompt(batch_size=1)[0, :tokens].detach()
    if prompt.shape[1] != width:
        raise ModelUnavailableError(
            f"the adapter {adapter.folder} does not fit the model: vectors of {prompt.shape[1]} numbers, not {width}"
        )
    return tuned.get_base_model(), prompt


def _reset_generation_config(model: Any) -> None:
    """Leaves of what a model's folder says of generation only its marks: how an answer is drawn is said by us."""
    from transformers import GenerationConfig

    told, start = model.generation_config, model.generation_config.decoder_start_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=told.bos_token_id,
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None) if start is None else start,
    )


def _make_head_input_contiguous(model: Any) -> None:
    """Copies what the head reads, columns of a larger tensor: torch would copy the head for each row instead."""
    head = model.get_output_embeddings()
    if head is not None:
        head.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(), *inputs[1:]))


def _stop_token_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    """Tokens with which an answer ends: those that the model names, and all that hold the end of a line."""
    named = [tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id]
    flat = [token for each in named for token in (each if isinstance(each, list) else [each]) if token is not None]
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    return frozenset(flat) | {token for token, text in enumerate(texts) if "\n" in text}


def _join(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Rows side by side."""
    import torch

    return torch.cat([first, second], dim=1)
