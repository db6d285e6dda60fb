import pytest

pytest.importorskip("torch")

import torch

from transforms.language_models.compact.config import NetworkConfig
from transforms.language_models.compact.network import MOST_COUNTED, Memory, Network, Told

SHAPE = NetworkConfig(width=16, heads=2, layers=2, hidden=24, name_pieces=6)
VOCABULARY, ENCODER_WIDTH = 12, 10
KNOWN = [2, 4, 5, 7]


def make_network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    network = Network(SHAPE, KNOWN, torch.randn(VOCABULARY, ENCODER_WIDTH)).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    return network


def make_told(lengths: list[int], seed: int = 0) -> Told:
    """Texts of random states and pieces; what is behind an example's length is random, too."""
    random = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    return Told(
        torch.randint(3, VOCABULARY, shape, generator=random),
        torch.randn((*shape, ENCODER_WIDTH), generator=random),
        torch.randint(1, MOST_COUNTED + 1, shape, generator=random),
        torch.arange(max(lengths)) < torch.tensor(lengths)[:, None],
        torch.randn((len(lengths), ENCODER_WIDTH), generator=random),
    )


def first_of(told: Told, rows: int, pieces: int) -> Told:
    return Told(*(part[:rows, :pieces] if part.dim() > 1 and part is not told.means else part[:rows] for part in told))


def test_chances_make_one() -> None:
    network, told = make_network(), make_told([5, 3])
    memory = network.remember(told)
    known, copied = network.chances(network(memory, torch.tensor([[4, 5], [9, 2]])), memory)
    assert known.shape == (2, 3, len(KNOWN))
    assert copied.shape == (2, 3, 5)
    assert torch.allclose(known.exp().sum(-1) + copied.exp().sum(-1), torch.ones(2, 3), atol=1e-5)
    assert bool((copied[1, :, 3:].exp() == 0).all())


def test_the_chance_of_a_piece_is_that_it_is_chosen_or_copied() -> None:
    network = make_network()
    told = make_told([4])._replace(pieces=torch.tensor([[5, 9, 5, 3]]))
    memory = network.remember(told)
    hidden = network(memory, torch.tensor([[4, 7]]))
    known, copied = (part.exp()[0] for part in network.chances(hidden, memory))
    found = network.chance_of(hidden, memory, told.pieces, torch.tensor([[5, 9, 7]])).exp()[0]
    expected = [known[0, 2] + copied[0, 0] + copied[0, 2], copied[1, 1], known[2, 3]]
    assert found.tolist() == pytest.approx([float(each.detach()) for each in expected], rel=1e-5)
    unsaid = network.chance_of(hidden, memory, told.pieces, torch.tensor([[11, 11, 11]]))
    assert bool((unsaid < -20).all())
    assert bool(unsaid.isfinite().all())


def test_padding_changes_nothing() -> None:
    network, told = make_network(), make_told([3, 6])
    pieces = torch.tensor([[4, 9, 2], [5, 5, 7]])
    for part in (first_of(told, 1, 3), first_of(told, 1, 5)):
        together = network(network.remember(told), pieces)[:1]
        assert torch.allclose(network(network.remember(part), pieces[:1]), together, atol=1e-5)


def test_a_piece_sees_those_before_it_alone() -> None:
    network, memory = make_network(), make_network().remember(make_told([4]))
    one, other = (network(memory, torch.tensor([[4, 9, last, 7]])) for last in (5, 10))
    assert torch.allclose(one[:, :3], other[:, :3], atol=1e-6)
    assert not torch.allclose(one[:, 3:], other[:, 3:], atol=1e-2)


def test_piece_by_piece_is_the_same_as_all_at_once() -> None:
    network, told = make_network(), make_told([5, 3])
    memory = network.remember(told)
    names = torch.tensor([[[4, 9, 5], [7, 3, 3]], [[11, 4, 2], [5, 5, 8]]])
    x, past = memory.start[:, None].expand(-1, 2, -1), [None] * SHAPE.layers
    for place in range(4):
        hidden, past = network.step(x, place, memory, past)
        for beam in range(2):
            whole = network(memory, names[:, beam, :place])[:, -1]
            assert torch.allclose(hidden[:, beam], whole, atol=1e-5)
        x = network.embed(names[..., min(place, 2)])


def test_memory_has_a_head_for_each_part_of_the_width() -> None:
    memory = make_network().remember(make_told([5, 3]))
    assert isinstance(memory, Memory)
    assert memory.keys.shape == memory.values.shape == (2, 2, 5, 8)
