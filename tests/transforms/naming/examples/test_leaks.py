import itertools

import apache_beam as beam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.splits import SPLITS
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.naming.examples.builders import chunks, score, scored_batch
from transforms.columnar import concatenate
from transforms.naming.examples import leaks
from transforms.naming.examples.leaks import (
    RemoveLeakage,
    is_leaking,
    names_to_compare,
    same_names,
    same_titles,
    titles_to_compare,
)
from transforms.naming.examples.quality import SCORED
from transforms.naming.text import normalize

Example = tuple[str, str, tuple[str, ...]]
"""Part, name and titles."""


def rows_of(examples: list[Example]) -> list[dict]:
    return [
        score(f"{number:x}", split=part, name=name, titles=list(titles))
        for number, (part, name, titles) in enumerate(examples)
    ]


def which_leak(examples: list[Example]) -> list[bool]:
    rows = scored_batch(rows_of(examples))
    shared = [same_names([names_to_compare(rows)]), same_titles([titles_to_compare(rows)])]
    return is_leaking(rows, shared)


def plainly(examples: list[Example]) -> list[bool]:
    """The same, said at once: each example against each other."""
    found = []
    for part, name, titles in examples:
        own = {normalize(title) for title in titles}
        above = [other for other in examples if SPLITS.index(other[0]) > SPLITS.index(part)]
        same = any(normalize(other[1]) == normalize(name) for other in above)
        maximum = max((len(own & {normalize(title) for title in other[2]}) for other in above), default=0)
        found.append(same or maximum > len(own) / 2)
    return found


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        ([("train", "Teas", ("a", "b", "c")), ("test", "tea", ("d", "e", "f"))], [True, False]),
        ([("train", "Tea", ("a", "b", "c")), ("train", "tea", ("a", "b", "c"))], [False, False]),
        ([("train", "Tea", ("A", "b", "c", "d")), ("validation", "Jam", ("a", "B", "C"))], [True, False]),
        ([("train", "Tea", ("a", "b", "c", "d")), ("validation", "Jam", ("a", "b"))], [False, False]),
        ([("validation", "Tea", ("a", "b", "c")), ("test", "Jam", ("a", "b", "x"))], [True, False]),
        (
            [
                ("train", "Tea", ("a", "b", "c", "d")),
                ("test", "Jam", ("a", "b")),
                ("test", "Bun", ("c", "d")),
            ],
            [False, False, False],
        ),
    ],
    ids=["name", "one part", "most titles", "half of them", "validation too", "of two examples together"],
)
def test_by_hand(examples: list[Example], expected: list[bool]) -> None:
    assert which_leak(examples) == plainly(examples) == expected


EXAMPLES = st.lists(
    st.tuples(
        st.sampled_from(SPLITS),
        st.sampled_from(["Tea", "tea", "Jam", "Buns", "Bun"]),
        st.lists(st.sampled_from("abcdefABC"), min_size=1, max_size=5).map(tuple),
    ),
    max_size=8,
)


@given(EXAMPLES)
def test_like_a_plain_reference(examples: list[Example]) -> None:
    assert which_leak(examples) == plainly(examples)


def test_titles_of_very_many_examples_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    examples: list[Example] = [
        ("test", "Tea", ("Introduction", "a")),
        ("test", "Jam", ("Introduction", "b")),
        ("train", "Bun", ("Introduction",)),
    ]
    assert which_leak(examples) == [False, False, True]
    monkeypatch.setattr(leaks, "MAX_EXAMPLES_PER_TITLE", 2)
    assert which_leak(examples) == [False, False, False]


def test_on_beam() -> None:
    examples: list[Example] = [
        (SPLITS[number % 3], f"Name {'abcdefghij'[number % 10]}", tuple(f"t{number % place}" for place in (5, 7, 11)))
        for number in range(40)
    ]
    rows = scored_batch(rows_of(examples))
    expected = list(itertools.compress(rows["example_id"].to_pylist(), [not leak for leak in plainly(examples)]))
    assert 0 < len(expected) < len(examples)

    def run(count: int, buckets: int) -> dict:
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            separate, counts = create(pipeline, "Rows", chunks(rows, count)) | RemoveLeakage(buckets)
            return {"examples": separate, "counts": counts}

        return run_graph(build)

    for count, buckets in ((1, 3), (4, 1)):
        found = run(count, buckets)
        kept = concatenate(found["examples"], SCORED).sort_by("example_id")
        assert kept["example_id"].to_pylist() == sorted(expected)
        assert sum(number for _, number in found["counts"]) == len(examples) - len(expected)
