import pytest

from schemas import ITEMS
from tests.transforms.naming.examples.builders import JAZZ, items
from transforms.naming.config import NamingConfig
from transforms.naming.examples.candidates import (
    MAX_TITLES,
    Accepted,
    Rejected,
    assess,
    distinct_items,
    drop_duplicates,
    item_rows,
)
from transforms.naming.examples.config import ExampleConfig

CONFIG = ExampleConfig()


def test_items_are_distinguished_by_their_texts() -> None:
    found = distinct_items(["Jazz", None, "JAZZ", "", "Blues", "Soul"], ["a", "b", "c", "d", None, "a"])
    assert [(item.title, item.description) for item in found] == [("Jazz", "a"), ("Blues", ""), ("Soul", "a")]
    assert distinct_items(["Jazz"], ["a"])[0] == found[0]
    assert distinct_items(["Jazz"], ["b"])[0].item_id != found[0].item_id
    assert len({item.item_id for item in found}) == 3


def test_no_more_titles_are_kept_than_an_example_can_use() -> None:
    titles = [f"title number {number}" for number in range(MAX_TITLES + 5)]
    assert [item.title for item in distinct_items(titles, [""] * len(titles))] == titles[:MAX_TITLES]


@pytest.mark.parametrize(
    ("name", "titles", "reason"),
    [
        ("Bebop practice", JAZZ[:2], "few_titles"),
        ("Women -- Suffrage -- United States -- History", JAZZ, "heading"),
        ("🔥", JAZZ, "blank"),
        ("Play it loud. Then louder", JAZZ, "sentences"),
        ("Resources", JAZZ, "generic"),
        ("Coltrane changes explained", JAZZ, "single_title"),
        ("Everything that there is to be known of bebop and of swing", JAZZ, "too_long"),
        ("jazz jazz", JAZZ, "repetitive"),
        ("Ужасы", JAZZ, "wrong_language"),
    ],
)
def test_what_a_collection_is_refused_for(name: str, titles: tuple[str, ...], reason: str) -> None:
    found = assess(name, items(titles), CONFIG, NamingConfig())
    assert isinstance(found, Rejected)
    assert found.reason == reason


def test_a_collection_is_accepted_under_its_tidied_name() -> None:
    found = assess("**Bebop practice** ↗", items(), CONFIG, NamingConfig())
    assert found == Accepted("Bebop practice", list(JAZZ), [item.item_id for item in items()])


def test_an_item_stays_once() -> None:
    rows = item_rows(items())
    again = drop_duplicates([rows, rows.slice(1)])
    assert again.schema == ITEMS.arrow
    assert again["item_id"].to_pylist() == sorted(item.item_id for item in items())
    assert drop_duplicates([]).num_rows == 0
