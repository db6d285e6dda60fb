import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("tokenizers")

from tests.transforms.encoders.tiny_models import make_tokenizer
from tests.transforms.language_models.compact.made import NAMES, make_rows
from transforms.language_models.compact.examples import Example, Lesson, drawn_texts, read_examples
from transforms.language_models.compact.spelling import Spelled, Spelling


def read(rows: pa.Table, kept: int = 3, longest: int = 4) -> Lesson:
    tokenizer = make_tokenizer()
    tokenizer.no_padding()
    return read_examples(rows, Spelling(tokenizer), kept, 3, longest, tokenizer.token_to_id("[UNK]"))


def told(lesson: Lesson, example: Example) -> list[str]:
    return [lesson.texts[number] for number in example.titles]


def test_rows_become_examples() -> None:
    lesson = read(make_rows())
    assert len(lesson.training) == len(lesson.validation) == len(NAMES)
    assert len(set(lesson.texts)) == len(lesson.texts)
    first = lesson.training[0]
    assert told(lesson, first) == NAMES["Red tea"]
    assert lesson.texts[first.terms or 0] == "red, tea, pot"
    assert first.source == "source 0"


def test_parts_that_are_judged_by_are_not_looked_at() -> None:
    rows = make_rows()
    parts = pa.array(["held_out", None, *rows["part"].to_pylist()[2:]])
    lesson = read(rows.set_column(rows.column_names.index("part"), "part", parts))
    assert len(lesson.training) == len(NAMES) - 2
    assert "red car tea" not in {text for example in lesson.training for text in told(lesson, example)}


def test_names_that_cannot_be_said_are_left_out() -> None:
    lesson = read(make_rows({"Red": ["red"], "Red tea pots red": ["tea"], "Чай": ["tea"], "Tea": ["tea"]}))
    assert len(lesson.training) == 2


def test_the_order_of_rows_changes_nothing() -> None:
    rows = make_rows({"Red": ["red a", "b", "red c", "d", "e", "f"], "Tea": ["tea", " ", "pot"]})
    lesson = read(rows)
    assert read(rows.take(np.arange(rows.num_rows)[::-1])) == lesson
    assert [len(example.titles) for example in lesson.training] == [3, 2]


def test_a_part_without_examples_is_told() -> None:
    rows = make_rows()
    only = rows.slice(0, len(NAMES))
    with pytest.raises(ValueError, match="no example of the part 'validation' among 10 rows"):
        read(only)
    with pytest.raises(ValueError, match=r"naming_examples must have the columns .*, lacks \['terms'\]"):
        read(rows.drop_columns("terms"))


def drawn(example: Example, with_terms: float, terms_alone: float) -> list[list[int]]:
    random = np.random.default_rng(0)
    return [drawn_texts(example, random, 2, 4, with_terms, terms_alone) for _ in range(400)]


def test_titles_are_drawn_in_any_number_and_order() -> None:
    found = drawn(Example("", [5, 6, 7, 8, 9], None, Spelled([], [])), 0.5, 0.5)
    assert {len(each) for each in found} == {2, 3, 4}
    assert {each[0] for each in found} == {5, 6, 7, 8, 9}
    assert all(len(set(each)) == len(each) for each in found)


def test_terms_are_told_as_often_as_is_wished() -> None:
    found = drawn(Example("", [5, 6], 1, Spelled([], [])), 0.2, 0.1)
    alone, beside = sum(each == [1] for each in found), sum(1 in each and len(each) > 1 for each in found)
    assert 20 <= alone <= 60
    assert 55 <= beside <= 105
    assert all(each == [1] for each in drawn(Example("", [], 1, Spelled([], [])), 0.0, 0.0))
