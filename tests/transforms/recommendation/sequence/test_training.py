"""Training: what can be learned is learned, and an interrupted training gives the same result."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.transforms.recommendation.sequence.logs import cycles, histories
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import NEVER, between
from transforms.recommendation.sequence import training
from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.model import NO_CONDITION
from transforms.recommendation.sequence.popularity import DAY
from transforms.recommendation.sequence.training import Catalogue, EpochMetrics, train_before, train_epochs
from transforms.recommendation.sequence.validation import Validation, encode_users, last_items, rank_items

ITEMS = 24
PLAIN = Catalogue(np.full(ITEMS, NO_CONDITION, np.int32), 0)
SMALL = SequenceConfig(
    dimensions=16, blocks=1, length=8, batch_size=16, max_epochs=12, patience=12, learning_rate=0.01, dropout=0.0
)


def _tops(trained: training.Trained, past: ItemHistories, conditions: np.ndarray | None = None) -> np.ndarray:
    vectors = trained.item_vectors()
    return rank_items(encode_users(trained.model.users, vectors, past, conditions), vectors, past, 3)


def test_a_certain_next_item_is_learned() -> None:
    log = cycles(users=150, items=ITEMS, length=7)
    trained = train_before(log, PLAIN, SMALL, validation_start=6)
    best = trained.epochs[trained.best_epoch - 1]
    assert best.ndcg > 0.95
    assert best.ndcg == max(metrics.ndcg for metrics in trained.epochs)
    assert trained.epochs[-1].loss < trained.epochs[0].loss / 2
    assert _tops(trained, histories([3, 4, 5], [20, 21, 22, 23]))[:, 0].tolist() == [6, 0]


def test_a_sampled_softmax_learns_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FULL_SOFTMAX_BELOW", 0)
    trained = train_before(
        cycles(150, ITEMS, 7), PLAIN, SequenceConfig(**{**vars(SMALL), "negatives": 8}), validation_start=6
    )
    assert trained.epochs[trained.best_epoch - 1].ndcg > 0.95


def test_what_follows_the_date_changes_nothing() -> None:
    log = cycles(60, ITEMS, 7)
    shuffled = log.items.copy()
    shuffled[log.times == 6] = np.random.default_rng(0).permutation(shuffled[log.times == 6])
    config = SequenceConfig(**{**vars(SMALL), "max_epochs": 2})
    first, second = (train_before(log._replace(items=items), PLAIN, config, 6) for items in (log.items, shuffled))
    assert [metrics.loss for metrics in first.epochs] == [metrics.loss for metrics in second.epochs]


class StoppedError(Exception):
    pass


def test_an_interrupted_training_resumes_with_the_same_result(tmp_path: Path) -> None:
    log = cycles(60, ITEMS, 7)
    config = SequenceConfig(**{**vars(SMALL), "max_epochs": 4, "dropout": 0.2})
    whole = train_before(log, PLAIN, config, 6)
    stopped: list[EpochMetrics] = []

    def stop(metrics: EpochMetrics) -> None:
        stopped.append(metrics)
        if len(stopped) == 3:  # before the state of the third epoch is written
            raise StoppedError

    checkpoint = tmp_path / "folder" / "state.pt"
    with pytest.raises(StoppedError):
        train_before(log, PLAIN, config, 6, checkpoint, stop)
    torch.manual_seed(99)  # what happens elsewhere changes nothing
    shown: list[EpochMetrics] = []
    resumed = train_before(log, PLAIN, config, 6, checkpoint, shown.append)
    assert [metrics.epoch for metrics in shown] == [3, 4]
    assert resumed.epochs == whole.epochs
    assert resumed.best_epoch == whole.best_epoch
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    again = train_before(log, PLAIN, config, 6, checkpoint, shown.append)
    assert len(shown) == 2  # nothing was left to do
    assert again.epochs == whole.epochs


def test_training_stops_when_validation_does_not_improve() -> None:
    random = np.random.default_rng(0)
    noise = histories(*[random.integers(0, ITEMS, 7).tolist() for _ in range(40)])
    trained = train_before(noise, PLAIN, SequenceConfig(**{**vars(SMALL), "patience": 1, "max_epochs": 40}), 6)
    assert len(trained.epochs) == min(trained.best_epoch + 1, 40)
    assert len(trained.epochs) < 40


def test_training_for_a_number_of_epochs_has_no_validation() -> None:
    trained = train_epochs(cycles(20, ITEMS, 4), PLAIN, SMALL, epochs=3)
    assert (len(trained.epochs), trained.best_epoch) == (3, 3)
    assert all(np.isnan(metrics.ndcg) for metrics in trained.epochs)


def test_a_condition_moves_the_first_items_to_its_cluster() -> None:
    clusters = (np.arange(ITEMS) % 3).astype(np.int32)
    random = np.random.default_rng(0)
    noise = histories(*[random.permutation(ITEMS)[:8].tolist() for _ in range(150)])
    config = SequenceConfig(**{**vars(SMALL), "conditioned": 0.5})
    trained = train_epochs(noise, Catalogue(clusters, 3), config, epochs=8)
    past = histories([0, 1, 2, 3, 4, 5])
    for cluster in range(3):
        assert clusters[_tops(trained, past, np.array([cluster]))[0]].tolist() == [cluster] * 3
    assert _tops(trained, past, np.array([NO_CONDITION])).tolist() == _tops(trained, past).tolist()


def test_an_item_that_the_log_does_not_have_is_ranked_by_its_content() -> None:
    # Users stay within one of two topics. The last item of each topic is in no history.
    topics = np.arange(ITEMS) // (ITEMS // 2)
    content = np.eye(2, dtype=np.float32)[topics]
    new = np.array([ITEMS // 2 - 1, ITEMS - 1])
    random = np.random.default_rng(0)
    users = [random.permutation(np.setdiff1d(np.flatnonzero(topics == row % 2), new))[:8].tolist() for row in range(80)]
    log = histories(*users)
    assert not np.isin(new, log.items).any()
    config = SequenceConfig(**{**vars(SMALL), "id_dropout": 0.5})
    trained = train_epochs(log, Catalogue(PLAIN.clusters, 0, content), config, epochs=8)
    with torch.no_grad():
        vectors = trained.item_vectors()
        users = encode_users(trained.model.users, vectors, histories([0, 1, 2], [12, 13, 14]))
        scores = (users @ vectors[torch.from_numpy(new)].T).numpy()
    assert scores[0, 0] > scores[0, 1]
    assert scores[1, 1] > scores[1, 0]


def test_all_items_are_ranked_but_those_consumed() -> None:
    vectors = torch.tensor([[3.0], [2.0], [1.0], [4.0]])
    assert rank_items(torch.ones(2, 1), vectors, histories([3], [0, 1, 0]), 2).tolist() == [[0, 1], [3, 2]]


def test_the_validation_measures_lists_by_hand() -> None:
    log = histories([0, 1, 2, 3], [0, 1], [4, 4, 0, 4, 5])
    validation = Validation(between(log, -1, 2), between(log, 2, NEVER), 6)
    assert validation.user_count == 2  # the second user has no interaction at time 2 or later
    lists = np.array([[3, 5, 2], [1, 2, 3]], np.int32)
    # First user: targets 2 and 3 in places 3 and 1. Third user: targets 0 and 5, none in the list.
    ndcg, recall = validation.measure(lists)
    assert ndcg == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3)) / 2)
    assert recall == pytest.approx(0.5)
    assert validation.measure_popularity(between(log, -1, 2))[1] == pytest.approx(1.0)  # all others fit in ten places


def test_the_last_items_of_each_user() -> None:
    found = last_items(histories([1, 2, 3], [], [4]), 2)
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert found.items.tolist() == [2, 3, 4]
    assert found.times.tolist() == [1, 2, 0]


def _fashions(days: int, users_per_day: int) -> ItemHistories:
    """Users who consume any of ten items, and half a day later the item that is in fashion for two days."""
    random = np.random.default_rng(0)
    users = [[int(random.integers(10)), 10 + day // 2] for day in range(days) for _ in range(users_per_day)]
    starts = np.repeat(np.arange(days), users_per_day) * DAY
    times = np.stack([starts, starts + DAY // 2], axis=1).ravel()
    return histories(*users)._replace(times=times + np.arange(len(times)))  # not all at once


def test_what_is_popular_now_is_recommended_although_it_changes() -> None:
    log = _fashions(days=29, users_per_day=12)
    catalogue = Catalogue(np.full(26, NO_CONDITION, np.int32), 0)
    config = SequenceConfig(**{**vars(SMALL), "popularity_days": 1.0})
    trained = train_epochs(log, catalogue, config, epochs=8)
    assert trained.item_vectors().shape == (26, 17)
    assert _tops(trained, histories([3], [0, 1]))[:, 0].tolist() == [24, 24]  # in fashion on the last day
    without = train_epochs(log, catalogue, SequenceConfig(**{**vars(config), "popularity_days": 0.0}), epochs=8)
    assert without.popularity is None
    assert _tops(without, histories([3]))[0, 0] != 24
