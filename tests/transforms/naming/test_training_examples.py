import dataclasses

import pyarrow as pa
import pytest

from schemas import NAMING_EXAMPLES
from transforms.language_models.tuning.config import TrainingExample
from transforms.naming.config import NamingConfig
from transforms.naming.training_examples import training_pairs, validation_pairs

CONFIG = NamingConfig("fine_tuned", max_items=4)


def examples(count: int = 30, titles: int = 9) -> pa.RecordBatch:
    rows = [
        {
            "example_id": f"{number:032x}",
            "source": f"person {number % 3}",
            "split": "train",
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


def _titles(pair: TrainingExample) -> list[str]:
    return [line.removeprefix("- ") for line in pair.question.splitlines() if line.startswith("- ")]


def test_what_is_judged_is_asked_as_journeys_are() -> None:
    pairs = validation_pairs(examples(1), CONFIG)
    render_prompt = "Titles:\n- title 0 2\n- title 0 4\n- title 0 6\n- title 0 8\nInterest:"
    assert pairs == [TrainingExample(render_prompt, "Name 0")]
    terms = validation_pairs(examples(1), dataclasses.replace(CONFIG, metadata="terms"))
    assert terms == [TrainingExample("Terms: term 0, second\nInterest:", "Name 0")]


def test_each_pass_asks_about_all_with_other_titles() -> None:
    pairs = training_pairs(examples(), CONFIG, passes=3, seed=0)
    assert sorted(pair.answer for pair in pairs) == sorted(3 * [f"Name {number}" for number in range(30)])
    told = [_titles(pair) for pair in pairs]
    assert {len(titles) for titles in told} == {3, 4}
    for pair, titles in zip(pairs, told, strict=True):
        number = pair.answer.removeprefix("Name ")
        assert titles == sorted(set(titles))  # in their order, each once
        assert all(title.startswith(f"title {number} ") for title in titles)
    of_first = [tuple(titles) for pair, titles in zip(pairs, told, strict=True) if pair.answer == "Name 0"]
    assert len(set(of_first)) > 1


def test_some_are_told_other_names_of_their_source() -> None:
    pairs = training_pairs(examples(), CONFIG, passes=20, seed=0)
    lines = [(pair, line) for pair in pairs for line in pair.question.splitlines() if line.startswith("Taken already")]
    assert 0.05 < len(lines) / len(pairs) < 0.15
    for pair, line in lines:
        number = int(pair.answer.removeprefix("Name "))
        taken = [int(name.removeprefix("Name ")) for name in line.partition(": ")[2].split("; ")]
        assert number not in taken
        assert {each % 3 for each in taken} == {number % 3}


def test_pairs_do_not_depend_on_the_order_of_rows_and_differ_by_seed() -> None:
    rows = examples()
    turned = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    first = training_pairs(rows, CONFIG, passes=2, seed=0)
    assert training_pairs(turned, CONFIG, passes=2, seed=0) == first
    assert training_pairs(rows, CONFIG, passes=2, seed=1) != first


def test_few_titles_are_all_told() -> None:
    assert {len(_titles(pair)) for pair in training_pairs(examples(titles=2), CONFIG, passes=2, seed=0)} == {2}


def test_long_titles_are_cut() -> None:
    long = examples(1).set_column(4, NAMING_EXAMPLES.arrow.field("titles"), pa.array([["x" * 500] * 3]))
    told = [*training_pairs(long, CONFIG, 1, 0), *validation_pairs(long, CONFIG)]
    assert {len(title) for pair in told for title in _titles(pair)} == {CONFIG.max_title_characters}


def test_no_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="passes must be at least 1, got 0"):
        training_pairs(examples(), CONFIG, passes=0, seed=0)
