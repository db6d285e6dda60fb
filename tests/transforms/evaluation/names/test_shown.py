from tests.transforms.evaluation.names.builders import example, examples, made_examples
from transforms.evaluation.names.config import Way
from transforms.evaluation.names.shown import SHOWN, shown_names

WAYS = (Way("first", "first_title"), Way("medoid", "medoid_title"), Way("theirs", "reference"))


def test_a_column_for_each_way_that_can_be_shown() -> None:
    rows = examples([example("Tea | pots", ["Pots of tea", "b"]), example("Chess", ["c"]), example("Cars", [])])
    lines = shown_names(rows, WAYS, {}).splitlines()
    assert lines[:2] == ["| people | first |", "| --- | --- |"]
    assert sorted(lines[2:]) == ["| Cars | – |", "| Chess | c |", "| Tea \\| pots | Pots of tea |"]


def test_there_are_not_many() -> None:
    assert len(shown_names(examples(made_examples(30)), WAYS, {}).splitlines()) == SHOWN + 2
