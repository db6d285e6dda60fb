from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas import METRICS, SALIENCE_MODEL, SALIENT_TERMS, TIMESTAMP
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.salience.topic_catalogue import TOPICS, TopicSource, items, vectors
from transforms.columnar import concatenate
from transforms.encoders.encode import EncodeItems
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig
from transforms.salience.learned import learned_salience
from transforms.salience.learned_terms import LearnedSalientTerms, smallest_hashes
from transforms.salience.model import SalienceModel, default_model, from_rows
from transforms.salience.term_table import quantize
from transforms.salience.training import CONSUMED, GIVEN, NOTHING, build_context

CONFIG = SalienceConfig(VocabularyConfig(max_term_fraction=0.5, min_association=0.99), max_terms=8)
LEARNING = LearnedSalienceConfig(neighbours=6, min_items=2, min_pairs=50, min_fraction_in_text=0.0)
MODEL = default_model()


def blank(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The first items without any text."""
    title = pc.if_else(pa.array(np.arange(rows.num_rows) < 3), "", rows["title"])
    return rows.set_column(1, rows.schema.field("title"), title)


CATALOGUE = blank(items(240))


def find(
    batches: list[pa.RecordBatch],
    buckets: int = 4,
    model: SalienceModel | None = MODEL,
    log: pa.RecordBatch | None = None,
) -> dict[str, Any]:
    def build(pipeline: Any) -> dict[str, Any]:
        interactions = create(pipeline, "Log", [log]) if log is not None else None
        items = create(pipeline, "Items", batches)
        encoded = items | EncodeItems(TopicSource())
        found = items | LearnedSalientTerms(encoded.vectors, CONFIG, LEARNING, model, interactions, buckets)
        return found._asdict()

    found: dict[str, Any] = run_graph(build)
    counts: Counter = Counter()
    for key, number in found["counts"]:
        counts[key] += number
    return found | {
        "salient": concatenate(found["salient"], SALIENT_TERMS.arrow).sort_by("item_id"),
        "counts": counts,
        "model": from_rows(found["model"]),
    }


@pytest.fixture(scope="module")
def by_default() -> dict[str, Any]:
    return find([CATALOGUE])


def test_the_same_as_by_the_pure_functions(by_default: dict[str, Any]) -> None:
    directions = quantize(vectors(CATALOGUE))
    directions[:3] = 0
    context = build_context(CATALOGUE, directions, CONFIG, LEARNING)
    # The sums of contexts are over items that have a vector.
    seen = build_context(CATALOGUE.slice(3), directions[3:], CONFIG, LEARNING)
    table = context.table._replace(**{name: getattr(seen.table, name) for name in ("items", "given", "lengths")})
    expected = learned_salience(context.candidates, directions, table, MODEL, 6, 2, 8)
    SALIENT_TERMS.check(by_default["salient"])
    assert by_default["salient"]["item_id"].equals(expected["item_id"])
    assert by_default["salient"]["terms"].slice(0, 3).to_pylist() == expected["terms"].slice(0, 3).to_pylist()
    same = pc.equal(pc.binary_join(by_default["salient"]["terms"], " "), pc.binary_join(expected["terms"], " "))
    assert pc.sum(same).as_py() > 200


def test_terms_beside_the_text_are_of_the_topic(by_default: dict[str, Any]) -> None:
    words = {word: topic for topic, own in TOPICS.items() for word in (topic, *own)}
    rows = by_default["salient"].to_pylist()[3:]
    titles = CATALOGUE["title"].to_pylist()[3:]
    topics = CATALOGUE["tags"].to_pylist()[3:]
    others = [
        words.get(term) == topic[0]
        for row, title, topic in zip(rows, titles, topics, strict=True)
        for term in row["terms"]
        if term not in title
    ]
    assert len(others) > 500
    assert np.mean(others) > 0.8


def test_an_item_without_text_keeps_its_tags(by_default: dict[str, Any]) -> None:
    assert [row["terms"] for row in by_default["salient"].to_pylist()[:3]] == [[topic] for topic in list(TOPICS)[:3]]


def test_counts_and_metrics(by_default: dict[str, Any]) -> None:
    assert by_default["counts"]["items_without_terms", ""] == 0
    assert by_default["counts"]["terms", ""] > 40
    assert by_default["model"] == MODEL
    (metrics,) = by_default["metrics"]
    METRICS.check(metrics)
    assert metrics.to_pylist()[0]["slice"] == NOTHING


@pytest.mark.parametrize("model", [MODEL, None], ids=["given", "learnt"])
def test_same_bytes_whatever_the_order_batches_and_buckets(model: SalienceModel | None) -> None:
    shuffled = CATALOGUE.take(np.random.default_rng(5).permutation(CATALOGUE.num_rows))
    first = find([CATALOGUE], 1, model)
    again = find([shuffled.slice(0, 50), shuffled.slice(50, 1), shuffled.slice(51)], 7, model)
    assert again["salient"].equals(first["salient"])
    assert again["model"] == first["model"]


def test_a_model_is_trained_on_tags() -> None:
    found = find([CATALOGUE], model=None)
    rows = found["metrics"][0].to_pylist()
    assert (rows[0]["metric"], rows[0]["slice"]) == ("model_trained_on", GIVEN)
    assert {row["slice"] for row in rows if row["metric"] == "calibration_error"} == {"before", "after"}
    assert found["model"] != MODEL
    SALIENCE_MODEL.check(found["model"].to_rows())


def test_a_model_is_trained_on_a_log_without_tags() -> None:
    """Each user consumes items of one topic, so that its words recur beside each of them."""
    plain = items(240, tagged=0.0)
    ids = plain["item_id"].to_pylist()
    rows = [(f"u{number % 6}", item, number) for number, item in enumerate(ids)]
    users, consumed, times = zip(*rows, strict=True)
    log = pa.RecordBatch.from_arrays(
        [pa.array(users), pa.array([*consumed[:-1], "nowhere"]), pa.array(times, TIMESTAMP)],
        names=["user_id", "item_id", "timestamp"],
    )
    found = find([plain], model=None, log=log)
    assert found["metrics"][0]["slice"][0].as_py() == CONSUMED
    assert find([plain], model=None)["metrics"][0]["slice"][0].as_py() == NOTHING


def test_a_sample_is_the_same_whatever_the_batches() -> None:
    whole = smallest_hashes([CATALOGUE], 20)
    parts = [smallest_hashes([CATALOGUE.slice(start, 60)], 20) for start in (60, 0, 180, 120)]
    assert smallest_hashes(parts, 20).equals(whole)
    assert whole.num_rows == 20
