import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.salience.topic_catalogue import TOPICS, items, vectors
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig
from transforms.salience.features import FEATURES
from transforms.salience.fitting import expected_calibration_error
from transforms.salience.labels import LABELS, mask_labels, sample_mask, terms_of_fields
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel, default_model
from transforms.salience.term_table import Directions, quantize
from transforms.salience.training import (
    CONSUMED,
    GIVEN,
    KINDS,
    NOTHING,
    TrainingContext,
    build_context,
    features_of,
    label_pairs,
    train,
    train_or_fall_back,
)

SALIENCE = SalienceConfig(VocabularyConfig(max_term_fraction=0.5, min_association=0.99))
LEARNING = LearnedSalienceConfig(max_context_terms=100, neighbours=6, min_pairs=50, min_fraction_in_text=0.0)
NO_LABELS = pa.RecordBatch.from_pylist([], LABELS)
CATALOGUE = items(400)


def training_context(hidden_fraction: float = 0.5) -> tuple[TrainingContext, pa.RecordBatch, np.ndarray]:
    hidden = sample_mask(CATALOGUE["item_id"], hidden_fraction, "test")
    labels = terms_of_fields(CATALOGUE.filter(pa.array(hidden)))
    return (
        build_context(mask_labels(CATALOGUE, hidden), quantize(vectors(CATALOGUE)), SALIENCE, LEARNING),
        labels,
        hidden,
    )


def test_hidden_tags_are_not_in_the_context() -> None:
    context, labels, hidden = training_context()
    seen = [set(terms) & set(TOPICS) for terms in context.candidates["terms"].to_pylist()]
    assert not any(own for own, gone in zip(seen, hidden, strict=True) if gone)
    assert all(own for own, gone in zip(seen, hidden, strict=True) if not gone)
    assert labels.num_rows == hidden.sum()
    given = dict(
        zip(context.table.terms.take(pa.array(context.table.codes)).to_pylist(), context.table.given, strict=True)
    )
    assert sum(given[topic] for topic in TOPICS) == (~hidden).sum()
    assert given["rose"] == 0


def test_pairs_are_what_they_are_called() -> None:
    context, labels, hidden = training_context()
    labelled = label_pairs(context, labels, LEARNING, 0)
    names, titles = context.table.terms.to_pylist(), CATALOGUE["title"].to_pylist()
    tags = CATALOGUE["tags"].to_pylist()
    assert set(labelled.kinds.tolist()) == set(range(len(KINDS)))
    for item, term, evidence, kind, elsewhere in zip(*labelled.pairs, labelled.kinds, labelled.elsewhere, strict=True):
        assert hidden[item]
        assert (evidence > 0) == (names[term] in titles[item].split(", "))
        assert (kind == 0) == (names[term] in tags[item])
        assert kind != 1 or names[term] in TOPICS
        assert kind != 2 or evidence > 0
        assert kind != 3 or (evidence == 0 and not elsewhere)
    counts = np.bincount(labelled.kinds)
    assert counts[0] == hidden.sum()
    assert (counts[1:] <= counts[0]).all()
    assert labelled.weights[labelled.kinds <= 1].tolist() == [1.0] * int(counts[:2].sum())
    in_text = labelled.kinds == 2
    assert labelled.weights[in_text].sum() == pytest.approx(3 * hidden.sum(), rel=0.02)  # each title has three words


def test_draws_depend_on_the_seed_alone() -> None:
    context, labels, _ = training_context()
    first, again, other = (label_pairs(context, labels, LEARNING, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first.pairs, again.pairs, strict=True))
    assert not np.array_equal(first.pairs.terms, other.pairs.terms)


def test_features_do_not_depend_on_how_pairs_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    context, labels, _ = training_context()
    pairs = label_pairs(context, labels, LEARNING, 0).pairs
    whole = features_of(context, pairs)
    monkeypatch.setattr("transforms.salience.training.ITEMS_PER_BLOCK", 7)
    assert np.array_equal(features_of(context, pairs), whole)
    assert whole.shape == (len(pairs.items), len(FEATURES))


def test_a_model_learns_what_items_are_about() -> None:
    """Of the hidden tags none stands in a title, so the statistical scorer cannot know them."""
    context, labels, hidden = training_context()
    fitted = train(context, labels, LEARNING)
    assert fitted is not None
    salient = learned_salience(context.candidates, context.vectors, context.table, fitted.model, 6, 2, 5)
    found = [
        tag[0] in terms
        for terms, tag, gone in zip(salient["terms"].to_pylist(), CATALOGUE["tags"].to_pylist(), hidden, strict=True)
        if gone
    ]
    assert np.mean(found) > 0.9
    test = label_pairs(context, labels, LEARNING, 9)
    chances = fitted.model.salience(features_of(context, test.pairs))[test.matched]
    assert expected_calibration_error(chances, test.fits[test.matched]) < 0.1


class TestLearn:
    @staticmethod
    def trained(catalogue: pa.RecordBatch, consumed: pa.RecordBatch = NO_LABELS) -> tuple[SalienceModel, str]:
        found = train_or_fall_back(catalogue, encoded(catalogue), consumed, SALIENCE, LEARNING, default_model())
        assert (found.fitted is None) == (found.trained_on == NOTHING)
        return found.model, found.trained_on

    def test_from_tags_where_they_are_enough(self) -> None:
        model, source = self.trained(CATALOGUE)
        assert source == GIVEN
        assert model != default_model()
        assert self.trained(CATALOGUE) == (model, source)

    def test_from_what_is_consumed_together_where_they_are_not(self) -> None:
        untagged = items(400, tagged=0.05)
        topics = list(TOPICS)
        labels = [
            {"item_id": item, "terms": sorted(TOPICS[topics[number % 6]])}
            for number, item in enumerate(untagged["item_id"].to_pylist())
        ]
        model, source = self.trained(untagged, pa.RecordBatch.from_pylist(labels, LABELS))
        assert source == CONSUMED
        assert model != default_model()

    def test_not_from_tags_that_never_stand_in_the_text(self) -> None:
        strict = dataclasses.replace(LEARNING, min_fraction_in_text=0.1)
        context, labels, _ = training_context()
        assert train(context, labels, strict) is None
        found = train_or_fall_back(CATALOGUE, encoded(CATALOGUE), NO_LABELS, SALIENCE, strict, default_model())
        assert found.trained_on == NOTHING

    def test_or_not_at_all(self) -> None:
        assert self.trained(items(400, tagged=0.05)) == (default_model(), NOTHING)
        assert self.trained(items(0)) == (default_model(), NOTHING)


def encoded(catalogue: pa.RecordBatch) -> Directions:
    return quantize(vectors(catalogue)) if catalogue.num_rows else np.zeros((0, 8), np.int16)
