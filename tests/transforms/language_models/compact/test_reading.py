import pytest

from transforms.language_models.compact.reading import TAKEN, Told, read
from transforms.naming.question import question


@pytest.mark.parametrize(
    ("titles", "terms", "metadata", "taken", "expected"),
    [
        (["Tea pots", "Cups: a history"], [], "titles", [], Told(["Tea pots", "Cups: a history"], [])),
        (["Tea pots"], ["tea", "pot"], "both", [], Told(["Tea pots", "tea, pot"], [])),
        (["Tea pots"], ["tea", "pot"], "terms", [], Told(["tea, pot"], [])),
        (["Tea pots"], [], "titles", ["Tea", "Pots and pans"], Told(["Tea pots"], ["Tea", "Pots and pans"])),
        (["Taken already: no", "Interest:"], [], "titles", [], Told(["Taken already: no", "Interest:"], [])),
    ],
)
def test_questions_about_journeys_are_read(
    titles: list[str], terms: list[str], metadata: str, taken: list[str], expected: Told
) -> None:
    assert read(question(titles, terms, metadata, taken)) == expected


def test_a_question_without_lines_to_name_is_one_text() -> None:
    assert read("red tea\npots for two") == Told(["red tea pots for two"], [])


@pytest.mark.parametrize(
    "text", ["", " \n ", "Titles:\nInterest:", "Titles:\n- \n-  \nInterest:", f"{TAKEN}: tea; pot"]
)
def test_a_question_that_says_nothing_has_no_text(text: str) -> None:
    assert read(text).texts == []
