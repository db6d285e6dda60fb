import numpy as np
import pytest

from tests.transforms.naming.examples.builders import chunks, collections
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.examples.splits import assign_split, large_sources, select_sources

CONFIG = ExampleConfig(test_fraction=0.2, validation_fraction=0.1)


def test_shares_of_sources() -> None:
    parts = [assign_split(f"source {number}", CONFIG) for number in range(5000)]
    fractions = {part: parts.count(part) / len(parts) for part in ("test", "validation", "train")}
    # Six standard deviations of such a fraction.
    assert fractions["test"] == pytest.approx(0.2, abs=6 * np.sqrt(0.16 / 5000))
    assert fractions["validation"] == pytest.approx(0.1, abs=6 * np.sqrt(0.09 / 5000))


def test_the_part_of_a_source_does_not_change() -> None:
    existing = {"Awesome Piracy": "test", "Awesome Billing": "validation", "Awesome Go": "train"}
    assert {source: assign_split(source, ExampleConfig()) for source in existing} == existing


def test_more_to_judge_by_moves_no_source_back_to_training() -> None:
    few, many = (
        ExampleConfig(test_fraction=0.1, validation_fraction=0),
        ExampleConfig(test_fraction=0.3, validation_fraction=0),
    )
    sources = [f"source {number}" for number in range(300)]
    held_out = {source for source in sources if assign_split(source, few) == "test"}
    assert held_out
    assert held_out < {source for source in sources if assign_split(source, many) == "test"}


def test_large_sources_are_for_training_alone() -> None:
    rows = collections([("large", "n", "abc")] * 3 + [("small", "n", "abc")] * 2 + [("other", "n", "abc")] * 5)
    sources = [select_sources(chunk) for chunk in chunks(rows, 3)]
    assert large_sources(sources, 0.25)["source"].to_pylist() == ["large", "other"]
    assert large_sources(sources, 0.3)["source"].to_pylist() == ["other"]
    assert large_sources([], 0.3).num_rows == 0
    held_out = next(name for name in "abcdefghijklmnop" if assign_split(name, CONFIG) == "test")
    assert assign_split(held_out, CONFIG, {held_out}) == "train"
