import json
from pathlib import Path

import pytest

from transforms.evaluation.experiments.orderings.judging import judge
from transforms.evaluation.experiments.orderings.trainings import (
    evaluation_of_training,
    parse_trainings,
    read_training,
    training_metrics,
)
from transforms.evaluation.metric_rows import MetricIndex

STEPS = ((0, 0.01, 0.2), (94, 0.99, 0.25), (188, 1.0, 0.1))


def write_training(folder: Path, kept: int = 94, steps: tuple[tuple[int, float, float], ...] = STEPS) -> Path:
    folder.mkdir(parents=True)
    evaluations = [{"step": step, "match_rate": match, "recall_10": recall} for step, match, recall in steps]
    stored = {
        "pairs": {"validation": 4532},
        "tuning": {"thresholds": {"measured_pairs": 200}},
        "result": {"best_step": kept, "evaluations": evaluations},
    }
    (folder / "tuning.json").write_text(json.dumps(stored), encoding="utf-8")
    return folder


def test_the_first_the_kept_and_the_last_step(tmp_path: Path) -> None:
    index = MetricIndex([training_metrics(read_training(write_training(tmp_path / "model")))])
    assert {step: index.value("training_match_rate", step=step) for step in ("first", "kept", "last")} == {
        "first": 0.01,
        "kept": 0.99,
        "last": 1.0,
    }
    recall = index.get("training_recall", step="kept")
    assert recall is not None
    assert recall == pytest.approx((0.25, 0.1953, 0.3142, 200), abs=2e-3)


def test_the_last_step_may_be_the_kept_one(tmp_path: Path) -> None:
    index = MetricIndex([training_metrics(read_training(write_training(tmp_path / "model", kept=188)))])
    assert index.get("training_recall", step="last") is None


def test_claims_about_trainings(tmp_path: Path) -> None:
    (training,) = parse_trainings(str(write_training(tmp_path / "model")))
    found = {each.claim.name: each.lines for each in judge([evaluation_of_training(training)])}
    assert [verdict for _, verdict in found["match rate rises"]] == ["reproduced"]
    assert [verdict for _, verdict in found["recall falls in the end"]] == ["reproduced"]
    assert [verdict for _, verdict in found["recall rises"]] == ["undecided"]
    assert found["recall rises"][0][0].evaluation == "model"


def test_folders_without_match_rates(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no tuning.json of a training"):
        read_training(tmp_path)
    folder = write_training(tmp_path / "names", steps=())
    with pytest.raises(ValueError, match="has no match rates"):
        read_training(folder)
