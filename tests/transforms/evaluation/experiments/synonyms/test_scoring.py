from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas import COLLECTIONS, METRICS
from schemas.metric_slice import parse_slice
from tests.transforms.encoders.fake_encoder import ToySource
from tests.transforms.salience.topic_catalogue import NOISE, TOPICS, vector_of
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.experiments.synonyms.experiment import SynonymsExperiment
from transforms.evaluation.experiments.synonyms.scoring import (
    compared_methods,
    evaluate_methods,
    ratio_of_means,
    replace_in_mixtures,
)
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig
from transforms.salience.model import default_model
from transforms.salience.term_table import quantize

KEYS = ("garden", "house", "boat", "photo", "song", "puzzle")
"""Words of the list, one for each topic."""

MIXTURES = MixtureConfig((2, 3), mixtures_per_k=12, min_collection_items=8, max_collection_items=14)
SALIENCE = SalienceConfig(VocabularyConfig(min_term_items=2, max_term_fraction=0.9, min_association=0.99))


def collections() -> pa.RecordBatch:
    """Collections whose items have nothing in common but the key word: their other word is on the topic or on none."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(12):
        words = list(TOPICS.values())[number % 6]
        titles = [f"{KEYS[number % 6]}, {random.choice(NOISE)} {random.choice(words)} {number}x{i}" for i in range(14)]
        rows.append({"source": "s", "name": f"{number}", "item_titles": titles, "item_descriptions": None})
    return pa.RecordBatch.from_pylist(rows, COLLECTIONS.arrow)


def encode(titles: list[str]) -> np.ndarray:
    """Vectors by the topic's words alone: what an encoder does that knows the synonyms."""
    return quantize(np.stack([vector_of(title.partition(", ")[2]) for title in titles]))


@pytest.fixture(scope="module")
def metrics() -> pa.RecordBatch:
    data = replace_in_mixtures(collections(), MIXTURES)
    assert data.collections == 12
    assert 0 < data.words <= 6
    assert data.changed.any()
    assert not data.changed.all()
    vectors = encode(data.items["title"].to_pylist())
    again = replace_in_mixtures(collections().take(pa.array(np.arange(12)[::-1])), MIXTURES)
    assert again.replaced.equals(data.replaced)
    assert again.mixtures.equals(data.mixtures)
    learning = LearnedSalienceConfig(min_items=2)
    return evaluate_methods(data, vectors, vectors, MIXTURES, SALIENCE, learning, default_model())


def values(metrics: pa.RecordBatch, metric: str) -> dict[tuple[str, str], float]:
    """Values by method and group of items."""
    parsed = [(parse_slice(row["slice"]), row["value"]) for row in metrics.to_pylist() if row["metric"] == metric]
    return {(parts["method"], parts["items"]): value for parts, value in parsed}


def test_literal_terms_suffer_and_vectors_do_not(metrics: pa.RecordBatch) -> None:
    METRICS.check(metrics)
    drops = values(metrics, "synonyms_drop")
    literal, learned, *by_vectors = [method.name for method in compared_methods()]
    assert drops[literal, "changed"] > 0.1
    assert drops[literal, "all"] > 0.05
    assert all(drops[name, "changed"] == 0 for name in by_vectors)
    fractions = values(metrics, "synonyms_fraction_of_drop")
    assert fractions[learned, "changed"] < 1 / 3
    before, after = (values(metrics, f"synonyms_f1_{when}") for when in ("before", "after"))
    for slice_, drop in drops.items():
        assert before[slice_] - after[slice_] == pytest.approx(drop)


def test_the_table(metrics: pa.RecordBatch) -> None:
    experiment = SynonymsExperiment(ToySource(Path()), "toy")
    (table,) = experiment.tables([metrics])
    assert len(table.rows) == 2 * len(compared_methods())
    assert [cell.text for cell in table.rows[0][:2]] == ["all items", "ICPC, statistical terms"]
    assert table.rows[0][-1].text == "–"
    assert experiment.describe([metrics])[0].startswith("12 collections that have one of 6 key words, with 168 items; ")
    with pytest.raises(ValueError, match="no synonyms_drop"):
        experiment.tables([metrics.slice(0, 0)])


def test_ratio_of_means_by_hand() -> None:
    above, below, groups = [1.0, 2.0, 0.0, 0.0], [4.0, 2.0, 1.0, 1.0], [2, 2, 3, 3]
    found = ratio_of_means(np.array(above), np.array(below), groups, 0)
    assert found.value == pytest.approx((1.5 + 0) / (3 + 1))
    assert found.low <= found.value <= found.high
    assert found.n == 4
    with pytest.raises(ValueError, match="must be above 0"):
        ratio_of_means(np.zeros(2), np.zeros(2), [1, 1], 0)
