"""The layers and the two towers of the sequence recommender."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.layers import CausalAttention, LiGRLayer, SwiGLU
from transforms.recommendation.sequence.model import NO_CONDITION, ItemTower, SequenceModel, UserTower, conditions_of

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("without_gradients")]
CONFIG = SequenceConfig(dimensions=8, heads=2, blocks=2, length=6)


@pytest.fixture
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def _tower(clusters: int = 0) -> UserTower:
    torch.manual_seed(0)
    return SequenceModel(CONFIG, np.ones(10, bool), None, clusters).eval().users


def test_swiglu_is_the_product_of_an_activated_and_a_linear_part() -> None:
    layer = SwiGLU(1, 0.0)
    with torch.no_grad():
        layer.activated.weight[:] = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
        layer.linear.weight[:] = torch.tensor([[3.0], [1.0], [1.0], [1.0]])
        layer.output.weight[:] = torch.tensor([[2.0, 1.0, 1.0, 1.0]])
    silu = 2.0 / (1 + np.exp(-2.0))
    assert float(layer(torch.tensor([2.0]))) == pytest.approx(2 * silu * 6.0)


def test_attention_of_one_head_by_hand() -> None:
    attention = CausalAttention(1, 1, 0.0)
    with torch.no_grad():
        attention.inputs.weight[:] = torch.tensor([[1.0], [1.0], [1.0]])  # query, key and value are the state
        attention.inputs.bias.zero_()
        attention.output.weight[:] = 1.0
        attention.output.bias.zero_()
    states = torch.tensor([[[1.0], [2.0]]])
    weights = np.exp([2.0, 4.0]) / np.exp([2.0, 4.0]).sum()
    expected = [1.0, weights @ [1.0, 2.0]]
    assert attention(states)[0, :, 0].tolist() == pytest.approx(expected)


def test_what_a_ligr_layer_adds_is_weighted_by_a_sigmoid_of_its_input() -> None:
    torch.manual_seed(1)
    layer, states = LiGRLayer(8, 2, 0.0).eval(), torch.randn(1, 3, 8)
    with torch.no_grad():
        for factor in layer.factors:
            factor.weight.zero_()
            factor.bias.fill_(-50.0)
        assert torch.equal(layer(states), states)  # sigmoid(-50) is 0 in float32
        for factor in layer.factors:
            factor.bias.zero_()
        first = states + 0.5 * layer.sublayers[0](layer.norms[0](states))
        assert torch.allclose(layer(states), first + 0.5 * layer.sublayers[1](layer.norms[1](first)))


def test_states_do_not_depend_on_later_items() -> None:
    tower, lengths = _tower(), torch.tensor([5, 5])
    items = torch.randn(2, 5, 8)
    items[1, :3] = items[0, :3]
    states = tower.states(items, lengths)
    assert torch.allclose(states[0, :4], states[1, :4], atol=1e-6)
    assert not torch.allclose(states[0, 4], states[1, 4], atol=1e-2)


def test_padding_behind_the_last_item_changes_no_state() -> None:
    tower, items = _tower(), torch.randn(1, 3, 8)
    padded = torch.cat([items, torch.randn(1, 3, 8)], dim=1)
    length = torch.tensor([3])
    assert torch.allclose(tower.states(padded, length)[:, :4], tower.states(items, length), atol=1e-6)


def test_states_depend_on_the_order_of_items() -> None:
    tower, items = _tower(), torch.randn(1, 3, 8)
    length = torch.tensor([3])
    swapped = items[:, [1, 0, 2]]
    assert not torch.allclose(tower.states(items, length)[:, 3], tower.states(swapped, length)[:, 3], atol=1e-3)


def test_a_user_without_items_has_a_state() -> None:
    assert _tower().states(torch.zeros(2, 0, 8), torch.tensor([0, 0])).shape == (2, 1, 8)


def test_a_condition_is_part_of_the_vector_of_a_user_and_none_is_no_part() -> None:
    tower, state = _tower(clusters=3), torch.randn(3, 8)
    vectors = tower(state, torch.tensor([0, 2, NO_CONDITION]))
    plain = tower(state)
    assert torch.equal(vectors[2], plain[2])
    assert torch.allclose(vectors[1], tower.norm(state[1] + tower.conditions.weight[2]))
    assert not torch.allclose(vectors[0], plain[0], atol=1e-3)


def test_components_of_users_are_below_the_bound() -> None:
    tower = _tower()
    with torch.no_grad():
        tower.norm.weight.uniform_(-2, 2)
        tower.norm.bias.uniform_(-1, 1)
        states = torch.randn(500, 8) * 100
        states[0] = torch.tensor([1000.0] + [0.0] * 7)
        assert float(tower(states).abs().max()) <= tower.largest_component()


def test_vectors_of_items_with_and_without_ids_and_content() -> None:
    content = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [3.0, 0.0], [0.0, 0.0]], np.float32)
    tower = ItemTower(4, np.array([True, True, True, False, False]), content)
    vectors = tower.all_items()
    assert tower.projection is not None
    ids, projected = tower.ids.weight, tower.projection.weight
    assert torch.allclose(vectors[0], ids[0] + projected[:, 0])
    assert torch.allclose(vectors[2], ids[2])  # no content
    assert torch.allclose(vectors[3], 3 * projected[:, 0])  # not in the log
    assert torch.allclose(vectors[4], vectors[:3].mean(dim=0))  # neither


def test_ids_are_dropped_where_there_is_content_only() -> None:
    content = np.zeros((2000, 1), np.float32)
    content[:1000] = 1.0
    tower = ItemTower(2, np.arange(2000) % 2 == 0, content)
    has_id = tower.sample_ids(0.3)
    assert has_id is not None
    kept = has_id.numpy()
    assert not kept[1::2].any()
    assert kept[1000::2].all()
    assert 0.6 < kept[:1000:2].mean() < 0.8
    assert tower.sample_ids(0.0) is None
    assert ItemTower(2, np.ones(3, bool), None).sample_ids(0.3) is None


def test_conditions_are_clusters_of_a_fraction_of_the_targets() -> None:
    clusters = np.array([5, 7, NO_CONDITION], np.int32)
    targets = np.tile([0, 1, 2], 1000)
    found = conditions_of(targets, clusters, 0.25)
    assert set(found[0::3].tolist()) == {NO_CONDITION, 5}
    assert set(found[2::3].tolist()) == {NO_CONDITION}
    assert 0.2 < (found[1::3] == 7).mean() < 0.3
    assert (conditions_of(targets, clusters, 1.0) == clusters[targets]).all()


def test_heads_must_divide_dimensions() -> None:
    with pytest.raises(ValueError, match="heads must divide dimensions, got 3 and 64"):
        SequenceConfig(heads=3)
