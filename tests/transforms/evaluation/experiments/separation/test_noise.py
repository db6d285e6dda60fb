from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.beam_testing import run_graph
from tests.transforms.evaluation.builders import collections, corpus
from transforms.columnar import concatenate
from transforms.evaluation import methods
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.experiments.separation.noise_metrics import noise_metrics
from transforms.evaluation.experiments.separation.noise_tables import noise_tables
from transforms.evaluation.experiments.separation.run_noise import (
    NOISE,
    NoisySlice,
    RunWithNoise,
    run_with_noise,
    split_noisy,
)
from transforms.evaluation.methods import Method
from transforms.evaluation.metric_rows import MetricIndex
from transforms.evaluation.mixtures import Mixtures, build_mixtures, mixture_rows
from transforms.evaluation.noise import add_noise

ROWS = collections([20, 30, 40, 50, *[1] * 120])
NOISY = add_noise(build_mixtures(ROWS, MixtureConfig((2, 3), mixtures_per_k=5)), ROWS, (0, 0.3), seed=0)
CORPUS = corpus(Mixtures(NOISY.items, NOISY.rows), noise=0.005)
BY_TERMS = methods.icpc("made", (0.3,))
ORACLE = methods.k_means_oracle_k("made")
CURVE = methods.icpc_by_min_coherence("made", (0.0, 0.6))


def first_label(corpus: Any, offsets: Any, items: Any, threshold: float) -> Any:
    return np.where(items < 6, items // 3, -1).astype(np.int64)


def test_rows_are_by_hand() -> None:
    mixtures = mixture_rows(
        np.array([7]),
        np.array([2], np.int32),
        np.array([0, 6]),
        np.array([0, 1, 2, 3, 4, 9]),
        np.array([0, 0, -1, 1, 1, -1]),
    )
    (found,) = run_with_noise(mixtures, 0.3, CORPUS, Method("first", (1.0,), first_label), 1.0).to_pylist()
    assert found == {
        "method": "first",
        "min_coherence": None,
        "noise_fraction": 0.3,
        "k": 2,
        "mixture_id": 7,
        "precision": pytest.approx(2 / 3),
        "noise": 0.5,
        "recall": pytest.approx(0.75),  # the group of two items is no journey
        "f1": pytest.approx(2 * 0.75 / 1.75),
    }


def noise_rows() -> pa.RecordBatch:
    def build(pipeline: beam.Pipeline) -> dict[str, Any]:
        existing = pipeline | "Corpus" >> beam.Create([0]) | "Make" >> beam.Map(lambda _: CORPUS)
        thresholds = pipeline | "Thresholds" >> beam.Create([{BY_TERMS.name: 0.3, ORACLE.name: 0.0}])
        noisy = existing | "Split" >> beam.FlatMap(lambda _: split_noisy(NOISY.noisy)).with_output_types(NoisySlice)
        return {"rows": noisy | RunWithNoise(existing, thresholds, (BY_TERMS, ORACLE), CURVE)}

    return concatenate(run_graph(build)["rows"], NOISE)


def test_methods_that_need_no_k_are_run_with_noise_and_the_curve_too() -> None:
    rows = noise_rows()
    assert rows.num_rows == 2 * 10 * (1 + 2)
    assert set(rows["method"].to_pylist()) == {BY_TERMS.name, CURVE.name}
    index = MetricIndex([noise_metrics([rows], seed=0)])
    assert index.get("separation_noise_noise", method=BY_TERMS.name, noise=0) is None
    # Each noise item is on an axis of its own, and has a term of its own.
    assert index.value("separation_noise_precision", method=BY_TERMS.name, noise=0.3) == 1
    assert index.value("separation_noise_noise", method=BY_TERMS.name, noise=0.3) == 0
    assert index.value("separation_noise_precision", method=CURVE.name, noise=0.3, min_coherence=0.6) == 1
    assert index.value("separation_noise_f1", method=CURVE.name, noise=0.3, min_coherence=0.6) == 1
    by_method, curve = noise_tables(index)
    assert [(noise.text, method.text) for noise, method, *_ in by_method.rows] == [
        ("0", BY_TERMS.name),
        ("0.3", BY_TERMS.name),
    ]
    assert len(curve.rows) == 4


def test_nothing_measured_no_tables() -> None:
    assert noise_tables(MetricIndex([])) == []
    assert noise_metrics([], seed=0).num_rows == 0
