import numpy as np
import pyarrow as pa
import pytest

from schemas import METRICS, SALIENT_TERMS
from tests.transforms.salience.topic_catalogue import items, vectors
from transforms.evaluation.experiments.salience.scoring import (
    DEFAULT,
    MOST_GIVEN,
    NEAREST,
    OWN,
    STATISTICAL,
    evaluate_scorers,
    precision,
    ranking,
)
from transforms.evaluation.experiments.salience.tables import describe_salience, salience_table
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
    assert ranking(owners, scores, fits).tolist() == [0.75, 0.5, 0.0]


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
    return {row["slice"]: row["value"] for row in metrics.to_pylist() if row["metric"] == metric}


def test_no_tag_stands_in_a_title_so_the_statistical_scorer_is_blind(metrics: pa.RecordBatch) -> None:
    METRICS.check(metrics)
    auc, found = values(metrics, "salience_auc"), values(metrics, "salience_precision")
    assert set(auc) == set(found) == {STATISTICAL, DEFAULT, OWN, NEAREST, MOST_GIVEN}
    assert auc[STATISTICAL] == 0.5
    assert found[STATISTICAL] == 0
    assert min(auc[DEFAULT], auc[OWN], auc[NEAREST]) > 0.95
    assert found[OWN] > 0.18  # there is one tag, so that 0.2 is the most
    # Five of six tags are always among the five most given.
    assert found[MOST_GIVEN] == pytest.approx(0.2 * 5 / 6, abs=0.02)
    assert values(metrics, "salience_auc_gain")[OWN] == auc[OWN] - 0.5
    assert set(values(metrics, "salience_calibration_error")) == {DEFAULT, OWN}
    assert values(metrics, "salience_items")["all"] == 500


def test_the_table(metrics: pa.RecordBatch) -> None:
    lines = salience_table([metrics]).splitlines()
    assert lines[0] == "| scorer | AUC | precision@5 | calibration error |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        f"| {name}" for name in (DEFAULT, OWN, STATISTICAL, NEAREST, MOST_GIVEN)
    ]
    assert "<sub>" in lines[2]
    assert describe_salience([metrics]).startswith("500 items; of 2")
    with pytest.raises(ValueError, match="no figures of salience"):
        salience_table([metrics.slice(0, 0)])


def test_items_without_tags_cannot_be_judged() -> None:
    catalogue = items(50, tagged=0.0)
    with pytest.raises(ValueError, match="no item has a tag"):
        evaluate_scorers(catalogue, quantize(vectors(catalogue)), SALIENCE, LEARNING, default_model())
