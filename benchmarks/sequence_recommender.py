"""The sequence recommender beside those of `rectools_rival`, on one split by time.

    python -m benchmarks.sequence_recommender split FOLDER --log=interactions.parquet
    python -m benchmarks.sequence_recommender train FOLDER
    rectools/bin/python benchmarks/rectools_rival.py train FOLDER      # in its own environment, see there
    rectools/bin/python benchmarks/rectools_rival.py neighbours FOLDER
    rectools/bin/python benchmarks/rectools_rival.py measure FOLDER
    python -m benchmarks.sequence_recommender measure FOLDER

The last tenth of the interactions is the test period, the last tenth of those before it the validation period. Users
have a history and targets: all items that follow and that they had not consumed. All items are ranked, without those
that the user consumed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from transforms.exploration.transitions import time_before_last
from transforms.hashing import StringIndex
from transforms.recommendation.histories import Codes, ItemHistories
from transforms.recommendation.protocol import between, measured_users, take_targets, take_users, targets_of
from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.popularity import popularity_at
from transforms.recommendation.sequence.training import Catalogue, EpochMetrics, train_before, train_epochs
from transforms.recommendation.sequence.validation import RANKED, Validation, encode_users, rank_items
from transforms.recommendation.users import histories_of

_WEEK = 7 * 86_400_000_000
_ALL = 1 << 40


@dataclasses.dataclass(frozen=True)
class Split:
    """One log, split by time.

    Attributes:
        user_ids: the users, ascending.
        item_ids: the items, ascending.
        history: interactions before the test period.
        validation_start: where the validation period starts.
        test: the users and targets of the test period.
        tested: positions of these users.
    """

    user_ids: pa.StringArray
    item_ids: pa.StringArray
    history: ItemHistories
    validation_start: int
    test: Validation
    tested: np.ndarray


def read_split(folder: Path, fraction: float = 0.1) -> Split:
    """Read the log of a folder, and split it."""
    rows = pq.read_table(folder / "log.parquet").combine_chunks().to_batches()
    item_ids = pc.unique(pa.Table.from_batches(rows)["item_id"])
    item_ids = item_ids.take(pc.sort_indices(item_ids))
    user_ids, histories = histories_of(rows, StringIndex(item_ids))
    date = time_before_last(np.sort(histories.times), fraction)
    history, future = between(histories, -_ALL * _ALL, date), between(histories, date)
    start = time_before_last(np.sort(history.times), fraction)
    clusters = np.zeros(len(item_ids), np.int32)
    tested = measured_users(history, targets_of(history, future, clusters, 1), _ALL, 0)
    return Split(user_ids, item_ids, history, start, Validation(history, future, len(item_ids), _ALL), tested)


def write_split(folder: Path, log: Path, event: str) -> None:
    """Write a log, and the files that the rival reads."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = pq.read_table(log)
    if event:
        rows = rows.filter(pc.equal(rows["event"], event))
    names = ("user_id", "item_id", "timestamp")
    texts = [rows[name].cast(pa.string()) for name in names[:2]]
    keys = [(name, "ascending") for name in names]
    rows = pa.table([*texts, rows["timestamp"].cast(pa.timestamp("us", "UTC"))], names=names).sort_by(keys)
    pq.write_table(rows, folder / "log.parquet")
    split = read_split(folder)
    users = np.repeat(np.arange(split.history.user_count), np.diff(split.history.offsets))
    fit = split.history.times < split.validation_start
    columns = [users, split.history.items, split.history.times]
    _write(folder / "history.parquet", split, *columns)
    _write(folder / "fit.parquet", split, *(column[fit] for column in columns))
    past = between(split.history, -_ALL * _ALL, split.validation_start)
    validation = targets_of(
        past, between(split.history, split.validation_start), np.zeros(len(split.item_ids), np.int32), 1
    )
    chosen = measured_users(past, validation, _ALL, 0)
    for name, targets, owners in (
        ("validation_targets", take_targets(validation, chosen), chosen),
        ("test_targets", split.test.targets, split.tested),
    ):
        _write(folder / f"{name}.parquet", split, np.repeat(owners, np.diff(targets.offsets)), targets.items)
    print(f"{len(split.history.items):,} interactions before the test, {len(split.tested):,} users with targets")


def _write(path: Path, split: Split, users: np.ndarray, items: np.ndarray, times: np.ndarray | None = None) -> None:
    columns = {"user_id": split.user_ids.take(pa.array(users)), "item_id": split.item_ids.take(pa.array(items))}
    if times is not None:
        columns["timestamp"] = pa.array(times).cast(pa.timestamp("us", "UTC"))
    pq.write_table(pa.table(columns), path)


def write_lists(folder: Path, name: str, split: Split, lists: Codes) -> None:
    """Write recommendations as the rival reads them."""
    users = np.repeat(split.tested, lists.shape[1])
    table = pa.table(
        {
            "user_id": split.user_ids.take(pa.array(users)),
            "item_id": split.item_ids.take(pa.array(lists.ravel())),
            "rank": np.tile(np.arange(1, lists.shape[1] + 1), len(lists)),
        }
    )
    pq.write_table(table, folder / f"reco_{name}.parquet")


def shuffled(histories: ItemHistories, seed: int, date: int = _ALL * _ALL) -> ItemHistories:
    """Return the histories with the items of each user in a random order; the times stay.

    Args:
        histories: interactions of users.
        seed: random seed of the order.
        date: no item crosses this time, in microseconds.
    """
    users = np.repeat(np.arange(histories.user_count), np.diff(histories.offsets))
    order = np.lexsort((np.random.default_rng(seed).random(len(users)), histories.times >= date, users))
    return histories._replace(items=histories.items[order])


def train_and_rank(folder: Path, name: str, config: SequenceConfig, *, refit: bool, shuffle: bool, epochs: int) -> None:
    """Train the recommender, and write its lists, with the histories of users as they are and shuffled.

    With `shuffle`, the recommender is trained on shuffled histories, the periods of training and validation each by
    itself, so that no item of the validation period is in the training.
    """
    split = read_split(folder)
    history = shuffled(split.history, 1, split.validation_start) if shuffle else split.history
    catalogue = Catalogue(np.full(len(split.item_ids), -1, np.int32), 0)
    started = time.monotonic()

    def show(metrics: EpochMetrics) -> None:
        print(f"{metrics.epoch:4d} {metrics.loss:.4f} {metrics.ndcg:.5f} {metrics.recall:.5f}", flush=True)

    if not epochs:
        trained = train_before(history, catalogue, config, split.validation_start, show=show)
        date = int(split.history.times.max()) + 1
        popularity = popularity_at(split.history, len(split.item_ids), date, config.popularity_days)
        trained = dataclasses.replace(trained, popularity=popularity if config.popularity_days else None)
    if epochs or refit:
        epochs = epochs or trained.best_epoch
        trained = train_epochs(history, catalogue, config, epochs, show=show)
    seconds = time.monotonic() - started
    past = take_users(split.history, split.tested)
    vectors = trained.item_vectors()
    for suffix, own in (("", past), ("_shuffled_input", shuffled(past, 2))):
        users = encode_users(trained.model.users, vectors, own)
        lists = rank_items(users, vectors, past)
        write_lists(folder, name + suffix, split, lists)
        ndcg, recall = split.test.measure(lists)
        print(
            f"{name}{suffix}: nDCG@10 {ndcg:.5f} recall@10 {recall:.5f}; epoch {trained.best_epoch}, {seconds:.0f} s",
            flush=True,
        )


def popular(folder: Path) -> None:
    """Write the lists of the most popular items, over all time and in the last 7 days."""
    split = read_split(folder)
    date = time_before_last(np.sort(read_log_times(folder)), 0.1)
    for name, rows in (("popular", split.history), ("popular_7_days", between(split.history, date - _WEEK, date))):
        counts = np.bincount(rows.items, minlength=len(split.item_ids)).astype(np.float64)
        ones = torch.ones((len(split.tested), 1), dtype=torch.float64)
        write_lists(folder, name, split, rank_items(ones, torch.from_numpy(counts)[:, None], split.test.past))


def read_log_times(folder: Path) -> np.ndarray:
    """Return the times of a log, int64, in microseconds."""
    return pq.read_table(folder / "log.parquet")["timestamp"].cast(pa.int64()).to_numpy()


def measure(folder: Path) -> None:
    """Print nDCG@10 and recall@10 of all lists of a folder, and how far RecTools' measures are from these."""
    split = read_split(folder)
    path = folder / "rectools_measures.json"
    rival = json.loads(path.read_text()) if path.exists() else {}
    items, places = StringIndex(split.item_ids), {user: row for row, user in enumerate(split.tested.tolist())}
    users = StringIndex(split.user_ids)
    for path in sorted(folder.glob("reco_*.parquet")):
        rows = pq.read_table(path).combine_chunks()
        lists = np.full((len(split.tested), RANKED), -1, np.int32)
        owners = users.lookup(rows["user_id"].combine_chunks().cast(pa.string()))
        row = np.array([places[user] for user in owners.tolist()])
        lists[row, rows["rank"].to_numpy() - 1] = items.lookup(rows["item_id"].combine_chunks().cast(pa.string()))
        ndcg, recall = split.test.measure(lists)
        name = path.stem.removeprefix("reco_")
        theirs = rival.get(name)
        gap = max(abs(ndcg - theirs["ndcg"]), abs(recall - theirs["recall"])) if theirs else float("nan")
        print(f"{name:32s} nDCG@10 {ndcg:.5f}  recall@10 {recall:.5f}  difference to RecTools' measures {gap:.1e}")


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("split", "train", "popular", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--event", default="")
    parser.add_argument("--name", default="ours")
    parser.add_argument("--refit", action="store_true")
    parser.add_argument(
        "--epochs", type=int, default=0, help="train on all for this number of epochs, without validation"
    )
    parser.add_argument("--shuffle", action="store_true", help="train on shuffled histories")
    for field in dataclasses.fields(SequenceConfig):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    args = parser.parse_args()
    config = SequenceConfig(**{field.name: getattr(args, field.name) for field in dataclasses.fields(SequenceConfig)})
    if args.step == "split":
        write_split(args.folder, args.log, args.event)
    elif args.step == "train":
        train_and_rank(args.folder, args.name, config, refit=args.refit, shuffle=args.shuffle, epochs=args.epochs)
    elif args.step == "popular":
        popular(args.folder)
    else:
        measure(args.folder)


if __name__ == "__main__":
    main()
