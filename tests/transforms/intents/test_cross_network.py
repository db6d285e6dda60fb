"""The cross network: equation 1 by hand, and a product of features that a linear model cannot see."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.models

from tests.transforms.intents.test_exploration_models import sample  # noqa: E402
from transforms.intents.cross_network import CrossNetwork, fit_cross_network  # noqa: E402


def test_the_cross_layer_by_hand() -> None:
    network = CrossNetwork(features=2, intents=1)
    with torch.no_grad():
        for cross in network.crosses:
            cross.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
            cross.bias.copy_(torch.tensor([0.5, -1.0]))
        inputs = torch.tensor([[1.0, 3.0]])
        first = [1 * (1 + 6 + 0.5) + 1, 3 * (3 - 1) + 3]  # x0 * (W x0 + b) + x0
        second = [1 * (first[0] + 2 * first[1] + 0.5) + first[0], 3 * (first[1] - 1) + first[1]]
        states = torch.tensor([second])
        for layer in network.hidden:
            states = torch.relu(layer(states))
        assert torch.allclose(network(inputs), network.output(states))


def test_it_finds_a_product_of_features() -> None:
    rows, validation, later = (
        sample(count, seed, is_linear=False)[0] for count, seed in ((8000, 0), (2000, 1), (4000, 2))
    )
    first, second = (fit_cross_network(rows, validation, seed=1).predict(later.features) for _ in range(2))
    assert np.array_equal(first, second)
    assert roc_auc_score(later.labels[:, 0] == 1, first[:, 0]) > 0.8
    assert first[:, 2].mean() > 0.99
