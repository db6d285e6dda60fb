import numpy as np
import pyarrow as pa

from schemas import CLUSTERS, JOURNEY_NAMES
from transforms.clusters.model_descriptions import clusters_as_journeys, with_names
from transforms.clusters.representatives import NEAREST, nearest_of


def clusters(*descriptions: str) -> pa.RecordBatch:
    """Rows of `clusters` with these descriptions, and their parts as keywords."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "cluster_id": f"{number:02}",
                "level": 1,
                "parent_id": None,
                "description": text,
                "keywords": text.split(", "),
                "items": 1,
                "traffic": 1,
                "centroid": [0],
                "penalty": 0,
            }
            for number, text in enumerate(descriptions)
        ],
        CLUSTERS.arrow,
    )


def names(*rows: tuple[str, str, str]) -> pa.RecordBatch:
    """Rows of `journey_names`: the id of the cluster, its name and the method."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "user_id": "catalogue",
                "journey_id": cluster,
                "name": name,
                "method": method,
                "model": "m" if method != "salient" else "",
                "fallback_reason": "",
                "safe": True,
                "content_hash": "h",
            }
            for cluster, name, method in rows
        ],
        JOURNEY_NAMES.arrow,
    )


def test_the_nearest_items_of_each_cluster() -> None:
    rows = [("01", "c", 0.5), ("00", "b", 0.9), ("01", "a", 0.5), ("00", "d", 0.1), ("01", "e", 0.7)]
    batches = [
        pa.RecordBatch.from_pylist([dict(zip(NEAREST.names, row, strict=True)) for row in part], NEAREST)
        for part in (rows[:2], rows[2:])
    ]
    found = nearest_of(batches, 2).to_pylist()
    assert [(row["cluster_id"], row["item_id"]) for row in found] == [
        ("00", "b"),
        ("00", "d"),
        ("01", "e"),
        ("01", "a"),
    ]
    assert nearest_of([], 2).num_rows == 0


def test_a_cluster_is_a_journey_of_its_nearest_items() -> None:
    nearest = pa.RecordBatch.from_pylist(
        [
            {"cluster_id": "00", "item_id": "b", "similarity": 1.0},
            {"cluster_id": "00", "item_id": "a", "similarity": 0.5},
            {"cluster_id": "02", "item_id": "c", "similarity": 0.5},
        ],
        NEAREST,
    )
    rows = clusters("other", "tea, pots", "jazz, guitar, bass").slice(0)
    first, second, third = clusters_as_journeys(rows, nearest).to_pylist()
    assert (first["item_ids"], second["item_ids"], third["item_ids"]) == (["b", "a"], [], ["c"])
    assert [each["rank"] for each in (first, second, third)] == [1, 2, 3]
    assert third["terms"] == ["jazz", "guitar", "bass"]
    assert third["weights"] == [1, 1, 1]
    assert len({each["user_id"] for each in (first, second, third)}) == 1
    (last,) = clusters_as_journeys(rows.slice(2), nearest).to_pylist()
    assert (last["journey_id"], last["terms"], last["weights"]) == ("02", third["terms"], third["weights"])


def test_descriptions_stay_unique() -> None:
    rows = clusters("tea, pots", "jazz, guitar", "green tea", "running shoes", "bicycles", "rope")
    given = names(
        ("00", "Brewing Tea", "few_shot"),
        ("01", "Guitar Jazz", "few_shot"),  # its own words
        ("02", "TEA, brewing", "few_shot"),  # that of 00 in another order
        ("03", "Jazz guitar", "few_shot"),  # that of 01
        ("04", "Cycling", "salient"),  # not by the model
    )
    described = with_names(rows, given)
    CLUSTERS.check(described)
    assert described["description"].to_pylist() == [
        "Brewing Tea",
        "Guitar Jazz",
        "green tea",
        "running shoes",
        "bicycles",
        "rope",
    ]
    assert described["keywords"].equals(rows["keywords"])


def test_a_description_that_another_cluster_gives_up_is_not_taken() -> None:
    """Nor would one be that a later cluster keeps."""
    rows = clusters("tea", "jazz")
    swapped = with_names(rows, names(("00", "jazz", "few_shot"), ("01", "tea", "few_shot")))
    assert swapped["description"].to_pylist() == ["tea", "jazz"]
    assert len(np.unique(swapped["description"])) == 2
