import pyarrow as pa

from schemas import COLLECTIONS, ITEMS
from transforms.evaluation.numbered_collections import (
    NumberedCollections,
    collections_of_tags,
    item_texts,
    number_items,
)


def batch(*rows: tuple[str, str, list[str | None], list[str | None] | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [dict(zip(COLLECTIONS.arrow.names, row, strict=True)) for row in rows], COLLECTIONS.arrow
    )


def named(numbered: NumberedCollections) -> list[tuple[str, list[tuple[str, str | None]]]]:
    items = list(zip(numbered.items["title"].to_pylist(), numbered.items["description"].to_pylist(), strict=True))
    return [
        (source, [items[item] for item in numbered.members_of(number)])
        for number, source in enumerate(numbered.sources.to_pylist())
    ]


ROWS = batch(
    ("s2", "b", ["tea", "pot", "tea", ""], ["", "round", "", ""]),
    ("s1", "z", ["tea", "tea"], ["", "green"]),
    ("s1", "a", ["pot", None, "cup"], None),
    ("s1", "empty", [], []),
)


def test_items_are_the_same_when_title_and_description_are() -> None:
    numbered = number_items([ROWS])
    assert named(numbered) == [
        ("s1", [("cup", None), ("pot", None)]),
        ("s1", []),
        ("s1", [("tea", None), ("tea", "green")]),
        ("s2", [("pot", "round"), ("tea", None)]),
    ]
    assert numbered.items["item_id"].to_pylist()[:2] == ["00000000", "00000001"]
    ITEMS.check(numbered.items)
    COLLECTIONS.check(ROWS)


def test_the_order_and_the_batches_of_rows_do_not_matter() -> None:
    expected = number_items([ROWS])
    for order in ([3, 2, 1, 0], [1, 3, 0, 2]):
        shuffled = ROWS.take(pa.array(order))
        found = number_items([shuffled.slice(0, 1), shuffled.slice(1)])
        assert found.items == expected.items
        assert found.sources == expected.sources
        assert found.offsets.tolist() == expected.offsets.tolist()
        assert found.members.tolist() == expected.members.tolist()


def test_no_collections() -> None:
    numbered = number_items([])
    assert numbered.items.num_rows == 0
    assert numbered.offsets.tolist() == [0]


def test_texts_of_items_distinguish_them() -> None:
    texts = item_texts(number_items([ROWS]).items).to_pylist()
    assert len(set(texts)) == len(texts)


def test_collections_of_a_log_are_by_user_and_first_tag() -> None:
    items = pa.table(
        {
            "item_id": ["i", "j", "k", "l", "m"],
            "title": ["eye", "jay", "kay", "el", "em"],
            "description": [None, "bird", None, None, None],
            "tags": [["a", "b"], ["b"], ["a"], [], None],
        }
    )
    log = pa.table({"user_id": list("vuuuuuuv"), "item_id": ["i", "k", "i", "k", "j", "l", "?", "m"]})
    found = collections_of_tags(log, items)
    COLLECTIONS.check(found)
    assert found.to_pylist() == [
        {"source": "u", "name": "a", "item_titles": ["eye", "kay"], "item_descriptions": ["", ""]},
        {"source": "u", "name": "b", "item_titles": ["jay"], "item_descriptions": ["bird"]},
        {"source": "v", "name": "a", "item_titles": ["eye"], "item_descriptions": [""]},
    ]
    assert collections_of_tags(log.slice(0, 0), items).num_rows == 0
