import numpy as np
import pyarrow as pa
import pytest

from schemas import COLLECTIONS, METRICS
from tests.transforms.salience.topic_catalogue import NOISE, TOPICS, vector_of
from transforms.evaluation.config import MixtureConfig, SeparationConfig
from transforms.evaluation.experiments.synonyms.scoring import (
    evaluate_methods,
    ratio_of_means,
    replace_in_mixtures,
    trial_methods,
)
from transforms.evaluation.experiments.synonyms.tables import describe_synonyms, synonyms_table
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig
from transforms.salience.model import default_model
from transforms.salience.term_table import quantize

KEYS = ("garden", "house", "boat", "photo", "song", "puzzle")
"""Words of the list, one for each topic."""

MIXTURES = MixtureConfig((2, 3), mixtures_per_k=12, min_collection_items=8, max_collection_items=14)
CONFIG = SeparationConfig(
    mixtures=MIXTURES,
    salience=SalienceConfig(VocabularyConfig(min_term_items=2, max_term_fraction=0.9, min_association=0.99)),
)


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
    trial = replace_in_mixtures(collections(), MIXTURES)
    assert trial.collections == 12
    assert 0 < trial.words <= 6
    assert trial.changed.any()
    assert not trial.changed.all()
    vectors = encode(trial.items["title"].to_pylist())
    again = replace_in_mixtures(collections().take(pa.array(np.arange(12)[::-1])), MIXTURES)
    assert again.replaced.equals(trial.replaced)
    assert again.mixtures.equals(trial.mixtures)
    return evaluate_methods(trial, vectors, vectors, CONFIG, LearnedSalienceConfig(min_items=2), default_model())


def values(metrics: pa.RecordBatch, metric: str) -> dict[str, float]:
    return {row["slice"]: row["value"] for row in metrics.to_pylist() if row["metric"] == metric}


def test_what_reads_letters_suffers_and_what_sees_vectors_does_not(metrics: pa.RecordBatch) -> None:
    METRICS.check(metrics)
    drops = values(metrics, "synonyms_drop")
    literal, learned, *by_vectors = [method.name for method in trial_methods()]
    assert drops[f"{literal}/changed items"] > 0.1
    assert drops[f"{literal}/all items"] > 0.05
    assert all(drops[f"{name}/changed items"] == 0 for name in by_vectors)
    shares = values(metrics, "synonyms_share_of_drop")
    assert shares[f"{learned}/changed items"] < 1 / 3
    before, after = (values(metrics, f"synonyms_f1_{when}") for when in ("before", "after"))
    for slice_, drop in drops.items():
        assert before[slice_] - after[slice_] == pytest.approx(drop)


def test_the_table(metrics: pa.RecordBatch) -> None:
    lines = synonyms_table([metrics]).splitlines()
    assert len(lines) == 2 + 2 * len(trial_methods())
    assert lines[2].startswith("| all items | ICPC, statistical terms | ")
    assert lines[2].endswith(" | – |")
    assert describe_synonyms([metrics]).startswith("12 collections that have one of 6 key words, with 168 items; in ")
    with pytest.raises(ValueError, match="no figures of synonyms"):
        synonyms_table([metrics.slice(0, 0)])


def test_ratio_of_means_by_hand() -> None:
    above, below, groups = [1.0, 2.0, 0.0, 0.0], [4.0, 2.0, 1.0, 1.0], [2, 2, 3, 3]
    found = ratio_of_means(np.array(above), np.array(below), groups, 0)
    assert found.value == pytest.approx((1.5 + 0) / (3 + 1))
    assert found.low <= found.value <= found.high
    assert found.n == 4
    with pytest.raises(ValueError, match="no drop to compare with"):
        ratio_of_means(np.zeros(2), np.zeros(2), [1, 1], 0)
