from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.salience.candidates import catalogue_terms
from transforms.salience.config import VocabularyConfig
from transforms.salience.spelling import SPELLINGS, sum_spellings
from transforms.salience.text import normalise
from transforms.salience.vocabulary import catalogue_size, frequent_terms, vocabulary

LIMITS = VocabularyConfig(min_term_items=1, max_term_fraction=1.0, min_association=-1.0)


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"title": "", "item_id": f"i{number}"} | row for number, row in enumerate(rows)], ITEMS.arrow
    )


def spellings(*texts: str, **fields: list[str]) -> dict[str, str]:
    """The spelling of each term of a catalogue with these titles, and an item of other words."""
    rows: list[dict[str, Any]] = [{"title": text} for text in texts]
    rows += [{"tags": [tag]} for tag in fields.get("tags", [])]
    found = catalogue_terms(batch([*rows, {"title": "zzz"}, {"title": "yyy"}]))
    frequent = frequent_terms([found.statistics], [found.spellings], LIMITS)
    chosen = vocabulary([frequent], catalogue_size(found.candidates), LIMITS)
    return dict(zip(chosen["term"].to_pylist(), chosen["spelling"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("titles", "term", "spelling"),
    [
        (["JUMBO BAG RED", "JUMBO BAG PINK"], "jumbo bag", "jumbo bag"),
        (["T-LIGHT HOLDER"], "t light", "t-light"),
        (["Graph networks", "Graph methods"], "graph", "graph"),
        (["Deep Graph Networks", "Large Graph Models"], "graph", "graph"),
        (["NTIRE 2025 Challenge on Image Super-Resolution"], "super resolution", "super-resolution"),
        (["NTIRE 2025 Challenge on Image Super-Resolution"], "ntire 2025", "NTIRE 2025"),
        (["we use Bayesian methods here", "Bayesian Deep Learning Models"], "bayesian", "Bayesian"),
        (["a tool, for the CLI and more", "a CLI of tools", "my-cli: tools"], "cli", "CLI"),
        (["apps for iOS made simple", "GitHub client for iOS"], "ios", "iOS"),
        (["apps for iOS made simple", "GitHub client for iOS"], "github", "GitHub"),
        (["a library for C++ and more"], "c++", "C++"),
        (["welcome to the busy streets of New York and its large parks"], "new york", "New York"),
        (["dans la Straße von Köln"], "strasse", "Straße"),
        (["one graph, one Graph here", "the graph again"], "graph", "graph"),
        # The word is certainly written in one way, the bigram is only in a headline.
        (
            ["Bayesian Optimization Methods", "about Bayesian things here"],
            "bayesian optimization",
            "Bayesian optimization",
        ),
    ],
)
def test_spellings_by_hand(titles: list[str], term: str, spelling: str) -> None:
    assert spellings(*titles)[term] == spelling


def test_tags_decide_only_where_prose_does_not() -> None:
    assert spellings("the PyTorch library", tags=["pytorch"] * 3)["pytorch"] == "PyTorch"
    assert spellings(tags=["Sci-Fi", "Sci-Fi"])["sci fi"] == "sci-fi"


def test_a_few_certain_mentions_do_not_decide() -> None:
    headlines = [f"The Iron Man {number}" for number in range(30)]
    assert spellings(*headlines, "qui est le Man de mes jours")["man"] == "man"


TEXTS = st.lists(
    st.sampled_from(["Tea", "tea", "TEA", "iPot", "C++", "of", "straße", "Straße", "x", "3D", "人工智能", "Köln's"]),
    max_size=6,
).flatmap(lambda words: st.sampled_from([" ", "-", ", "]).map(lambda joint: joint.join(words)))


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_spellings_are_distinct_and_are_the_terms(texts: list[str]) -> None:
    found = spellings(*texts)
    assert len(set(found.values())) == len(found)
    for term, spelling in found.items():
        assert normalise(spelling).replace("-", " ") == term


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=6), st.integers(0, 6))
def test_batches_do_not_matter(texts: list[str], cut: int) -> None:
    rows = batch([{"title": text} for text in texts])
    parts = [catalogue_terms(part) for part in (rows.slice(cut), rows.slice(0, cut))]
    whole = catalogue_terms(rows)
    assert sum_spellings(part.spellings for part in parts) == sum_spellings([whole.spellings])
    assert frequent_terms(
        (part.statistics for part in parts), (part.spellings for part in parts), LIMITS
    ) == frequent_terms([whole.statistics], [whole.spellings], LIMITS)


def test_no_items() -> None:
    assert spellings() == {"zzz": "zzz", "yyy": "yyy"} | spellings()
    assert catalogue_terms(batch([])).spellings == pa.RecordBatch.from_pylist([], SPELLINGS)
