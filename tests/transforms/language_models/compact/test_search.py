import itertools
import math

import pytest

pytest.importorskip("torch")

import torch

from tests.transforms.language_models.compact.test_network import KNOWN, first_of, make_network, make_told
from transforms.language_models.compact.network import Network, Told
from transforms.language_models.compact.search import SearchConfig, likeliest_names

END = KNOWN[0]
WIDE = 200
"""Beams that are enough to follow all names."""


def chance(network: Network, told: Told, name: tuple[int, ...]) -> float:
    """Logarithm of the chance of a name, said as a whole."""
    memory = network.remember(told)
    pieces = torch.tensor([[*name, END]])
    with torch.inference_mode():
        chances = network.chance_of(network(memory, pieces[:, :-1]), memory, told.pieces, pieces)[0]
    return float(chances.sum())


def best_names(
    network: Network, told: Told, longest: int, power: float, banned: tuple[int, ...]
) -> list[tuple[float, tuple[int, ...]]]:
    """All names by plain enumeration, the best first."""
    said = sorted({*KNOWN[1:], *told.pieces[told.mask].tolist()} - set(banned))
    names = [name for length in range(1, longest + 1) for name in itertools.product(said, repeat=length)]
    scored = [(chance(network, told, name) / (len(name) + 1) ** power, name) for name in names]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_wide_enough_a_search_finds_the_best_names(seed: int, power: float) -> None:
    network, told = make_network(seed), make_told([3], seed)
    config = SearchConfig(WIDE, longest=2, length_power=power, banned=(5,))
    (found,) = likeliest_names(network, told, config)
    expected = best_names(network, told, 2, power, (5,))
    assert len(found) == len(expected)
    for name, (score, pieces) in zip(found, expected, strict=True):
        assert name.score == pytest.approx(score, abs=1e-4)
        assert tuple(name.spelled.pieces) == pieces or math.isclose(name.score, score, abs_tol=1e-4)


def test_marks_are_the_likeliest_of_each_piece() -> None:
    network, told = make_network(1), make_told([4], 1)
    (found,) = likeliest_names(network, told, SearchConfig(3, longest=4, length_power=0.7))
    memory = network.remember(told)
    for name in found:
        pieces = torch.tensor([name.spelled.pieces])
        marks = network.marks_of(network(memory, pieces)[:, :-1], pieces).argmax(-1)
        assert name.spelled.marks == marks[0].tolist()


def test_what_is_beside_an_example_changes_nothing() -> None:
    network, told = make_network(2), make_told([2, 7, 5], 2)
    config = SearchConfig(4, longest=5, length_power=0.7)
    together = likeliest_names(network, told, config)
    (alone,) = likeliest_names(network, first_of(told, 1, 2), config)
    assert [name.spelled for name in alone] == [name.spelled for name in together[0]]
    assert [name.score for name in alone] == pytest.approx([name.score for name in together[0]], abs=1e-4)


def test_names_are_no_longer_than_allowed() -> None:
    found = likeliest_names(make_network(), make_told([4]), SearchConfig(8, longest=1, length_power=0.0))
    assert {len(name.spelled.pieces) for name in found[0]} == {1}


def test_drawing_puts_the_whole_vocabulary_into_the_hat() -> None:
    network, told = make_network(), make_told([3, 4])
    seen = []

    def draw(chances: torch.Tensor) -> torch.Tensor:
        seen.append(chances.exp().sum(-1))
        return torch.nn.functional.one_hot(torch.tensor([4, 7]), chances.shape[1]).float()

    found = likeliest_names(network, told, SearchConfig(1, longest=3, length_power=0.0), draw)
    assert [each[0].spelled.pieces for each in found] == [[4, 4, 4], [7, 7, 7]]
    assert bool((torch.stack(seen)[1:] > 0.99).all())
