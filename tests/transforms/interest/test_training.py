import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.interest.synthetic import GROUPS, ITEMS, USERS, world
from transforms.interest import training
from transforms.interest.config import InterestConfig
from transforms.interest.pairs import Pairs
from transforms.interest.training import InterestModel, NegativePools, negative_pools, train_dice

Floats = npt.NDArray[np.float64]
ANY, MORE_POPULAR, LESS_POPULAR = 0, 1, 2
RATE, SHRINK, CAUSE, SEPARATION = 1e-3, 0.02, 0.7, 0.05
OWN = np.arange(USERS)[:, None] % GROUPS == np.arange(ITEMS) % GROUPS
QUICK = InterestConfig(dimensions=8)


def loss(rows: Floats, kind: int, squared: bool) -> float:
    """The loss of a step, as in the paper; rows are of the user, the consumed and the negative."""
    half = rows.shape[1] // 2
    user, consumed, negative = rows

    def bpr(difference: float) -> float:
        return float(np.log1p(np.exp(-difference)))

    interest = user[:half] @ (consumed - negative)[:half]
    conformity = user[half:] @ (consumed - negative)[half:]
    value = bpr(interest + conformity)
    if kind == MORE_POPULAR:
        value += CAUSE * (bpr(interest) + bpr(-conformity))
    if kind == LESS_POPULAR:
        value += CAUSE * bpr(conformity)
    difference = rows[:, :half] - rows[:, half:]
    distance = (difference**2 if squared else np.abs(difference)).sum()
    return float(value + SHRINK / 2 * (rows**2).sum() - SEPARATION * distance)


def gradient(of: Callable[[Floats], float], rows: Floats) -> Floats:
    slopes = np.zeros_like(rows)
    for index in np.ndindex(rows.shape):
        ends = []
        for sign in (1, -1):
            moved = rows.copy()
            moved[index] += sign * 1e-6
            ends.append(of(moved))
        slopes[index] = (ends[0] - ends[1]) / 2e-6
    return slopes


@pytest.mark.parametrize("squared", [False, True], ids=["l1", "l2"])
@pytest.mark.parametrize("kind", [ANY, MORE_POPULAR, LESS_POPULAR])
def test_a_step_goes_down_the_loss_of_the_paper(kind: int, squared: bool) -> None:
    rows = np.random.default_rng(kind).normal(0, 1, (3, 6))
    stepped = [row.copy() for row in rows]
    training._step(*stepped, kind, training._Weights(RATE, RATE * SHRINK, CAUSE, RATE * SEPARATION, squared))
    moved = (np.array(stepped) - rows) / RATE
    assert moved == pytest.approx(-gradient(lambda each: loss(each, kind, squared), rows), abs=5e-3)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_pools_are_what_is_clearly_more_or_less_popular(popularity: list[int], margin: float) -> None:
    pools = negative_pools(np.array(popularity), margin)
    for item, own in enumerate(popularity):
        more = set(pools.by_popularity[pools.more_from[item] :].tolist())
        less = set(pools.by_popularity[: pools.less_to[item]].tolist())
        assert more == {other for other, its in enumerate(popularity) if its > own * (1 + margin)}
        assert less == {other for other, its in enumerate(popularity) if its < own / (1 + margin)}


def test_negatives_come_from_the_pools_and_were_not_consumed() -> None:
    pairs = world()
    pools = negative_pools(pairs.popularity, 0.5)
    state = np.array([5], np.uint64)
    consumed = pairs.items[: pairs.offsets[1]]
    item = int(consumed[0])
    sampled = [training._sample_negative(state, 0, item, pairs, pools, 3) for _ in range(300)]
    assert {kind for _, kind in sampled} <= {MORE_POPULAR, LESS_POPULAR}
    for negative, kind in sampled:
        assert negative not in consumed
        own, its = pairs.popularity[item], pairs.popularity[negative]
        assert its > 1.5 * own if kind == MORE_POPULAR else its < own / 1.5


def test_who_has_everything_gives_no_negative() -> None:
    members = np.arange(4, dtype=np.int32)
    pairs = Pairs(np.array([0, 4]), members, 4)
    pools = NegativePools(members, np.full(4, 4), np.zeros(4, np.int64))
    found, _ = training._sample_negative(np.array([1], np.uint64), 0, 2, pairs, pools, 1)
    assert found == -1


def scores(model: InterestModel, part: slice) -> Floats:
    return (model.users[:, part] @ model.items[:, part].T).astype(np.float64)


def fraction_of_own(found: Floats) -> float:
    """The frequency with which an item of a user's own group ranks above one of another group."""
    ranks = found[:, :ITEMS].argsort(axis=1).argsort(axis=1)
    return float((ranks[OWN].mean() - ranks[~OWN].mean()) / ITEMS + 0.5)


def test_interest_learns_groups_and_conformity_what_everybody_does() -> None:
    pairs = world()
    model = train_dice(pairs, QUICK)
    assert model.dimensions == 8
    interest, conformity = (scores(model, part) for part in (slice(8), slice(8, None)))
    assert fraction_of_own(interest) > 0.95
    popular = slice(ITEMS, None)
    assert (conformity[:, popular].mean(axis=1) > conformity[:, :ITEMS].mean(axis=1)).mean() > 0.95
    of_own = np.where(OWN, interest[:, :ITEMS], 0).sum(axis=1) / OWN.sum(axis=1)
    assert (interest[:, popular].mean(axis=1) < of_own).mean() > 0.95


def test_plain_factorisation_learns_groups_too() -> None:
    model = train_dice(world(), dataclasses.replace(QUICK, causal_negatives=False))
    assert fraction_of_own(scores(model, slice(None))) > 0.9


def test_the_same_pairs_and_seed_give_the_same_bytes_and_another_seed_does_not() -> None:
    few = dataclasses.replace(QUICK, epochs=2)
    first, again, other = (train_dice(world(), dataclasses.replace(few, seed=seed)) for seed in (1, 1, 2))
    assert first.users.tobytes() == again.users.tobytes()
    assert first.items.tobytes() == again.items.tobytes()
    assert first.items.tobytes() != other.items.tobytes()


def test_an_empty_log() -> None:
    model = train_dice(
        world()._replace(offsets=np.zeros(1, np.int64), items=np.zeros(0, np.int32), item_count=0), QUICK
    )
    assert model.users.shape == model.items.shape == (0, 16)
