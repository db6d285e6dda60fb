import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.evaluation.bootstrap import resampled_sums, score_difference, score_interval
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, overlap_counts, overlap_score, signature

NAMES = ["Growing herbs on balconies", "Jazz piano for beginners", "", "The history of the Silk Road", "Chess", "a b"]
REFERENCES = ["Growing food on a balcony", "Jazz piano for beginners", "Knitting", "Silk Road history", "Go", "a b c"]
HEURISTICS = {"bleu": sacrebleu.corpus_bleu, "chrf": sacrebleu.corpus_chrf}
TEXTS = st.text("ab c,.", max_size=12)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_every_resample_has_the_score_that_sacrebleu_gives_its_sentences(overlap: str) -> None:
    counts, score = overlap_counts(overlap, NAMES, REFERENCES), overlap_score(overlap)
    sums = resampled_sums(counts, 0)
    sampled = np.random.default_rng(0).integers(len(NAMES), size=(len(sums), len(NAMES)))
    for own, places in list(zip(sums.tolist(), sampled.tolist(), strict=True))[:200]:
        names, references = [NAMES[place] for place in places], [REFERENCES[place] for place in places]
        assert score(own) == pytest.approx(HEURISTICS[overlap](names, [references]).score, abs=1e-9)


@pytest.mark.parametrize("overlap", OVERLAPS)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
@settings(max_examples=50)
def test_any_sentences_have_the_score_that_sacrebleu_gives_them(overlap: str, pairs: list[tuple[str, str]]) -> None:
    names, references = [name for name, _ in pairs], [reference for _, reference in pairs]
    sums = overlap_counts(overlap, names, references).sum(axis=0)
    assert overlap_score(overlap)(sums.tolist()) == pytest.approx(HEURISTICS[overlap](names, [references]).score)


def test_by_hand() -> None:
    """`a b c d e f` for `a b c d x`: 4 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples are right."""
    counts = overlap_counts("bleu", ["a b c d e f"], ["a b c d x"])
    assert counts.tolist() == [[6, 5, 4, 3, 2, 1, 6, 5, 4, 3]]
    assert overlap_score("bleu")(counts[0].tolist()) == pytest.approx(100 * (4 * 3 * 2 / (6 * 5 * 4 * 3)) ** 0.25)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_intervals_hold_the_score_and_differences_are_paired(overlap: str) -> None:
    names, references = NAMES * 30, REFERENCES * 30
    counts, score = overlap_counts(overlap, names, references), overlap_score(overlap)
    found = score_interval(counts, score, 0)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(HEURISTICS[overlap](names, [references]).score)
    assert found.n == len(names)
    perfect = overlap_counts(overlap, references, references)
    difference = score_difference(perfect, counts, score, 0)
    assert difference.value == pytest.approx(100 - found.value)
    assert difference.low == pytest.approx(100 - found.high)


def test_signatures_say_how() -> None:
    assert signature("bleu") == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    assert signature("chrf") == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{sacrebleu.__version__}"


def test_each_name_needs_a_reference() -> None:
    with pytest.raises(ValueError, match="got 2 names and 1 references"):
        overlap_counts("bleu", ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="got 0 names"):
        overlap_counts("chrf", [], [])
