"""The sequence recommender of RecTools, and item-kNN of `implicit`, on the split that `sequence_recommender` wrote.

It runs in an environment of its own, because RecTools needs another NumPy:

    uv venv rectools
    uv pip install --python rectools/bin/python "rectools[torch]==0.19.*" "implicit>=0.7.3" "pyarrow<24"
    rectools/bin/python benchmarks/rectools_rival.py train FOLDER
    rectools/bin/python benchmarks/rectools_rival.py measure FOLDER

`train` and `neighbours` write recommendations to FOLDER; `measure` computes RecTools' measures of all that are there.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import NDCG, Recall, calc_metrics
from rectools.models import SASRecModel
from rectools.models.nn.item_net import IdEmbeddingsItemNet
from rectools.models.nn.transformers.ligr import LiGRLayers

TOP = 10


def read(folder: Path, name: str) -> pd.DataFrame:
    """Read interactions, in the order of the file, with the columns of RecTools."""
    frame = pd.read_parquet(folder / f"{name}.parquet")
    return frame.rename(columns={"timestamp": Columns.Datetime}).assign(weight=1.0)


class Validation(Callback):
    """Computes nDCG@10 of each epoch on targets, keeps the best weights, and stops when it has not risen."""

    def __init__(self, inputs: pd.DataFrame, targets: pd.DataFrame, patience: int) -> None:
        self.model: SASRecModel | None = None
        self.patience = patience
        self.inputs, self.targets = inputs, targets
        self.reached: list[float] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.prepared: tuple | None = None

    def __deepcopy__(self, memo: object) -> Validation:
        return self  # RecTools fits a copy of the trainer

    def _prepare(self) -> tuple:
        items = self.model.data_preparator.item_id_map
        size = items.size
        codes = pd.Series(np.arange(size), index=items.external_ids)
        length = self.model.session_max_len
        users = np.sort(self.targets["user_id"].unique())
        histories = self.inputs[self.inputs["user_id"].isin(users)]
        kept = histories.assign(code=histories["item_id"].map(codes)).dropna(subset=["code"])
        sessions = {user: rows.astype(int).to_numpy() for user, rows in kept.groupby("user_id")["code"]}
        wanted = {user: set(rows) for user, rows in self.targets.groupby("user_id")["item_id"]}
        users = [user for user in users if user in sessions]
        x = np.zeros((len(users), length), np.int64)
        for row, user in enumerate(users):
            x[row, -len(sessions[user]) :] = sessions[user][-length:]
        hits = [np.array([codes.get(item, -1) for item in wanted[user]]) for user in users]
        return x, [sessions[user] for user in users], hits, [len(wanted[user]) for user in users]

    def on_train_epoch_end(self, trainer: Trainer, module: object) -> None:
        """Measure, and stop the training when nothing was gained for the patience."""
        if self.prepared is None:
            self.prepared = self._prepare()
        x, consumed, hits, counts = self.prepared
        network = module.torch_model
        network.eval()
        gains = 1 / np.log2(np.arange(TOP) + 2)
        total = 0.0
        with torch.no_grad():
            items = network.item_model.get_all_embeddings()
            for start in range(0, len(x), 256):
                states = network.encode_sessions({"x": torch.from_numpy(x[start : start + 256])}, items)[:, -1]
                scores = states @ items.T
                scores[:, 0] = -torch.inf
                for row in range(len(scores)):
                    scores[row, consumed[start + row]] = -torch.inf
                ranked = scores.topk(TOP).indices.numpy()
                for row in range(len(ranked)):
                    found = np.isin(ranked[row], hits[start + row])
                    total += (found * gains).sum() / gains[: min(counts[start + row], TOP)].sum()
        network.train()
        self.reached.append(total / len(x))
        best = int(np.argmax(self.reached))
        print(f"epoch {len(self.reached)}: {self.reached[-1]:.5f}", flush=True)
        if best == len(self.reached) - 1:
            self.best = copy.deepcopy(network.state_dict())
        if len(self.reached) - 1 - best >= self.patience:
            trainer.should_stop = True


def build(settings: argparse.Namespace, callbacks: list[Callback], epochs: int) -> SASRecModel:
    """Create RecTools' SASRec with LiGR layers."""

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=epochs,
            min_epochs=1,
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
            logger=False,
            enable_checkpointing=False,
            accelerator="cpu",
        )

    return SASRecModel(
        n_blocks=settings.blocks,
        n_heads=1,
        n_factors=settings.dimensions,
        dropout_rate=settings.dropout,
        session_max_len=settings.length,
        loss=settings.loss,
        n_negatives=settings.negatives,
        lr=1e-3,
        batch_size=128,
        item_net_block_types=(IdEmbeddingsItemNet,),
        transformer_layers_type=LiGRLayers,
        get_trainer_func=trainer,
    )


def train(folder: Path, settings: argparse.Namespace) -> None:
    """Train RecTools' SASRec with LiGR layers, and write its recommendations."""
    seed_everything(settings.seed)
    fit, history = read(folder, "fit"), read(folder, "history")
    targets = pd.read_parquet(folder / "test_targets.parquet")
    started = time.monotonic()
    validation = Validation(fit, pd.read_parquet(folder / "validation_targets.parquet"), settings.patience)
    epochs = settings.epochs
    if not epochs:
        model = build(settings, [validation], settings.max_epochs)
        validation.model = model
        model.fit(Dataset.construct(fit))
        epochs = int(np.argmax(validation.reached)) + 1
    if settings.refit:
        seed_everything(settings.seed)
        model = build(settings, [], epochs)
        model.fit(Dataset.construct(history))
    else:
        model.lightning_model.torch_model.load_state_dict(validation.best)
    seconds = time.monotonic() - started
    users = np.sort(targets["user_id"].unique())
    found = model.recommend(
        users=users, dataset=Dataset.construct(history), k=TOP, filter_viewed=True, on_unsupported_targets="ignore"
    )
    name = "rectools_refit" if settings.refit else "rectools"
    found[["user_id", "item_id", "rank"]].to_parquet(folder / f"reco_{name}.parquet")
    described = {"epochs": epochs, "validation": validation.reached, "seconds": seconds}
    (folder / f"{name}.json").write_text(json.dumps(described))
    print(name, described, flush=True)


def neighbours(folder: Path) -> None:
    """Write the recommendations of item-kNN, cosine and BM25 with 100 neighbours."""
    history = read(folder, "history")
    targets = pd.read_parquet(folder / "test_targets.parquet")
    users, items = (pd.Categorical(history[name]) for name in ("user_id", "item_id"))
    matrix = sp.csr_matrix((np.ones(len(history), np.float32), (users.codes, items.codes)))
    matrix.data[:] = 1
    wanted = pd.Index(users.categories).get_indexer(np.sort(targets["user_id"].unique()))
    for name, model in (("knn_cosine", CosineRecommender(K=100)), ("knn_bm25", BM25Recommender(K=100))):
        model.fit(matrix, show_progress=False)
        ids, scores = model.recommend(wanted, matrix[wanted], N=TOP, filter_already_liked_items=True)
        rows = pd.DataFrame(
            {
                "user_id": np.repeat(np.asarray(users.categories)[wanted], TOP),
                "item_id": np.asarray(items.categories)[np.maximum(ids.ravel(), 0)],
                "rank": np.tile(np.arange(1, TOP + 1), len(wanted)),
            }
        )[(scores.ravel() > 0) & (ids.ravel() >= 0)]
        rows.to_parquet(folder / f"reco_{name}.parquet")


def measure(folder: Path) -> None:
    """Compute RecTools' nDCG@10 and recall@10 of all recommendations of a folder."""
    targets = pd.read_parquet(folder / "test_targets.parquet")
    metrics = {"ndcg": NDCG(k=TOP, divide_by_achievable=True), "recall": Recall(k=TOP)}
    found = {}
    for path in sorted(folder.glob("reco_*.parquet")):
        found[path.stem.removeprefix("reco_")] = calc_metrics(metrics, pd.read_parquet(path), targets)
    (folder / "rectools_measures.json").write_text(json.dumps(found))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("train", "neighbours", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--loss", default="softmax")
    parser.add_argument("--negatives", type=int, default=256)
    parser.add_argument("--max_epochs", type=int, default=100)
    parser.add_argument("--patience", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=0, help="with --refit: their number, without validation")
    parser.add_argument("--refit", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.step == "train":
        train(args.folder, args)
    elif args.step == "neighbours":
        neighbours(args.folder)
    else:
        measure(args.folder)
