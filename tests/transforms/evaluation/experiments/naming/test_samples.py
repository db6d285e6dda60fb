from tests.transforms.evaluation.experiments.naming.builders import example, examples, made_examples
from transforms.evaluation.experiments.naming.config import NamingMethod
from transforms.evaluation.experiments.naming.samples import SHOWN, sample_names_table

WAYS = (
    NamingMethod("first", "first_title"),
    NamingMethod("medoid", "medoid_title"),
    NamingMethod("theirs", "reference"),
)


def test_a_column_for_each_way_that_can_be_shown() -> None:
    rows = examples([example("Tea | pots", ["Pots of tea", "b"]), example("Chess", ["c"]), example("Cars", [])])
    lines = sample_names_table(rows, WAYS, {}).splitlines()
    assert lines[:2] == ["| people | first |", "| --- | --- |"]
    assert sorted(lines[2:]) == ["| Cars | – |", "| Chess | c |", "| Tea \\| pots | Pots of tea |"]


def test_there_are_not_many() -> None:
    assert len(sample_names_table(examples(made_examples(30)), WAYS, {}).splitlines()) == SHOWN + 2
