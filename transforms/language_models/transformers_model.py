"""A language model of transformers that completes prompts in batches."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from transforms.batching import Indices, equal_length_batches, length_sorted_batches, pad, split_on_oom
from transforms.extras import INSTALL_LLM
from transforms.language_models.branching_trie import LogProbs, Mask
from transforms.language_models.closed_set import (
    PreparedSet,
    ScoreName,
    excluded_members,
    prepare_set,
    rank_members,
    top_members,
)
from transforms.language_models.constraint import ClosedSet, TokenTrie
from transforms.language_models.decoding import (
    Decoded,
    DecodingConfig,
    ForcedFirstToken,
    NextToken,
    SeededSampler,
    decode,
    greedy,
)
from transforms.language_models.decoding_state import (
    MIN_ROWS,
    DecoderState,
    DecodingState,
    EncoderDecoderState,
    cache_argument,
    forward_arguments,
    padded_length,
)
from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.interface import Batch, Completion, NBest, collect_batches
from transforms.language_models.pretrained import (
    apply_adapter,
    cast_weights,
    load_pretrained,
    make_head_input_contiguous,
    reset_generation_config,
    stop_token_ids,
)
from transforms.language_models.prompt_template import (
    PromptTemplate,
    tokenize_completion,
    tokenize_prompt,
    tokenize_template,
)
from transforms.language_models.shared_prompts import (
    STEPS_OF_ROOM,
    CandidateState,
    PromptBlock,
    SharedAttention,
    can_share_prompts,
)
from transforms.language_models.trie_reader import DecoderReader, EncoderDecoderReader, TrieReader
from transforms.language_models.trie_search import search_trie
from transforms.model_files import ModelUnavailableError
from transforms.precision.dtype import DTypeName, multiplies_integers, resolve_dtype

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

MAX_BATCH_TOKENS = {"cpu": 4096, "cuda": 32768}
"""Maximum number of prompt tokens of a batch, including padding, by the type of device."""

MAX_INT8_BLOCK_TOKENS = 1024
"""Maximum number of prompt tokens that layers with 8-bit products read together: their outputs, of 32 bits, then mostly
stay in the processor's cache."""

MIN_SHARING_ROWS = 2 * MIN_ROWS
"""Minimum number of prompts of a batch whose common beginning is read once, by `MIN_ROWS` equal rows."""

_LOG_PROB_DECIMALS = 4
"""Further digits of a log-probability would differ from batch to batch in float32."""


class TransformersModel:
    """A model whose weights are in a local folder; only safetensors are read, and no code from the folder is run.

    The tokens before all prompts, above all worked examples, are read once, and their key-value cache is reused for
    each batch. In float32, a completion depends on its prompt alone, up to float noise, which hardly ever changes a
    token. In bfloat16 that holds only on processors whose rounding does not depend on the batch, see `decoding_state`.

    Several candidates of a prompt share its key-value cache where `shares_prompts` is true, see `shared_prompts`.
    Elsewhere each of them has a copy.

    Args:
        folder: the model.
        adapter: LoRA, which is merged into the weights, or a soft prompt, which precedes all tokens; None: none.
        template: the text around each prompt.
        decoding: configuration of decoding.
        device: device of torch; None: the GPU if there is one.
        max_batch_tokens: maximum number of prompt tokens of a batch; None: see `MAX_BATCH_TOKENS`.
        dtype: type of weights and activations, see `DTypeName`.
        int8_without_bfloat16: whether `auto` is `int8` on processors without bfloat16.

    Attributes:
        shares_prompts: whether candidates share the key-value cache of their prompt: for decoders of
            `SHARING_MODEL_TYPES` without sliding windows.

    Raises:
        ModelUnavailableError: if packages are missing, the adapter does not fit the model, or the device does not
            support the type.
        ValueError: if the tokenizer does not distinguish the outputs of the constraint.
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
        int8_without_bfloat16: bool = False,
    ) -> None:
        try:
            import torch
            from transformers import AutoTokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"a language model needs the package {error.name}: {INSTALL_LLM}") from error
        on_device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        tokenizer = AutoTokenizer.from_pretrained(folder.folder, local_files_only=True, trust_remote_code=False)
        model, soft_prompt = apply_adapter(load_pretrained(folder), adapter)
        cast_weights(model, resolve_dtype(dtype, on_device))
        quantized = multiplies_integers(dtype, on_device, int8_without_bfloat16)
        if quantized:
            from transforms.precision.quantized_linear import quantize_linear_layers  # here, as it imports torch

            quantize_linear_layers(model)
        model = model.to(on_device)
        self._use(model, tokenizer, soft_prompt, folder.encoder_decoder, template, decoding)
        self._quantized = quantized
        reset_generation_config(model)  # after its end tokens were read
        make_head_input_contiguous(model)
        if max_batch_tokens:
            self.max_batch_tokens = max_batch_tokens

    @classmethod
    def wrap(
        cls,
        model: Any,
        tokenizer: Any,
        soft_prompt: torch.Tensor,
        encoder_decoder: bool,
        template: PromptTemplate,
        decoding: DecodingConfig | None = None,
    ) -> Self:
        """Use a model that is in memory, such as one that is being trained; its weights must not change meanwhile.

        Args:
            model: a model of transformers, on its device.
            tokenizer: its tokenizer.
            soft_prompt: vectors that precede all tokens, shape (vectors, dimensions); with shape (0, dimensions): none.
            encoder_decoder: whether the model reads prompts and completions separately.
            template: the text around each prompt.
            decoding: configuration of decoding.
        """
        wrapped = cls.__new__(cls)
        wrapped._use(model, tokenizer, soft_prompt, encoder_decoder, template, decoding)
        return wrapped

    def _use(
        self,
        model: Any,
        tokenizer: Any,
        soft_prompt: torch.Tensor,
        encoder_decoder: bool,
        template: PromptTemplate | None,
        decoding: DecodingConfig | None,
    ) -> None:
        self.device = model.device
        self.max_batch_tokens = MAX_BATCH_TOKENS.get(self.device.type, MAX_BATCH_TOKENS["cpu"])
        self.decoding = decoding or DecodingConfig()
        self.encoder_decoder = encoder_decoder
        self._tokenizer = tokenizer
        self._template = tokenize_template(tokenizer, template or PromptTemplate(), encoder_decoder)
        self._model = model.eval()
        self._soft_prompt = soft_prompt.to(self.device, model.dtype)
        self._stop_token_ids = stop_token_ids(tokenizer, model)
        self._trie = self._build_trie()
        self.shares_prompts = can_share_prompts(self._model)
        self._quantized = False
        # Tokenizers change their state while they work, and a device computes one batch at a time.
        self._lock = threading.Lock()

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        """Complete prompts; see `LanguageModel`."""
        return collect_batches(self.generate_batches(prompts))

    def generate_batches(self, prompts: Sequence[str]) -> Iterator[Batch]:
        """Complete prompts; see `BatchingModel`.

        A batch that is too large for the device is split in halves. So is one in which another error is raised, so
        that a prompt that cannot be completed does not fail the others.
        """

        def run(rows: Indices) -> list[NBest]:
            try:
                return self._generate_batch([prompts[row] for row in rows], [ids[row] for row in rows])
            except Exception as error:
                self._free_device_cache()
                if len(rows) > 1:
                    raise
                return [NBest((), f"{type(error).__name__}: {error}")]

        with self._lock:
            ids = [self._prompt_ids(prompt) for prompt in prompts]
        if empty := [index for index, each in enumerate(ids) if not each]:
            # The model would read padding in place of nothing.
            yield empty, [NBest((), "ValueError: the prompt has no token")] * len(empty)
        not_empty = np.flatnonzero([len(each) for each in ids])
        for batch in self._batches([ids[row] for row in not_empty]):
            with self._lock:
                found = list(split_on_oom(run, not_empty[batch], Exception))
            yield from ((rows.tolist(), of_rows) for rows, of_rows in found)

    def rank(
        self,
        prompts: Sequence[str],
        closed_set: ClosedSet,
        excluded: Mask | None = None,
        score: ScoreName = "renormalized",
    ) -> LogProbs:
        """Compute the log-probability of every member of a closed set after each prompt, without beam search.

        Args:
            prompts: the prompts, in any order. The token trie is built once for all of them.
            closed_set: the members. Those in its `excluded` are excluded for all prompts.
            excluded: further members to exclude for single prompts, shape (prompts, members); None: none.
            score: the kind of probability.

        Returns:
            Natural logarithms, minus infinity for an excluded member, float64, shape (prompts, members).

        Raises:
            ValueError: if a prompt has no token or no member that is not excluded, if the tokenizer does not
                distinguish the members, or if the layers of the model do not accept a tree of tokens.
        """
        masked = excluded_members(closed_set, len(prompts), excluded)
        ranked = np.empty(masked.shape)

        def rank(reader: TrieReader, prepared: PreparedSet, rows: Indices) -> LogProbs:
            return rank_members(reader, prepared, masked[rows])

        for rows, log_probs in self._read_batches(prompts, closed_set, score, rank):
            ranked[rows] = log_probs
        return ranked

    def top(
        self,
        prompts: Sequence[str],
        closed_set: ClosedSet,
        number: int,
        excluded: Mask | None = None,
        score: ScoreName = "renormalized",
    ) -> tuple[Indices, LogProbs]:
        """Find the most probable members of a closed set after each prompt: exactly those that `rank` has first.

        Args:
            prompts: see `rank`.
            closed_set: see `rank`.
            number: maximum number of members of a prompt, at least 1.
            excluded: see `rank`.
            score: see `rank`.

        Returns:
            See `top_members`.

        Raises:
            ValueError: see `rank`; or if the number is below 1.
        """
        masked = excluded_members(closed_set, len(prompts), excluded)
        members = np.empty((len(prompts), min(number, len(closed_set.outputs))), np.int64)
        found = np.empty(members.shape)

        def top(reader: TrieReader, prepared: PreparedSet, rows: Indices) -> tuple[Indices, LogProbs]:
            return top_members(reader, prepared, masked[rows], number)

        for rows, best in self._read_batches(prompts, closed_set, score, top, number):
            members[rows], found[rows] = best
        return members, found

    def _read_batches(
        self,
        prompts: Sequence[str],
        closed_set: ClosedSet,
        score: ScoreName,
        call: Callable[[TrieReader, PreparedSet, Indices], T],
        number: int | None = None,
    ) -> list[tuple[Indices, T]]:
        """Call a function for batches of prompts that the model has read; return the prompts and the result of each."""
        import torch

        with self._lock, torch.inference_mode():
            ids = [self._prompt_ids(prompt) for prompt in prompts]
            if empty := [prompt for prompt, row in enumerate(ids) if not row]:
                raise ValueError(f"prompt {empty[0]} has no token")
            group_tokens = (EncoderDecoderReader if self.encoder_decoder else DecoderReader).group_tokens
            prepared = prepare_set(self._member_ids(closed_set), score, group_tokens)

            def run(rows: Indices) -> T:
                try:
                    return call(self._reader([ids[row] for row in rows]), prepared, rows)
                except torch.OutOfMemoryError:
                    self._free_device_cache()
                    raise

            further = prepared.row_tokens(number)
            lengths = np.array([padded_length(len(row)) + further for row in ids], np.int64)
            batches = equal_length_batches(lengths, self.max_batch_tokens)
            return [done for batch in batches for done in split_on_oom(run, batch, torch.OutOfMemoryError)]

    def _reader(self, ids: list[list[int]]) -> TrieReader:
        if self.encoder_decoder:
            return EncoderDecoderReader(self._model, **self._encoder_inputs(*self._pad(ids, left=False)))
        shared = _shared_length(ids)
        cache = self._copy_prefix_cache(len(ids)) if not shared else self._read_shared(ids[0][:shared], len(ids))
        matrix, mask = self._pad([row[shared:] for row in ids], left=True)
        return DecoderReader(self._model, cache, matrix, mask)

    def _member_ids(self, closed_set: ClosedSet) -> list[list[int]]:
        """Return the tokens of each member with the stop token."""
        end = self._tokenizer.eos_token_id
        return [[*tokenize_completion(self._tokenizer, text, self.encoder_decoder), end] for text in closed_set.outputs]

    def _build_trie(self) -> TokenTrie | None:
        closed_set = self.decoding.constraint
        if closed_set is None:
            return None
        trie = TokenTrie(self._member_ids(closed_set))
        excluded = set(closed_set.excluded)
        return trie.without([member for member, text in enumerate(closed_set.outputs) if text in excluded])

    def _prompt_ids(self, prompt: str) -> list[int]:
        """Return the tokens of one prompt; none if the prompt has none and the template adds none."""
        before = self._template.before if self.encoder_decoder else []
        own = [*tokenize_prompt(self._tokenizer, prompt), *self._template.after]
        return [*before, *own] if own else []

    def _generate_batch(self, prompts: list[str], ids: list[list[int]]) -> list[NBest]:
        if self._trie is not None:
            return self._search(ids, self._trie)
        completions = [Completion(self._text(row.tokens), _rounded(row.log_prob)) for row in self._decode(prompts, ids)]
        number = self.decoding.num_sequences
        return [_ranked(completions[start : start + number]) for start in range(0, len(completions), number)]

    def _decode(self, prompts: list[str], ids: list[list[int]]) -> list[Decoded]:
        """Generate `num_sequences` rows for each prompt."""
        import torch

        config, number = self.decoding, self.decoding.num_sequences
        if self._decodes_candidates:
            return self._decode_candidates(ids)
        with torch.inference_mode():
            state, logits = self._prefill(ids)
            next_token: NextToken = greedy
            if number > 1:
                logits = logits[: len(ids)]
                next_token = ForcedFirstToken(logits.topk(number).indices.flatten())
                state.reorder([row for row in range(len(ids)) for _ in range(number)])
                logits = logits.repeat_interleave(number, 0)
            elif config.temperature > 0:
                next_token = SeededSampler(prompts, config)
            return decode(state, logits, number * len(ids), next_token, self._stop_token_ids, config.max_new_tokens)

    @property
    def _decodes_candidates(self) -> bool:
        """Whether prompts keep a cache of their own: for several candidates, and where the batch must not matter."""
        config = self.decoding
        several = config.num_sequences > 1 or (self._quantized and config.temperature == 0)
        return self.shares_prompts and self._trie is None and several

    def _batches(self, ids: list[list[int]]) -> Iterator[Indices]:
        """Split prompts, by their tokens, into batches that are decoded together."""
        number = self.decoding.num_sequences
        if self._decodes_candidates:
            lengths = np.array([len(row) + number * STEPS_OF_ROOM for row in ids], np.int64)
            return length_sorted_batches(lengths, self.max_batch_tokens * number // 4)
        lengths = np.array([padded_length(len(row)) for row in ids], np.int64)
        return equal_length_batches(lengths, self.max_batch_tokens)

    def _decode_candidates(self, ids: list[list[int]]) -> list[Decoded]:
        """Generate `num_sequences` rows for each prompt, which share its key-value cache."""
        import torch

        number, max_tokens = self.decoding.num_sequences, self.decoding.max_new_tokens
        lengths = np.array([len(row) for row in ids], np.int64)
        block_tokens = min(self.max_batch_tokens, MAX_INT8_BLOCK_TOKENS) if self._quantized else self.max_batch_tokens
        batches = list(length_sorted_batches(lengths, block_tokens))
        prefix = [(layer.keys, layer.values) for layer in self._prefix_cache.layers if layer.get_seq_length()]
        with torch.inference_mode(), SharedAttention(self._model):
            blocks = [
                PromptBlock([ids[row] for row in rows], prefix, number, max_tokens - 1, self._quantized)
                for rows in batches
            ]
            state = CandidateState(self._model, blocks, number)
            logits = state.prefill()
            first = ForcedFirstToken(logits.topk(number).indices.flatten())
            logits = logits.repeat_interleave(number, 0)
            rows = decode(state, logits, number * len(ids), first, self._stop_token_ids, max_tokens)
        starts = np.argsort(np.concatenate(batches)) * number
        return [row for start in starts for row in rows[start : start + number]]

    def _search(self, ids: list[list[int]], trie: TokenTrie) -> list[NBest]:
        """Find the most probable members of the closed set for each prompt."""
        import torch

        outputs = self.decoding.constraint.outputs if self.decoding.constraint else ()
        with torch.inference_mode():
            state, logits = self._prefill(ids)
            found = search_trie(state, logits, len(ids), trie, self.decoding.num_sequences)
        return [
            _ranked([Completion(outputs[each.member], _rounded(each.log_prob)) for each in of_prompt])
            for of_prompt in found
        ]

    def _text(self, tokens: list[int]) -> str:
        stop = next((index for index, token in enumerate(tokens) if token in self._stop_token_ids), len(tokens))
        text: str = self._tokenizer.decode(tokens[: stop + 1], skip_special_tokens=True)
        return text.partition("\n")[0].strip()  # a token may hold a line break and more

    def _prefill(self, ids: list[list[int]]) -> tuple[DecodingState, torch.Tensor]:
        """Read prompts; return the state and the logits of the first token to generate."""
        matrix, mask = self._pad(ids, left=not self.encoder_decoder)
        if self.encoder_decoder:
            encoded = EncoderDecoderState(self._model, **self._encoder_inputs(matrix, mask))
            rows = max(len(matrix), MIN_ROWS)
            encoded.reorder([min(row, len(matrix) - 1) for row in range(rows)])
            return encoded, encoded.step(matrix.new_full((rows,), self._model.generation_config.decoder_start_token_id))
        cache = self._copy_prefix_cache(len(matrix))
        decoded = DecoderState(self._model, cache, mask.new_ones((len(matrix), cache.get_seq_length())))
        return decoded, decoded.prefill(matrix, mask)

    def _encoder_inputs(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        if not len(self._soft_prompt):
            return {"input_ids": ids, "mask": mask}
        soft = self._soft_prompt[None].expand(len(ids), -1, -1)
        embedded = self._model.get_input_embeddings()(ids)
        return {
            "inputs_embeds": _concatenate(soft, embedded),
            "mask": _concatenate(mask.new_ones(soft.shape[:2]), mask),
        }

    def _copy_prefix_cache(self, rows: int) -> Any:
        """Return a copy of the key-value cache of the tokens before all prompts, with some number of equal rows."""
        import torch

        cache = copy.deepcopy(self._prefix_cache)
        cache.reorder_cache(torch.zeros(rows, dtype=torch.long, device=self.device))
        return cache

    def _read_shared(self, tokens: list[int], rows: int) -> Any:
        """Read tokens with which all prompts of a batch begin once; return the key-value cache with equal rows."""
        import torch

        cache = self._copy_prefix_cache(MIN_ROWS)
        ids = torch.tensor([tokens] * MIN_ROWS, dtype=torch.long, device=self.device)
        before = ids.new_ones((MIN_ROWS, cache.get_seq_length()))
        DecoderState(self._model, cache, before).prefill(ids, torch.ones_like(ids))
        cache.reorder_cache(torch.zeros(rows, dtype=torch.long, device=self.device))
        return cache

    @functools.cached_property
    def _prefix_cache(self) -> Any:
        """The key-value cache of the tokens before all prompts, one row."""
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            ids = torch.tensor([self._template.before], dtype=torch.long, device=self.device)
            embedded = _concatenate(self._soft_prompt[None], self._model.get_input_embeddings()(ids))
            cache = DynamicCache(config=self._model.config)
            if embedded.shape[1]:
                argument = {cache_argument(forward_arguments(self._model)): cache}
                self._model(inputs_embeds=embedded, use_cache=True, logits_to_keep=1, **argument)
            return cache

    def _pad(self, ids: list[list[int]], left: bool) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        length = padded_length(max(map(len, ids)))
        rows = [each[::-1] for each in ids] if left else ids
        pair = [array[:, ::-1].copy() if left else array for array in pad(rows, self._padding, length)]
        matrix, mask = (torch.from_numpy(array).to(self.device) for array in pair)
        return matrix, mask

    @property
    def _padding(self) -> int:
        padding = self._tokenizer.pad_token_id
        return int(min(self._stop_token_ids) if padding is None else padding)

    def _free_device_cache(self) -> None:
        """Return the memory of a failed batch to the device."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _shared_length(ids: list[list[int]]) -> int:
    """Return the number of tokens with which all rows begin, so that each row has at least one other token."""
    shortest = min(map(len, ids))
    if len(ids) < MIN_SHARING_ROWS:
        return 0
    columns = zip(*ids, strict=False)
    equal = next((place for place, column in enumerate(columns) if len(set(column)) > 1), shortest)
    return min(equal, shortest - 1)


def _rounded(log_prob: float) -> float:
    return min(round(log_prob, _LOG_PROB_DECIMALS), 0.0) + 0.0  # not above 0 by a rounding error, and no -0.0


def _ranked(completions: Sequence[Completion]) -> NBest:
    """Sort completions by log-probability; ties stay in their order."""
    return NBest(tuple(sorted(completions, key=lambda each: -(each.log_prob or 0.0))))


def _concatenate(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Concatenate along the second axis."""
    import torch

    return torch.cat([first, second], dim=1)
