from pathlib import Path

import numpy as np
import pytest

from tests.transforms.evaluation.builders import collections, corpus
from transforms.evaluation.algorithms import (
    STEP,
    all_algorithms,
    choose_methods,
    default_methods,
    total_histories,
    with_progress,
    with_thresholds,
)
from transforms.evaluation.experiments.separation.run_methods import run_method
from transforms.evaluation.mixtures import MixtureConfig, build_mixtures
from transforms.progress import Progress


def names(encoder: str | None, *wanted: str) -> list[str]:
    return [method.name for method in choose_methods(encoder, wanted)]


def test_names_differ_and_without_vectors_there_are_fewer_methods() -> None:
    every = [entry.method.name for entry in all_algorithms("toy")]
    assert len(set(every)) == len(every)
    assert set(names(None)) < set(names("toy")) < set(every)


def test_methods_are_chosen_by_how_their_names_begin() -> None:
    assert names("toy", "ward", "ONE PASS, t") == ["one pass, toy", "Ward, toy"]
    assert names("toy", "global") == ["global agglomerative, toy"]
    with pytest.raises(ValueError, match=r"^'Ward' needs vectors: give --encoder$"):
        names(None, "Ward")
    with pytest.raises(ValueError, match=r"^'x' is not one of ICPC, "):
        names("toy", "x")


def test_a_fixed_threshold_is_tried_too() -> None:
    (ward,) = with_thresholds(choose_methods("toy", ["Ward"]), {"Ward, toy": 0.123})
    assert ward.thresholds[0] == 0.123
    assert list(ward.thresholds) == sorted(set(ward.thresholds))
    with pytest.raises(ValueError, match=r"^'k-means with oracle k, toy' has no threshold$"):
        with_thresholds(default_methods("toy"), {"k-means with oracle k, toy": 1.0})
    with pytest.raises(ValueError, match=r"^'Ward' is not one of"):
        with_thresholds(default_methods("toy"), {"Ward": 1.0})


def test_progress_reaches_what_was_announced(tmp_path: Path) -> None:
    made = build_mixtures(collections([20, 30, 40, 15]), MixtureConfig((2, 3), mixtures_per_k=3))
    existing = corpus(made)
    methods = choose_methods("made", ["one pass", "k-means", "co-occurrence"])
    progress = Progress(str(tmp_path / "progress"))
    for method in with_progress(methods, progress):
        rows = run_method(made.rows, existing, method, 1)
        assert np.isfinite(rows["f1"].to_numpy()).all()
    assert progress.done()[STEP] == total_histories(methods, 6, stability=True)
