import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS, SALIENT_TERMS
from tests.transforms.evaluation.builders import collections
from transforms.encoders.encode import vectors_schema
from transforms.encoders.text import texts_of_items
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.corpus import build_corpus, items_with_provenance, limit_sources, mix_collections
from transforms.evaluation.mixtures import build_mixtures
from transforms.evaluation.numbered_collections import item_texts

CONFIG = MixtureConfig((2,), mixtures_per_k=2)
MADE = collections([20, 30, 40, 9, 9, 9])


def test_items_that_were_mixed_are_in_the_order_of_their_numbers() -> None:
    mixed, expected = mix_collections(MADE, CONFIG), build_mixtures(MADE, CONFIG)
    assert item_texts(mixed.items) == item_texts(expected.items)
    assert mixed.mixtures == expected.rows
    assert mixed.catalogue.num_rows == 117 > mixed.items.num_rows
    assert set(mixed.items["item_id"].to_pylist()) < set(mixed.catalogue["item_id"].to_pylist())
    assert mixed.sources == 3


def test_sources_with_many_collections_are_left_out() -> None:
    rows = MADE.slice(0, 5)  # sources 0 and 1 have two each
    assert limit_sources(rows, None) is rows
    assert limit_sources(rows, 2) == rows
    assert limit_sources(rows, 1)["source"].to_pylist() == ["source 2"]
    assert limit_sources(rows.slice(0, 0), 1).num_rows == 0


def terms(*rows: tuple[str, list[str]]) -> pa.RecordBatch:
    found = [{"item_id": item, "terms": words, "saliences": [0.5] * len(words)} for item, words in rows]
    return pa.RecordBatch.from_pylist(found, SALIENT_TERMS.arrow)


def vectors(*rows: tuple[str, list[float]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [dict(zip(("item_id", "vector"), row, strict=True)) for row in rows], vectors_schema(2)
    )


def items(*titles: tuple[str, str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"item_id": item, "title": title} for item, title in titles], ITEMS.arrow)


def test_the_corpus_is_by_item_whatever_the_order_and_knows_no_others() -> None:
    existing = build_corpus(
        [items(("2", "two")), items(("1", "one"))],
        {"words": [terms(("2", ["b"]), ("9", ["z"])), terms(("1", ["a", "b"]))]},
        {"toy": [vectors(("2", [0, 1])), vectors(("7", [9, 9]), ("1", [1, 0]))]},
    )
    assert existing.texts == ("one", "two")
    assert existing.vectors["toy"].tolist() == [[1, 0], [0, 1]]
    assert existing.terms["words"].offsets.tolist() == [0, 2, 3]
    assert existing.terms["words"].terms.tolist() == [0, 1, 1]
    assert existing.terms["words"].vocabulary_size == 2


@pytest.mark.parametrize("found", ["", "1", "112"])
def test_each_item_is_known_once(found: str) -> None:
    existing = [vectors((item, [1, 0])) for item in found]
    with pytest.raises(ValueError, match="toy: each of the 2 items of the mixtures must occur once"):
        build_corpus([items(("2", "two"), ("1", "one"))], {}, {"toy": existing})


def test_items_for_the_next_stages() -> None:
    rows = items(("2", "two"), ("1", "one"))
    located = items_with_provenance(rows, "here")
    assert located["file"].to_pylist() == ["here", "here"]
    assert located["row"].to_pylist() == [0, 1]
    assert texts_of_items(rows).to_pylist() == [{"item_id": "2", "text": "two"}, {"item_id": "1", "text": "one"}]
    assert np.array_equal(located["item_id"], rows["item_id"])
