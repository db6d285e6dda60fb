from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas import METRICS, SALIENT_TERMS
from schemas.metric_slice import parse_slice
from tests.transforms.encoders.fake_encoder import ToySource
from tests.transforms.salience.topic_catalogue import items, vectors
from transforms.evaluation.experiments.salience.experiment import SalienceExperiment
from transforms.evaluation.experiments.salience.scoring import (
    DEFAULT,
    FREQUENT,
    NEAREST,
    OWN,
    STATISTICAL,
    auc_per_item,
    evaluate_scorers,
    precision,
)
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig
from transforms.salience.labels import LABELS
from transforms.salience.model import default_model
from transforms.salience.term_table import quantize

SALIENCE = SalienceConfig(VocabularyConfig(max_term_fraction=0.5, min_association=0.99))
LEARNING = LearnedSalienceConfig(neighbours=6, min_items=2, min_pairs=30)


def test_area_under_the_curve_by_hand() -> None:
    owners = np.array([0, 0, 0, 0, 1, 1, 2, 3, 3])
    scores = np.array([3.0, 1.0, 2.0, 0.0, 5.0, 5.0, 1.0, 0.0, 1.0])
    fits = np.array([True, True, False, False, True, False, True, True, False])
    # Item 0: 3 is above both, 1 above one of two; item 1: a tie; item 2 has nothing to compare; item 3: wrong.
    assert auc_per_item(owners, scores, fits).tolist() == [0.75, 0.5, 0.0]


def test_precision_by_hand() -> None:
    salient = pa.RecordBatch.from_pylist(
        [
            {"item_id": "b", "terms": ["x", "y", "z"], "saliences": [0.9, 0.8, 0.7]},
            {"item_id": "a", "terms": ["z"], "saliences": [0.9]},
            {"item_id": "c", "terms": [], "saliences": []},
        ],
        SALIENT_TERMS.arrow,
    )
    labels = pa.RecordBatch.from_pylist(
        [{"item_id": "a", "terms": ["z"]}, {"item_id": "b", "terms": ["y", "z"]}, {"item_id": "c", "terms": ["x"]}],
        LABELS,
    )
    assert precision(salient, labels, 2).tolist() == [0.5, 0.5, 0.0]


@pytest.fixture(scope="module")
def metrics() -> pa.RecordBatch:
    catalogue = items(500)
    return evaluate_scorers(catalogue, quantize(vectors(catalogue)), SALIENCE, LEARNING, default_model())


def values(metrics: pa.RecordBatch, metric: str) -> dict[str, float]:
    return {
        parse_slice(row["slice"]).get("scorer", ""): row["value"]
        for row in metrics.to_pylist()
        if row["metric"] == metric
    }


def test_no_tag_stands_in_a_title_so_the_statistical_scorer_is_blind(metrics: pa.RecordBatch) -> None:
    METRICS.check(metrics)
    auc, found = values(metrics, "salience_auc"), values(metrics, "salience_precision")
    assert set(auc) == set(found) == {STATISTICAL, DEFAULT, OWN, NEAREST, FREQUENT}
    assert auc[STATISTICAL] == 0.5
    assert found[STATISTICAL] == 0
    assert min(auc[DEFAULT], auc[OWN], auc[NEAREST]) > 0.95
    assert found[OWN] > 0.18  # there is one tag, so that 0.2 is the most
    # Five of six tags are always among the five most frequent.
    assert found[FREQUENT] == pytest.approx(0.2 * 5 / 6, abs=0.02)
    assert values(metrics, "salience_auc_gain")[OWN] == auc[OWN] - 0.5
    assert set(values(metrics, "salience_calibration_error")) == {DEFAULT, OWN}
    assert values(metrics, "salience_items")[""] == 500


def test_the_table(metrics: pa.RecordBatch) -> None:
    experiment = SalienceExperiment(ToySource(Path()), "toy")
    (table,) = experiment.tables([metrics])
    assert [column.title for column in table.columns] == ["scorer", "AUC", "precision@5", "calibration error"]
    assert [row[0].text for row in table.rows] == [DEFAULT, OWN, STATISTICAL, NEAREST, FREQUENT]
    assert table.rows[0][1].interval
    assert experiment.describe([metrics])[0].startswith("500 items; the tags of 2")
    with pytest.raises(ValueError, match="no salience_precision"):
        experiment.tables([metrics.slice(0, 0)])


def test_items_without_tags_cannot_be_scored() -> None:
    catalogue = items(50, tagged=0.0)
    with pytest.raises(ValueError, match="no item has a tag"):
        evaluate_scorers(catalogue, quantize(vectors(catalogue)), SALIENCE, LEARNING, default_model())
