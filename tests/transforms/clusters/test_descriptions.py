import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.clusters.descriptions import ItemTerms, Keywords, describe, join_keywords
from transforms.clusters.tree import Level, Tree
from transforms.columnar import list_offsets


def tree_of(*children: list[int]) -> Tree:
    """Return a tree by the numbers of children of the nodes; descriptions do not need its vectors."""
    levels = []
    for counts in children:
        size = sum(counts)
        levels.append(Level(list_offsets(np.array(counts)), np.zeros((size, 1), np.int16), np.zeros(size, np.int64)))
    return Tree(tuple(levels))


def terms_of(items: list[dict[str, float]]) -> tuple[ItemTerms, pa.StringArray]:
    vocabulary = sorted({term for item in items for term in item})
    codes = [vocabulary.index(term) for item in items for term in item]
    saliences = [salience for item in items for salience in item.values()]
    offsets = list_offsets(np.array([len(item) for item in items]))
    return (
        ItemTerms(offsets, np.array(codes, np.int32), np.array(saliences, np.float32)),
        pa.array(vocabulary, pa.string()),
    )


def described(tree: Tree, paths: list[list[int]], items: list[dict[str, float]], count: int) -> list[list[Keywords]]:
    terms, vocabulary = terms_of(items)
    return list(describe(tree, np.array(paths, np.int32), terms, vocabulary, count))


def test_the_most_distinguishing_word_comes_first() -> None:
    items = [
        {"paper": 0.9, "GANs": 0.6, "images": 0.5},
        {"paper": 0.9, "GANs": 0.6, "images": 0.5},
        {"paper": 0.9, "images": 0.5, "SQL": 0.8},
        {"paper": 0.9, "SQL": 0.8},
    ]
    # paper: 0.9 (1/2)² = 0.225 in both. First node: GANs 0.6, images 0.5 (1 / 1.5)² = 0.222. Only one item of the
    # second node has images.
    found = described(tree_of([2]), [[0], [0], [1], [1]], items, 3)
    assert found == [[("GANs", "paper", "images"), ("SQL", "paper")]]


def test_no_word_occurs_twice_and_the_longer_term_is_preferred() -> None:
    items = [{"network": 0.9, "Neural networks": 0.6, "neural": 0.5, "networks": 0.4, "graph": 0.1}] * 2 + [{}]
    assert described(tree_of([2]), [[0], [0], [1]], items, 3)[0][0] == ("Neural networks", "graph")
    items[0] = items[1] = items[0] | {"Neural networks": 0.44}
    assert described(tree_of([2]), [[0], [0], [1]], items, 3)[0][0] == ("network", "neural", "graph")


def test_long_terms_come_last() -> None:
    items = [{"x" * 40: 0.9, "short": 0.1}] * 2
    assert described(tree_of([1]), [[0], [0]], items, 1) == [[("short",)]]
    assert described(tree_of([1]), [[0], [0]], [{"x" * 40: 0.9}] * 2, 1) == [[("x" * 40,)]]


def test_another_keyword_then_more_then_that_of_the_parent_then_a_number() -> None:
    spare = [{"a": 0.9, "b": 0.8, "c": 0.7}] * 2
    chain = tree_of([1], [1], [1], [1], [1])
    found = described(chain, [[0] * 5] * 2, spare, 2)
    assert [join_keywords(level[0]) for level in found] == ["a, b", "a, c", "a, b, c", "a, b, 2", "a, b, 3"]
    tree = tree_of([2], [1, 2])
    items = [{"a": 0.9}, {"a": 0.9}, {"b": 0.9, "a": 0.1}, {"b": 0.9, "a": 0.1}, {"a": 0.9}, {"a": 0.9}]
    paths = [[0, 0], [0, 0], [1, 1], [1, 1], [1, 2], [1, 2]]
    assert described(tree, paths, items, 1) == [[("a",), ("b",)], [("a", "2"), ("b", "a"), ("a", "3")]]


def test_case_is_ignored() -> None:
    items = [{"AI": 0.9}, {"AI": 0.9}, {"ai": 0.9}, {"ai": 0.9}]
    assert described(tree_of([2]), [[0], [0], [1], [1]], items, 1) == [[("AI",), ("ai", "2")]]


def test_nodes_without_terms() -> None:
    tree = tree_of([2], [1, 2])
    paths = [[0, 0], [0, 0], [1, 1], [1, 2]]
    found = described(tree, paths, [{"a": 0.9}, {"a": 0.9}, {}, {}], 2)
    assert found == [[("a",), ("other",)], [("a", "2"), ("other", "2"), ("other", "3")]]
    below = described(tree_of([1], [2]), [[0, 0], [0, 0], [0, 1]], [{"a": 0.9}, {"a": 0.9}, {}], 2)
    assert below == [[("a",)], [("a", "2"), ("other",)]]


NAMES = st.sampled_from(["a", "b", "A", "a b", "cats", "cat", "2", "other", "a, b", "é-x", "b a"])


@given(
    st.lists(st.dictionaries(NAMES, st.floats(0, 1, width=32), max_size=4), min_size=4, max_size=20),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_descriptions_are_unique_and_do_not_depend_on_the_order(items, keywords, random) -> None:  # type: ignore[no-untyped-def]
    tree = tree_of([2], [1, 2], [1, 2, 1])
    paths = [[[0, 0, 0], [1, 1, 1], [1, 1, 2], [1, 2, 3]][item % 4] for item in range(len(items))]
    found = described(tree, paths, items, keywords)
    assert [len(level) for level in found] == [2, 3, 4]
    texts = [join_keywords(node).casefold() for node in itertools.chain.from_iterable(found)]
    assert len(set(texts)) == len(texts)
    assert all(texts)
    rows = list(zip(paths, items, strict=True))
    random.shuffle(rows)
    assert described(tree, [path for path, _ in rows], [item for _, item in rows], keywords) == found


@pytest.mark.parametrize("items", [[{}, {}], [{"a": 0.5}, {}]])
def test_items_without_terms_are_allowed(items: list[dict[str, float]]) -> None:
    assert described(tree_of([1]), [[0], [0]], items, 3) == [[("other",)]]
