import numpy as np
import pyarrow as pa
import pytest

from schemas import CLUSTERS, ITEM_CLUSTERS
from transforms.encoders.quantized_vectors import ITEM_VECTORS, column_of
from transforms.evaluation.experiments.recommendation.sample import LOG, recommendation_log
from transforms.evaluation.log_and_tree import sampled_users
from transforms.recommendation.breadth_measures import DAY

ROWS = [("b", "i2", 3), ("a", "i1", 2), ("a", "i0", 1), ("b", "lost", 0), ("c", "i1", 5)]


def log(rows: list[tuple[str, str, int]]) -> pa.RecordBatch:
    users, items, days = zip(*rows, strict=True)
    times = pa.array([day * DAY for day in days]).cast(LOG.field("timestamp").type)
    return pa.RecordBatch.from_arrays([pa.array(users), pa.array(items), times], schema=LOG)


def tree() -> tuple[pa.RecordBatch, pa.RecordBatch, pa.RecordBatch]:
    nodes = [("00", 1, None), ("01", 1, None), ("00.00", 2, "00"), ("01.00", 2, "01"), ("01.01", 2, "01")]
    clusters = pa.RecordBatch.from_pylist(
        [
            {
                "cluster_id": name,
                "level": level,
                "parent_id": parent,
                "description": name,
                "keywords": [name],
                "items": 1,
                "traffic": 1,
                "centroid": [level, place],
                "penalty": 0,
            }
            for place, (name, level, parent) in enumerate(nodes)
        ],
        CLUSTERS.arrow,
    )
    assigned = pa.RecordBatch.from_pylist(
        [
            {"item_id": "i2", "cluster_ids": ["01", "01.01"]},
            {"item_id": "i0", "cluster_ids": ["00", "00.00"]},
            {"item_id": "i1", "cluster_ids": ["01", "01.00"]},
        ],
        ITEM_CLUSTERS.arrow,
    )
    vectors = pa.RecordBatch.from_arrays(
        [pa.array(["i1", "i0"]), column_of(np.array([[1, 0], [0, 1]], np.int8))], schema=ITEM_VECTORS
    )
    return clusters, assigned, vectors


def test_a_log_becomes_arrays_over_the_items_of_the_tree() -> None:
    clusters, assigned, vectors = tree()
    found = recommendation_log(log(ROWS), [clusters], [assigned], [vectors], 0)
    assert found.unclustered == 1
    assert found.histories.offsets.tolist() == [0, 2, 3, 4]
    assert found.histories.items.tolist() == [0, 1, 2, 1]
    assert (found.histories.times // DAY).tolist() == [1, 2, 3, 5]
    assert found.catalogue.item_clusters.tolist() == [0, 1, 2]
    assert found.catalogue.parents.tolist() == [0, 1, 1]
    assert found.catalogue.centroids.tolist() == [[2, 2], [2, 3], [2, 4]]
    assert found.catalogue.vectors[2].tolist() == [0, 0]
    assert found.catalogue.vectors[0].tolist() == [-127, 127]  # without the mean of both directions
    top = recommendation_log(log(ROWS), [clusters], [assigned], [vectors], 1)
    assert top.catalogue.item_clusters.tolist() == [0, 1, 1]


def test_a_log_of_other_items_is_refused() -> None:
    clusters, assigned, vectors = tree()
    with pytest.raises(ValueError, match="no interaction of --interactions is with an item of the clusters"):
        recommendation_log(log(ROWS[3:4]), [clusters], [assigned], [vectors], 0)


def test_users_are_sampled_whole_and_equally_from_batches() -> None:
    rows = [(f"u{number % 50}", f"i{number}", number) for number in range(400)]
    whole = sampled_users([log(rows)], LOG, 10)
    assert len(set(whole["user_id"].to_pylist())) == 10
    assert whole.num_rows == 80
    parts = [sampled_users([log(rows[start::3])], LOG, 10) for start in range(3)]
    again = sampled_users(parts, LOG, 10)
    assert sorted(again["item_id"].to_pylist()) == sorted(whole["item_id"].to_pylist())
