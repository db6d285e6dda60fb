import dataclasses
from pathlib import Path

from tests.transforms.evaluation.experiments.granularity.test_report import metrics
from transforms.evaluation.experiments.granularity.plot import plot_sweep
from transforms.evaluation.experiments.granularity.report import Sweep, read_sweep


def sampled(sweep: Sweep, path: Path) -> str:
    plot_sweep(sweep, path)
    return path.read_text(encoding="utf-8")


def test_the_same_metrics_give_the_same_bytes(tmp_path: Path) -> None:
    sweep = read_sweep([metrics()])
    first = sampled(sweep, tmp_path / "a.svg")
    assert sampled(sweep, tmp_path / "b.svg") == first
    assert "<!-- target 1 -->" in first
    assert "<!-- used 0.001 -->" in first
    assert "<!-- default 0.01 -->" in first
    assert "<!-- min_size 2 (this run) -->" in first


def test_the_default_alone_is_marked_where_it_is_used(tmp_path: Path) -> None:
    message = sampled(dataclasses.replace(read_sweep([metrics(None)]), used=0.01), tmp_path / "a.svg")
    assert "<!-- default 0.01 -->" in message
    assert "<!-- used" not in message
    assert "<!-- target" not in message


def test_thresholds_of_vectors_may_be_negative(tmp_path: Path) -> None:
    sweep = read_sweep([metrics()])
    values = {(metric, -threshold * 10, size): value for (metric, threshold, size), value in sweep.values.items()}
    moved = dataclasses.replace(sweep, option="merge_threshold", values=values, used=-0.5)
    assert "used -0.5" in sampled(moved, tmp_path / "a.svg")
