import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS, METRICS
from tests.transforms.evaluation.builders import collections, corpus
from transforms.evaluation.algorithms import STATISTICAL
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.experiments.confidence.config import ConfidenceConfig
from transforms.evaluation.experiments.confidence.halves import MixedHalves, mix_halves
from transforms.evaluation.experiments.confidence.report import confidence_tables, describe_confidence
from transforms.evaluation.experiments.confidence.scoring import (
    LabelledJourneys,
    evaluate_confidence,
    fit_confidence,
    labelled_journeys,
)
from transforms.evaluation.methods import Corpus
from transforms.evaluation.metric_rows import MetricIndex
from transforms.evaluation.mixtures import Mixtures
from transforms.lifecycle.confidence import confidences

CONFIG = ConfidenceConfig(noise_fractions=(0.0, 0.3), mixtures=MixtureConfig((2, 3), mixtures_per_k=6))


def given() -> pa.RecordBatch:
    """Collections, each of a source of its own."""
    rows = collections([12] * 60)
    sources = pa.array([f"source {number}" for number in range(rows.num_rows)])
    return rows.set_column(0, rows.schema.field("source"), sources)


def halves() -> MixedHalves:
    return mix_halves(given(), CONFIG)


def features(found: MixedHalves) -> Corpus:
    """Vectors and terms, of which some are those of another collection, so that journeys have strangers."""
    made = corpus(Mixtures(found.items, found.fitted))
    random, count = np.random.default_rng(0), len(made.texts)
    others = np.where(random.random(count) < 0.15, random.permutation(count), np.arange(count))
    terms = made.terms["made"]
    return dataclasses.replace(
        made,
        terms={STATISTICAL: terms._replace(terms=terms.terms // 5)},
        vectors={"made": made.vectors["made"][others]},
    )


def test_halves_share_no_collection_and_one_catalogue() -> None:
    found = halves()
    ITEMS.check(found.items)
    ids = found.catalogue["item_id"].to_pylist()
    assert ids == sorted(set(ids))
    assert found.catalogue.num_rows == 60 * 12
    titles = np.array(found.items["title"].to_pylist())

    def of(mixtures: pa.RecordBatch) -> set[str]:
        return {title.split()[0] for title in titles[mixtures["item"].flatten().to_numpy()]}

    assert of(found.fitted) & of(found.held_out) == set()
    assert found.fitted.num_rows == found.held_out.num_rows == 2 * 12
    assert (found.fitted["label"].flatten().to_numpy() == -1).any()


def test_the_order_of_collections_does_not_matter() -> None:
    rows = given()
    shuffled = rows.take(pa.array(np.random.default_rng(0).permutation(rows.num_rows)))
    for one, other in zip(mix_halves(shuffled, CONFIG), halves(), strict=True):
        assert one.equals(other)


def test_items_of_the_collection_are_counted_and_noise_belongs_to_none() -> None:
    found = halves()
    journeys = labelled_journeys(found.fitted, features(found), "vectors", "made")
    assert len(journeys.sizes) > 12
    assert ((journeys.own >= 0) & (journeys.own <= journeys.sizes)).all()
    assert (journeys.own < journeys.sizes).any()


def test_a_fit_recovers_the_probabilities() -> None:
    random = np.random.default_rng(0)
    coherence, sizes = random.uniform(0.2, 0.9, 4000), random.integers(3, 31, 4000)
    true = 1 / (1 + np.exp(-(-1.0 + 4.0 * coherence - 0.2 * np.log(sizes))))
    journeys = LabelledJourneys(np.arange(4000), coherence, sizes, random.binomial(sizes, true))
    found = confidences(coherence, sizes, fit_confidence(journeys))
    assert np.abs(found - true).max() < 0.02


def test_nothing_can_be_fitted_to_journeys_without_a_stranger() -> None:
    sizes = np.array([3, 4])
    with pytest.raises(ValueError, match="nothing can be fitted"):
        fit_confidence(LabelledJourneys(np.arange(2), np.array([0.4, 0.5]), sizes, sizes))


def test_metrics_and_tables() -> None:
    found = halves()
    batch = evaluate_confidence(found, features(found), "made", seed=0)
    METRICS.check(batch)
    index = MetricIndex([batch])
    tables = confidence_tables(index)
    assert [len(table.rows) for table in tables][::2] == [8, 16]
    assert "Journeys by vectors" in describe_confidence(index)[1]
    losses = {
        model: index.value("confidence_log_loss", features="vectors", model=model)
        for model in ("fitted here", "constant")
    }
    assert losses["fitted here"] <= losses["constant"] + 0.05
