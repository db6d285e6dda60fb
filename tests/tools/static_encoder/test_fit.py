import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.static_encoder.fit import FitConfig, bags_of, contrastive_loss, fit_table, start_table  # noqa: E402
from tools.static_encoder.reference import project  # noqa: E402

pytestmark = pytest.mark.models

RANDOM = np.random.default_rng(0)
TOKENS = [RANDOM.integers(0, 40, RANDOM.integers(3, 9)).tolist() for _ in range(600)]
TRUE = RANDOM.normal(size=(40, 8)).astype(np.float32)


def encode(table: np.ndarray, tokens: list[list[int]]) -> np.ndarray:
    sums = np.array([table[each].sum(axis=0) for each in tokens])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


TARGETS = encode(TRUE, TOKENS).astype(np.float32)


def test_bags_keep_the_tokens_of_each_text() -> None:
    bags = bags_of(TOKENS).take(np.array([5, 2, 2]))
    found = [bags.tokens[start:end].tolist() for start, end in zip(bags.offsets[:-1], bags.offsets[1:], strict=True)]
    assert found == [TOKENS[5], TOKENS[2], TOKENS[2]]


def test_a_rotated_table_is_mapped_back() -> None:
    rotation, _ = np.linalg.qr(RANDOM.normal(size=(8, 8)))
    start = start_table((TRUE @ rotation).astype(np.float32), bags_of(TOKENS), TARGETS)
    assert (encode(start, TOKENS) * TARGETS).sum(axis=1).mean() > 0.99


def test_fitting_approaches_the_reference_and_is_reproducible() -> None:
    start = RANDOM.normal(size=(40, 8)).astype(np.float32)
    config = FitConfig(epochs=60, batch_size=64, learning_rate=0.05, collection_weight=0.0)
    members = [np.arange(4)]
    found = [fit_table(start, bags_of(TOKENS), TARGETS, bags_of(TOKENS), members, config) for _ in range(2)]
    before, after = ((encode(table, TOKENS) * TARGETS).sum(axis=1).mean() for table in (start, found[0]))
    assert before < 0.2
    assert after > 0.9
    assert np.array_equal(*found)


def test_texts_of_a_collection_come_near_one_another() -> None:
    # The words of a collection are eight of forty; the reference encoder knows nothing of that.
    labels = np.arange(200) % 5
    texts = [(8 * label + RANDOM.integers(0, 8, 4)).tolist() for label in labels]
    members = [np.flatnonzero(labels == label) for label in range(5)]
    config = FitConfig(epochs=20, batch_size=64, learning_rate=0.02, collections_per_batch=5, items_per_collection=20)

    def contrast(table: np.ndarray) -> float:
        cosines = encode(table, texts) @ encode(table, texts).T
        same = labels[:, None] == labels
        return float(cosines[same & ~np.eye(200, dtype=bool)].mean() - cosines[~same].mean())

    start, without = RANDOM.normal(size=(40, 8)).astype(np.float32), dataclasses.replace(config, collection_weight=0.0)
    alone, found = (
        fit_table(start, bags_of(TOKENS), TARGETS, bags_of(texts), members, each) for each in (without, config)
    )
    assert contrast(found) > 0.2 + contrast(alone)


def test_the_contrastive_loss_of_two_pairs() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    loss = contrastive_loss(vectors, torch.tensor([0, 0, 1, 1]), temperature=0.5)
    # For each text the one other of its pair has cosine 1, the two of the other pair -1.
    assert loss.item() == pytest.approx(-np.log(np.exp(2) / (np.exp(2) + 2 * np.exp(-2))), rel=1e-5)
    mixed = contrastive_loss(vectors, torch.tensor([0, 1, 0, 1]), temperature=0.5)
    assert mixed.item() > loss.item()


def test_projection_removes_the_mean() -> None:
    vectors = (RANDOM.normal(size=(300, 6)) * [4, 3, 2, 0.01, 0.01, 0.01] + 9).astype(np.float32)
    found = project(vectors, 3)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    centred = vectors - vectors.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    assert found @ found.T == pytest.approx(centred @ centred.T, abs=0.01)
