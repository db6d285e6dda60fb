import pyarrow as pa

from schemas import SALIENT_TERMS
from transforms.clusters.features import FEATURES, TRAFFIC, item_terms, join_features, smallest_items, traffic_rows
from transforms.encoders.quantized_vectors import ITEM_VECTORS

ITEMS = pa.RecordBatch.from_pydict({"item_id": ["b", "a", "c"], "title": ["x", "y", "z"]})
TERMS = pa.RecordBatch.from_pylist(
    [
        {"item_id": "a", "terms": ["tea", "pot"], "saliences": [0.5, 0.25]},
        {"item_id": "b", "terms": [], "saliences": []},
    ],
    SALIENT_TERMS.arrow,
)
VECTORS = pa.RecordBatch.from_pylist([{"item_id": "c", "vector": b"\x01\x02"}], ITEM_VECTORS)


def test_features_of_a_bucket() -> None:
    log = pa.RecordBatch.from_pydict({"item_id": ["a", "c", "a", "unknown"], "user_id": ["u", "v", "w", "u"]})
    traffic = [traffic_rows(log), traffic_rows(log.slice(0, 1))]
    assert all(rows.schema == TRAFFIC for rows in traffic)
    rows = join_features([ITEMS], [TERMS], [VECTORS], traffic)
    assert rows.schema == FEATURES
    assert rows["item_id"].to_pylist() == ["a", "b", "c"]
    assert rows["traffic"].to_pylist() == [3, 0, 1]
    assert rows["terms"].to_pylist() == [["tea", "pot"], [], []]
    assert rows["vector"].to_pylist() == [None, None, b"\x01\x02"]
    assert join_features([ITEMS], [], [], None)["traffic"].to_pylist() == [1, 1, 1]


def test_terms_are_coded_in_their_order() -> None:
    terms, vocabulary = item_terms(join_features([ITEMS], [TERMS], [VECTORS], None))
    assert vocabulary.to_pylist() == ["pot", "tea"]
    assert terms.offsets.tolist() == [0, 2, 2, 2]
    assert terms.terms.tolist() == [1, 0]
    assert terms.saliences.tolist() == [0.5, 0.25]


def test_a_sample_does_not_depend_on_the_batches() -> None:
    items = [
        pa.RecordBatch.from_pydict({"item_id": [f"i{item}" for item in range(start, 100, 3)]}) for start in range(3)
    ]
    rows = [join_features([each], [], [], None) for each in items]
    whole = smallest_items(rows, 10)
    assert whole.num_rows == 10
    assert smallest_items([smallest_items([each], 10) for each in reversed(rows)], 10) == whole
    assert smallest_items(rows, 1000).num_rows == 100
