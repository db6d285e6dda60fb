import dataclasses
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import pytest

from schemas import NAMING_EXAMPLES
from tests.transforms.beam_testing import create, run_graph
from transforms.naming.config import NamingConfig
from transforms.naming.training_examples import BuildTuningPairs, tuning_pairs

CONFIG = NamingConfig("fine_tuned", max_items=4)


class Pair(NamedTuple):
    pair_id: str
    task: str
    split: str
    prompt: str
    completion: str
    weight: float
    excluded: list[str] | None


def examples(count: int = 30, titles: int = 9, split: str = "train") -> pa.RecordBatch:
    rows = [
        {
            "example_id": f"{number:032x}",
            "source": f"person {number % 3}",
            "split": split,
            "name": f"Name {number}",
            "titles": [f"title {number} {place}" for place in range(titles)],
            "terms": [f"term {number}", "second"],
            "weights": [0.5, 0.25],
            "continuity": 0.5,
            "relevance": 0.5,
        }
        for number in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, NAMING_EXAMPLES.arrow)


def pairs_of(rows: pa.RecordBatch, passes: int = 1, seed: int = 0, config: NamingConfig = CONFIG) -> list[Pair]:
    return [Pair(**row) for row in tuning_pairs(rows, config, passes, seed).to_pylist()]


def _titles(pair: Pair) -> list[str]:
    return [line.removeprefix("- ") for line in pair.prompt.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_prompts_for_evaluation_are_those_of_journeys(split: str) -> None:
    (pair,) = pairs_of(examples(1, split=split), passes=3)
    assert pair[1:] == (
        "naming",
        split,
        "Titles:\n- title 0 2\n- title 0 4\n- title 0 6\n- title 0 8\nInterest:",
        "Name 0",
        1,
        None,
    )
    (terms,) = pairs_of(examples(1, split=split), config=dataclasses.replace(CONFIG, prompt_fields="terms"))
    assert terms.prompt == "Terms: term 0, second\nInterest:"


def test_each_pass_has_a_prompt_per_example_with_other_titles() -> None:
    pairs = pairs_of(examples(), passes=3)
    assert [pair.completion for pair in pairs] == 3 * [f"Name {number}" for number in range(30)]
    titles_of_pairs = [_titles(pair) for pair in pairs]
    assert {len(titles) for titles in titles_of_pairs} == {3, 4}
    for pair, titles in zip(pairs, titles_of_pairs, strict=True):
        number = pair.completion.removeprefix("Name ")
        assert titles == sorted(set(titles))  # in their order, each once
        assert all(title.startswith(f"title {number} ") for title in titles)
    of_first = [
        tuple(titles) for pair, titles in zip(pairs, titles_of_pairs, strict=True) if pair.completion == "Name 0"
    ]
    assert len(set(of_first)) > 1


def test_some_prompts_have_other_names_of_their_source() -> None:
    pairs = pairs_of(examples(), passes=20)
    lines = [(pair, line) for pair in pairs for line in pair.prompt.splitlines() if line.startswith("Taken already")]
    assert 0.05 < len(lines) / len(pairs) < 0.15
    for pair, line in lines:
        number = int(pair.completion.removeprefix("Name "))
        taken = [int(name.removeprefix("Name ")) for name in line.partition(": ")[2].split("; ")]
        assert number not in taken
        assert {each % 3 for each in taken} == {number % 3}


def test_pairs_do_not_depend_on_the_order_of_rows_and_differ_by_seed() -> None:
    rows = examples()
    reversed_rows = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    first = pairs_of(rows, passes=2)
    assert pairs_of(reversed_rows, passes=2) == first
    assert pairs_of(rows, passes=2, seed=1) != first


@pytest.mark.parametrize("buckets", [1, 4])
def test_on_beam_they_are_the_same(buckets: int) -> None:
    rows = examples()

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        batches = create(pipeline, "Examples", [rows.slice(10), rows.slice(0, 10)])
        return {"pairs": batches | BuildTuningPairs(CONFIG, 2, 0, buckets)}

    found = [row for batch in run_graph(build)["pairs"] for row in batch.to_pylist()]
    found.sort(key=lambda row: row["pair_id"])
    assert found == tuning_pairs(rows, CONFIG, 2, 0).to_pylist()


def test_few_titles_are_all_shown() -> None:
    assert {len(_titles(pair)) for pair in pairs_of(examples(titles=2), passes=2)} == {2}


def test_long_titles_are_truncated() -> None:
    long = examples(1).set_column(4, NAMING_EXAMPLES.arrow.field("titles"), pa.array([["x" * 500] * 3]))
    evaluated = long.set_column(2, NAMING_EXAMPLES.arrow.field("split"), pa.array(["test"]))
    pairs = [*pairs_of(long), *pairs_of(evaluated)]
    assert {len(title) for pair in pairs for title in _titles(pair)} == {CONFIG.max_title_characters}


def test_no_pass_is_an_error() -> None:
    with pytest.raises(ValueError, match="passes must be at least 1, got 0"):
        tuning_pairs(examples(), CONFIG, passes=0, seed=0)
