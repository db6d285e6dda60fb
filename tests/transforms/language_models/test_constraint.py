"""The trie beside a plain search; the search, by scores of all members that the plain model gives."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.language_models.completions import no_completion
from transforms.language_models.constraint import ROOT, ClosedSet, TokenTrie
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.prompt_template import PromptTemplate

END = 9
SEQUENCES = st.lists(st.lists(st.integers(0, 3), max_size=4).map(lambda row: (*row, END)), min_size=1, unique=True)


def members_below(trie: TokenTrie, node: int = ROOT, prefix: tuple[int, ...] = ()) -> dict[tuple[int, ...], int]:
    """All sequences that can be walked from a node, with their indices."""
    member = trie.member(node)
    found = {} if member is None else {prefix: member}
    for token, child in trie.children(node):
        found |= members_below(trie, child, (*prefix, token))
    return found


@given(SEQUENCES, st.data())
def test_a_trie_holds_its_sequences_and_nothing_else(sequences: list[tuple[int, ...]], data: st.DataObject) -> None:
    trie = TokenTrie(sequences)
    assert members_below(trie) == {sequence: index for index, sequence in enumerate(sequences)}
    excluded = data.draw(st.sets(st.sampled_from(range(len(sequences)))))
    view = trie.without(excluded)
    assert members_below(view) == {sequence: index for index, sequence in enumerate(sequences) if index not in excluded}
    assert members_below(trie) == {sequence: index for index, sequence in enumerate(sequences)}
    assert [token for token, _ in trie.children(ROOT)] == sorted({sequence[0] for sequence in sequences})


@pytest.mark.parametrize("sequences", [[[1, 2], [1, 2]], [[1], [1, 2]], [[1, 2], [1]]])
def test_sequences_that_cannot_be_reported_separate_are_refused(sequences: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="is a prefix of another sequence, or equals it"):
        TokenTrie(sequences)


@pytest.mark.parametrize(
    ("outputs", "excluded", "message"),
    [
        (("a", "a"), (), "outputs must be distinct, got 1 duplicates"),
        ((" a",), (), "without surrounding white space, got ' a'"),
        (("",), (), "outputs must be non-empty"),
        (("a",), ("b",), "excluded must be members of outputs, got 'b'"),
        (("a",), ("a",), "at least one member that is not excluded"),
        ((), (), "at least one member that is not excluded"),
    ],
)
def test_wrong_sets_are_refused(outputs: tuple[str, ...], excluded: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClosedSet(outputs, excluded)


OUTPUTS = ("red tea", "red tea pots", "red", "blue cars", "garden", "garden pots", "cars in a garden", "tea", "t")
PROMPTS = ["tea pots", "these cars are blue", "garden", "a red pot of tea in the garden of a blue car", "red tea"]
TEMPLATE = PromptTemplate("name these", (("red cars", "cars"),))


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


class Scored:
    """A model with a constraint, and the scores of all members by the plain model, which reads each anew."""

    def __init__(self, folder: Path, constraint: ClosedSet, beams: int) -> None:
        from transforms.language_models.folder import read_model
        from transforms.language_models.transformers_model import TransformersModel

        config = DecodingConfig(num_sequences=beams, constraint=constraint)
        self.constraint = constraint
        self.model = TransformersModel(read_model(folder), None, TEMPLATE, config, "cpu", dtype="float32")

    def expected(self, prompt: str) -> list[tuple[str, float]]:
        """Allowed outputs with their log-probabilities, the most probable first."""
        allowed = [text for text in self.constraint.outputs if text not in self.constraint.excluded]
        return sorted(((text, self._log_prob(prompt, text)) for text in allowed), key=lambda each: -each[1])

    def _log_prob(self, prompt: str, text: str) -> float:
        import torch

        from transforms.language_models.prompt_template import tokenize_completion, tokenize_prompt

        model, tokenizer = self.model._model, self.model._tokenizer
        template = self.model._template
        read = [*template.before, *tokenize_prompt(tokenizer, prompt), *template.after]
        tokens = [*tokenize_completion(tokenizer, text, self.model.encoder_decoder), tokenizer.eos_token_id]
        with torch.inference_mode():
            if self.model.encoder_decoder:
                start = model.generation_config.decoder_start_token_id
                decoder = torch.tensor([[start, *tokens[:-1]]])
                logits = model(input_ids=torch.tensor([read]), decoder_input_ids=decoder).logits[0]
            else:
                logits = model(input_ids=torch.tensor([read + tokens])).logits[0, len(read) - 1 : -1]
        return float(logits.log_softmax(-1).gather(1, torch.tensor(tokens)[:, None]).sum())


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
@pytest.mark.parametrize("excluded", [(), ("tea", "red", "garden pots")])
def test_with_a_beam_for_each_member_all_are_found_with_their_scores(
    folders: dict[str, Path], name: str, excluded: tuple[str, ...]
) -> None:
    scored = Scored(folders[name], ClosedSet(OUTPUTS, excluded), len(OUTPUTS))
    for prompt, nbest in zip(PROMPTS, scored.model.generate(PROMPTS), strict=True):
        expected = scored.expected(prompt)
        assert [each.text for each in nbest.completions] == [text for text, _ in expected]
        assert [each.log_prob for each in nbest.completions] == pytest.approx(
            [score for _, score in expected], abs=1e-3
        )


@pytest.mark.models
@pytest.mark.parametrize("name", ["llama", "t5"])
@pytest.mark.parametrize("beams", [1, 3])
def test_every_output_is_a_member_with_its_score(folders: dict[str, Path], name: str, beams: int) -> None:
    scored = Scored(folders[name], ClosedSet(OUTPUTS, ("tea",)), beams)
    together = scored.model.generate(PROMPTS)
    for prompt, nbest in zip(PROMPTS, together, strict=True):
        scores = dict(scored.expected(prompt))
        texts = [each.text for each in nbest.completions]
        assert len(set(texts)) == len(texts) == beams
        assert set(texts) <= set(OUTPUTS) - {"tea"}
        assert [each.log_prob for each in nbest.completions] == pytest.approx(
            [scores[text] for text in texts], abs=1e-3
        )
        assert texts == sorted(texts, key=lambda text: -scores[text])
        assert [each.text for each in scored.model.generate([prompt])[0].completions] == texts
    scored.model.max_batch_tokens = 60
    assert [[each.text for each in nbest.completions] for nbest in scored.model.generate(PROMPTS)] == [
        [each.text for each in nbest.completions] for nbest in together
    ]


@pytest.mark.models
def test_a_prompt_without_tokens_fails_with_a_constraint_too(folders: dict[str, Path]) -> None:
    from transforms.language_models.folder import read_model
    from transforms.language_models.transformers_model import TransformersModel

    config = DecodingConfig(constraint=ClosedSet(OUTPUTS))
    model = TransformersModel(read_model(folders["plain"]), None, None, config, "cpu")
    assert model.generate([""]) == [no_completion("ValueError: the prompt has no token")]


@pytest.mark.models
def test_outputs_that_the_tokenizer_does_not_distinguish_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="is a prefix of another sequence, or equals it"):
        Scored(folders["llama"], ClosedSet(("☕", "☂")), 1)
