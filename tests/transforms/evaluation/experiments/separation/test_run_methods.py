from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.beam_testing import create, run_graph
from tests.transforms.evaluation.builders import collections, corpus
from transforms.columnar import concatenate
from transforms.evaluation import methods
from transforms.evaluation.experiments.separation.run_methods import (
    SEPARATION,
    RunMethods,
    label_stability,
    run_method,
    split_mixtures,
)
from transforms.evaluation.methods import Corpus, Items, Method, Offsets
from transforms.evaluation.mixtures import MIXTURES, MixtureConfig, build_mixtures, mixture_rows

MADE = build_mixtures(collections([20, 30, 40, 50, 15, 25]), MixtureConfig((2, 3), mixtures_per_k=40))
CORPUS = corpus(MADE)


def parity(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Any:
    return np.where(items % 2, items % round(threshold), -1).astype(np.int64)


def first_seen(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Any:
    """What depends on all histories: items are together if their first histories are equal."""
    histories = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    _, first = np.unique(items, return_index=True)
    return (histories[first] % 3)[np.searchsorted(np.unique(items), items)]


METHODS = (
    methods.icpc("made", (0.3, 0.5)),
    methods.ward("made", (1.5,)),
    Method("oracle", (), parity),
    Method("first seen", (1.0,), first_seen, is_global=True),
)


def evaluate(batches: list[pa.RecordBatch], stability_seed: int | None = None) -> pa.RecordBatch:
    def build(pipeline: beam.Pipeline) -> dict[str, Any]:
        existing = pipeline | "Corpus" >> beam.Create([0]) | "Make" >> beam.Map(lambda _: CORPUS)
        mixtures = create(pipeline, "Mixtures", batches)
        return {"rows": mixtures | RunMethods(existing, METHODS, stability_seed)}

    rows = concatenate(run_graph(build)["rows"], SEPARATION)
    return rows.sort_by([(name, "ascending") for name in ("method", "threshold", "mixture_id")])


def test_the_stage_gives_what_the_function_gives_however_the_mixtures_are_cut() -> None:
    expected = concatenate([run_method(MADE.rows, CORPUS, method, 1) for method in METHODS], SEPARATION)
    expected = expected.sort_by([(name, "ascending") for name in ("method", "threshold", "mixture_id")])
    assert expected.num_rows == 80 * 5
    assert evaluate([MADE.rows], 1) == expected
    assert evaluate([MADE.rows.slice(63), MADE.rows.slice(0, 10), MADE.rows.slice(10, 53)], 1) == expected


def test_rows_are_by_hand() -> None:
    mixtures = mixture_rows(
        np.array([7]), np.array([2], np.int32), np.array([0, 4]), np.array([1, 4, 3, 2]), np.array([0, 1, 0, 1])
    )
    (row,) = run_method(mixtures, Corpus(("",) * 5), Method("parity", (2.0,), parity)).to_pylist()
    assert row == {
        "method": "parity",
        "threshold": 2.0,
        "k": 2,
        "mixture_id": 7,
        "recall": 0.75,
        "precision": 1.0,
        "f1": pytest.approx(2 * 0.75 / 1.75),
        "ari": pytest.approx(4 / 7),
        "stability": None,
    }


def test_a_method_without_thresholds_is_given_k() -> None:
    given = []

    def cluster(corpus: Corpus, offsets: Offsets, items: Items, threshold: float) -> Any:
        given.append((threshold, len(offsets) - 1))
        return np.zeros(len(items), np.int64)

    found = run_method(MADE.rows, CORPUS, Method("oracle", (), cluster))
    assert given == [(2.0, 40), (3.0, 40)]
    assert set(found["threshold"].to_pylist()) == {0.0}


def test_stability_is_one_where_order_does_not_matter_and_less_where_it_does() -> None:
    steady = run_method(MADE.rows, CORPUS, METHODS[1], stability_seed=0)["stability"].to_numpy()
    assert (steady == 1).all()
    noisy = corpus(MADE, noise=0.5)
    unsteady = run_method(MADE.rows, noisy, methods.one_pass("made", (0.4,)), 0)["stability"].to_numpy()
    assert 0.2 < unsteady.mean() < 0.99


def test_stability_compares_items_and_not_positions() -> None:
    offsets, items, other = np.array([0, 3]), np.array([4, 5, 6], np.int32), np.array([6, 4, 5], np.int32)
    assert label_stability(offsets, items, np.array([0, 0, 1]), other, np.array([7, 3, 3])).tolist() == [1.0]
    assert label_stability(offsets, items, np.array([0, 0, 1]), other, np.array([3, 3, 7])).tolist() != [1.0]


def test_chunks_hold_every_mixture_once_for_each_method() -> None:
    chunks = list(split_mixtures(MADE.rows, [0, 2]))
    assert [method for method, _ in chunks] == [0, 2, 0, 2]
    for method in (0, 2):
        assert pa.concat_batches([chunk for number, chunk in chunks if number == method]) == MADE.rows
    assert list(split_mixtures(MADE.rows.slice(0, 0), [0])) == []
    assert MADE.rows.schema == MIXTURES


def test_wrong_methods_are_rejected() -> None:
    with pytest.raises(ValueError, match="'short' returned 0 labels for"):
        run_method(MADE.rows, CORPUS, Method("short", (1.0,), lambda *_: np.zeros(0, np.int64)))
    with pytest.raises(ValueError, match="methods must have distinct names"):
        RunMethods(None, METHODS[:1] * 2)
