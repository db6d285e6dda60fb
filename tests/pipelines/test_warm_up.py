"""After the warm-up of `extract`, a run compiles nothing more; the kernels have all the types that workers need."""

import multiprocessing
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.pipelines.logs import ITEM_COUNT, ITEMS, LOG, extract, write

Signatures = dict[str, list[str]]


def signatures() -> Signatures:
    """Return the signatures of all compiled functions of the package, by the name of the function."""
    from numba.core.registry import CPUDispatcher

    return {
        f"{name}.{attribute}": [str(each) for each in function.signatures]
        for name, module in sorted(sys.modules.items())
        if name.startswith("transforms.")
        for attribute, function in vars(module).items()
        if isinstance(function, CPUDispatcher)
    }


def extract_and_compare(
    folder: Path, options: list[str], found: "multiprocessing.Queue[tuple[Signatures, ...]]"
) -> None:
    """Run `extract`; report the signatures after its warm-up and at the end."""
    from pipelines.extract.job import ExtractJob

    after_warm_up: list[Signatures] = []
    warm_up = ExtractJob.warm_up

    def recorded(job: ExtractJob) -> None:
        warm_up(job)
        after_warm_up.append(signatures())

    ExtractJob.warm_up = recorded  # type: ignore[method-assign]
    code = extract(folder / "workspace", folder / "log.parquet", folder / "items.parquet", *options)
    assert code == 0
    found.put((after_warm_up[0], signatures()))


@pytest.mark.parametrize(
    ("options", "kernel"),
    [
        ([], "bayesian._cluster_users"),  # every item has a vector
        (["--cluster_by=terms"], "icpc._extract"),
        (["--item_embeddings=vectors.parquet", "--sweep"], "bayesian._cluster_users"),
        pytest.param(
            ["--item_embeddings=vectors.parquet", "--catalogue_join=shuffle"],
            "bayesian._cluster_users",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_compiles_nothing_that_the_warm_up_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], kernel: str
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(5).normal(size=(ITEM_COUNT, 8))
    embeddings = pa.table({"item_id": ITEMS["item_id"], "embedding": vectors.tolist()}).slice(1)  # one item without
    write(tmp_path, {"log.parquet": LOG, "items.parquet": ITEMS, "vectors.parquet": embeddings})
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[tuple[Signatures, ...]] = context.Queue()
    process = context.Process(target=extract_and_compare, args=(tmp_path, options, found))
    process.start()
    after_warm_up, at_the_end = found.get(timeout=300)
    process.join()
    assert at_the_end[f"transforms.journeys.{kernel}"]
    compiled_later = {name: types for name, types in at_the_end.items() if types != after_warm_up.get(name, [])}
    assert compiled_later == {}
