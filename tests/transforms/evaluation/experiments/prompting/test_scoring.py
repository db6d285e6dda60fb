"""Two histories, whose scores are computed by hand."""

import pyarrow as pa
import pytest

from tests.transforms.encoders.fake_encoder import word_vector
from transforms.encoders.encode import vectors_schema
from transforms.evaluation.experiments.naming.scoring import TextVectors
from transforms.evaluation.experiments.prompting.config import SCOPES, Scope
from transforms.evaluation.experiments.prompting.histories import History
from transforms.evaluation.experiments.prompting.scoring import prompting_metrics, score_scope
from transforms.evaluation.metric_rows import MetricIndex

HISTORIES = [
    History(2, ("tea", "jazz"), ("a", "b"), (0, 1)),
    History(3, ("chess", "tea", "car"), ("a", "b", "c"), (0, 1, 2)),
]
NAMES: dict[Scope, list[list[str]]] = {
    "history in one prompt": [["tea"], []],
    "journeys in one prompt": [["jazz", "tea", "garden"], ["tea", "chess"]],
    "one prompt a journey": [["tea", "jazz"], ["chess", "car", "tea"]],
}


def vectors() -> TextVectors:
    texts = ["tea", "jazz", "chess", "car", "garden"]
    rows = [{"item_id": text, "vector": word_vector(text)} for text in texts]
    return TextVectors([pa.RecordBatch.from_pylist(rows, vectors_schema(256))])


def test_scores_of_histories() -> None:
    whole = score_scope(HISTORIES, NAMES["history in one prompt"], vectors())
    assert whole.values["similarity_f1"].tolist() == pytest.approx([2 / 3, 0])
    assert whole.values["similarity_recall"].tolist() == pytest.approx([0.5, 0])
    assert whole.values["similarity_precision"].tolist() == pytest.approx([1, 0])
    assert whole.values["names"].tolist() == [1, 0]
    assert whole.values["count_error"].tolist() == [1, 3]
    grouped = score_scope(HISTORIES, NAMES["journeys in one prompt"], vectors())
    # One name too many, and one too few.
    assert grouped.values["similarity_f1"].tolist() == pytest.approx([4 / 5, 4 / 5], abs=0.05)
    assert grouped.values["count_error"].tolist() == [1, 1]


def test_metrics() -> None:
    scores = {scope: score_scope(HISTORIES, names, vectors()) for scope, names in NAMES.items()}
    index = MetricIndex([prompting_metrics(HISTORIES, scores, [2, 3], seed=0)])
    assert index.value("prompting_similarity_f1", scope="one prompt a journey", k="all") == pytest.approx(1)
    assert index.value("prompting_chrf", scope="one prompt a journey", k="all") == pytest.approx(100)
    assert index.value("prompting_similarity_f1", scope="history in one prompt", k="all") == pytest.approx(1 / 3)
    assert index.value("prompting_similarity_f1", scope="history in one prompt", k="2") == pytest.approx(2 / 3)
    assert index.value("prompting_journeys") == 2.5
    assert index.value("prompting_histories") == 2
    parts = {"scope": "history in one prompt", "k": "3", "baseline": "one prompt a journey"}
    difference = index.get("prompting_similarity_f1_difference", **parts)
    assert difference is not None
    assert difference[:3] == pytest.approx((-1, -1, -1))
    others = {each["scope"] for each in index.slices("prompting_chrf_difference")}
    assert others == set(SCOPES[:2])
