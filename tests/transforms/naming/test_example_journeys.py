import pyarrow as pa

from schemas import NAMING_EXAMPLES
from transforms.naming.config import NamingConfig
from transforms.naming.example_journeys import example_journeys


def examples(*titles: list[str | None]) -> pa.RecordBatch:
    """Examples with these titles, called 0, 1 and so on."""
    rows = [
        {
            "example_id": f"{number:032}",
            "source": "s",
            "split": "test",
            "name": "n",
            "titles": of_one,
            "terms": ["jazz", "piano"],
            "weights": [0.5, 0.25],
            "continuity": 1.0,
            "relevance": 1.0,
        }
        for number, of_one in enumerate(titles)
    ]
    return pa.RecordBatch.from_pylist(rows, NAMING_EXAMPLES.arrow)


def reported(config: NamingConfig, *titles: list[str | None]) -> list[list[str]]:
    return [list(journey.titles) for journey in example_journeys(examples(*titles), config)]


def test_titles_are_spread_with_the_last_among_them() -> None:
    many = [f"title {number}" for number in range(10)]
    assert reported(NamingConfig(max_items=3), many, ["one"], []) == [["title 3", "title 6", "title 9"], ["one"], []]
    assert reported(NamingConfig(max_items=10), many) == [many]


def test_titles_are_tidied_as_those_of_journeys() -> None:
    titles = ["a\nb\u200b", "x" * 30, " ", None, "Jazz", "jazz"]
    assert reported(NamingConfig(max_title_characters=20), titles) == [["a b", "x" * 19 + "…", "jazz"]]


def test_each_is_the_first_journey_of_somebody_with_its_terms() -> None:
    first, second = example_journeys(examples(["a"], ["b"]), NamingConfig())
    assert (first.user_id, first.rank, second.user_id) == ("0" * 32, 1, "0" * 31 + "1")
    assert (list(first.terms), list(first.weights)) == (["jazz", "piano"], [0.5, 0.25])
    assert example_journeys(examples(), NamingConfig()) == []
