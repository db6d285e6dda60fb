"""Measures of the latent intent model; none needs torch."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.intents.latent.measures import (
    RowTerms,
    check_collapse,
    elbo_parts,
    measure_lists,
    merge_in_turn,
    top_items,
)
from transforms.intents.latent.rows import NextItems
from transforms.recommendation.histories import NO_ITEM


def terms(divergences: list[list[float]], means: list[list[float]], shifts: list[list[float]]) -> RowTerms:
    rows = [np.array(each, np.float64) for each in (divergences, means, shifts)]
    return RowTerms(np.array([-3.0, -5.0]), *rows)


def test_the_parts_of_the_elbo_by_hand() -> None:
    # The first unit shifts by 0 or 1, with the variance 1/4; the second varies only with its prior.
    parts = elbo_parts(terms([[0.2, 0.0], [0.4, 0.0]], [[0, 0], [1, 4]], [[0, 0.5], [1, 0.5]]))
    assert parts.reconstruction == -4
    assert parts.divergences == pytest.approx([0.3, 0])
    assert parts.elbo == pytest.approx(-4.3)
    assert (parts.varying_units, parts.active_units) == (2, 1)
    assert check_collapse(parts) == (False, "")


def test_the_variance_of_an_active_unit_is_above_the_limit() -> None:
    # Values -a and a have the variance a^2.
    for half, active in ((0.09, 0), (0.11, 1)):
        assert elbo_parts(terms([[1.0], [1.0]], [[-half], [half]], [[-half], [half]])).active_units == active


def test_a_collapse_has_a_reason() -> None:
    same = check_collapse(elbo_parts(terms([[0.2], [0.2]], [[0], [9]], [[1], [1]])))
    assert same.is_collapsed
    assert "No latent unit is active" in same.reason
    little = check_collapse(elbo_parts(terms([[0.02], [0.04]], [[0], [1]], [[0], [1]])))
    assert little.is_collapsed
    assert "is 0.03 nats, below 0.05" in little.reason
    assert not check_collapse(elbo_parts(terms([[0.02], [0.04]], [[0], [1]], [[0], [1]])), 0.01).is_collapsed
    without = RowTerms(np.zeros(2), *(np.zeros((2, 0)) for _ in range(3)))
    assert check_collapse(elbo_parts(without)) == (False, "")


def test_no_rows_have_no_elbo() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        elbo_parts(RowTerms(np.zeros(0), *(np.zeros((0, 2)) for _ in range(3))))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_the_top_items_equal_those_of_a_sort(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 3, (4, 7)).astype(np.float32)
    scores[random.random((4, 7)) < 0.3] = -np.inf
    expected = np.full((4, count), NO_ITEM)
    for row, own in enumerate(scores):
        listed = [item for item in np.argsort(-own, kind="stable") if own[item] > -np.inf][:count]
        expected[row, : len(listed)] = listed
    assert top_items(scores, count).tolist() == expected.tolist()


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="scores must be numbers"):
        top_items(np.array([[np.nan]], np.float32), 1)


def test_lists_of_samples_are_merged_in_turn() -> None:
    lists = np.array([[[1, 2, 3], [5, 6, 7]], [[2, 4, 1], [5, 6, 7]], [[1, 8, 9], [5, NO_ITEM, NO_ITEM]]], np.int32)
    # First row: 1, 2, (1); 2 is placed, 4. Second row: three lists with the same first items.
    assert merge_in_turn(lists).tolist() == [[1, 2, 4], [5, 6, 7]]
    assert merge_in_turn(lists[:1]).tolist() == lists[0].tolist()


def test_measures_of_lists_by_hand() -> None:
    clusters = np.array([0, 0, 1, 2, NO_ITEM], np.int32)
    vectors = np.array([[2, 0], [1, 0], [0, 3], [-1, 0], [0, 0]], np.float32)
    lists = np.array([[0, 1, 2], [3, 0, 4], [0, NO_ITEM, NO_ITEM], [NO_ITEM] * 3], np.int32)
    following = NextItems(np.array([0, 3, 4, 4, 6]), np.array([1, 1, 3, 3, 0, 1], np.int32))
    found = measure_lists(lists, following, clusters, vectors)
    # Distinct next items 1 and 3, of which 1 is listed; 3 is; none; 0 and 1, in an empty list.
    assert found.recall == pytest.approx([0.5, 1, np.nan, 0], nan_ok=True)
    assert found.clusters.tolist() == [2, 2, 1, 0]
    # Distances 0, 1 and 1; 2 of opposite vectors, and 1 twice of the zero vector.
    assert found.distance == pytest.approx([2 / 3, 4 / 3, np.nan, np.nan], nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_measures_of_lists_equal_a_plain_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors, clusters = random.normal(size=(9, 3)).astype(np.float32), random.integers(-1, 4, 9).astype(np.int32)
    items = random.permuted(np.tile(np.arange(9, dtype=np.int32), (3, 1)), axis=1)[:, :4]
    listed = np.where(np.arange(4) < random.integers(2, 5, 3)[:, None], items, NO_ITEM)
    following = NextItems(np.arange(4) * 3, random.integers(0, 9, 9).astype(np.int32))
    found = measure_lists(listed, following, clusters, vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in range(3):
        own = [item for item in listed[row].tolist() if item != NO_ITEM]
        wanted = set(following.items[row * 3 : row * 3 + 3].tolist())
        distances = [1 - unit[one] @ unit[other] for one in own for other in own if one < other]
        assert found.recall[row] == len(wanted & set(own)) / len(wanted)
        assert found.clusters[row] == len({int(clusters[item]) for item in own} - {-1})
        assert found.distance[row] == pytest.approx(np.mean(distances), abs=1e-6)


def test_measures_and_re_ranking_do_not_import_torch() -> None:
    modules = "transforms.intents.latent.measures, transforms.intents.latent.config, transforms.intents.reranking"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
