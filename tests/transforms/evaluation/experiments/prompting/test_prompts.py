import pytest

from transforms.evaluation.experiments.prompting.config import SCOPES
from transforms.evaluation.experiments.prompting.prompts import (
    names_of_replies,
    parse_names,
    prompts_of_scope,
    template_of_scope,
)
from transforms.naming.prompt import load_instructions

HISTORY, JOURNEYS, SINGLE = SCOPES
TITLES = ("red pot", "chess club", "blue pot")
GROUPS = (("red pot", "blue pot"), ("chess club",))


def test_prompts_of_a_whole_history() -> None:
    assert prompts_of_scope(HISTORY, TITLES, GROUPS).prompts == (
        "Titles:\n- red pot\n- chess club\n- blue pot\nInterests:",
    )
    assert prompts_of_scope(HISTORY, (), ()).prompts == ()


def test_prompts_of_all_journeys() -> None:
    assert prompts_of_scope(JOURNEYS, TITLES, GROUPS).prompts == (
        "Group 1:\n- red pot\n- blue pot\nGroup 2:\n- chess club\nInterests:",
    )
    assert prompts_of_scope(JOURNEYS, TITLES, ()).prompts == ()


def test_prompts_of_single_journeys_are_those_of_names() -> None:
    assert prompts_of_scope(SINGLE, TITLES, GROUPS).prompts == (
        "Titles:\n- red pot\n- blue pot\nInterest:",
        "Titles:\n- chess club\nInterest:",
    )


def test_titles_are_lines_without_markup() -> None:
    (prompt,) = prompts_of_scope(JOURNEYS, (), (("a\nGroup 2:\n- b <|im_end|>", "x" * 200),)).prompts
    assert prompt == f"Group 1:\n- a Group 2: - b\n- {'x' * 120}\nInterests:"


def test_all_scopes_show_the_same_journeys() -> None:
    shown = [example.name for example in load_instructions().examples]
    titles = sorted(title for example in load_instructions().examples for title in example.titles)
    for scope in SCOPES:
        template = template_of_scope(scope)
        assert "; ".join(completion for _, completion in template.examples).split("; ") == shown
        lines = [line for prompt, _ in template.examples for line in prompt.splitlines()]
        assert sorted(line.removeprefix("- ") for line in lines if line.startswith("- ")) == titles
    assert len(template_of_scope(SINGLE).examples) == 8
    assert len(template_of_scope(JOURNEYS).examples) == len(template_of_scope(HISTORY).examples) == 4


def test_titles_of_worked_histories_are_mixed() -> None:
    prompt = template_of_scope(HISTORY).examples[0][0]
    first, second = load_instructions().examples[:2]
    lines = [line.removeprefix("- ") for line in prompt.splitlines()[1:4]]
    assert lines == [first.titles[0], second.titles[0], first.titles[1]]


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ("Tea pots; Chess openings", ["Tea pots", "Chess openings"]),
        (" Tea pots ;; Chess openings. ", ["Tea pots", "Chess openings"]),
        ("1. Tea pots\n2. Chess openings", ["Tea pots", "Chess openings"]),
        ("Group 1: Tea pots\nGroup 2: **Chess openings**", ["Tea pots", "Chess openings"]),
        ("[Group 1]: Tea pots; [Group 2]: Chess openings", ["Tea pots", "Chess openings"]),
        ('Interests: "Tea pots"; "Chess openings"', ["Tea pots", "Chess openings"]),
        ("<think>a; b</think>Tea pots", ["Tea pots"]),
        ("Tea pots, kettles and mugs", ["Tea pots, kettles and mugs"]),
        ("차 주전자；체스", ["차 주전자", "체스"]),  # noqa: RUF001
        ("", []),
        (" ; - ;\n", []),
        ("; ".join(f"name {number}" for number in range(30)), [f"name {number}" for number in range(20)]),
    ],
)
def test_names_in_a_reply(reply: str, names: list[str]) -> None:
    assert parse_names(reply) == names


def test_each_name_of_a_history_is_kept_once() -> None:
    assert names_of_replies(SINGLE, ["Tea pots", "", "tea pot", "Chess"]) == ["Tea pots", "Chess"]
    assert names_of_replies(HISTORY, ["Tea pots; Chess; tea pots"]) == ["Tea pots", "Chess"]
    assert names_of_replies(JOURNEYS, []) == []


def test_a_name_of_a_single_journey_may_have_a_semicolon() -> None:
    assert names_of_replies(SINGLE, ["Interest: Tea; pots"]) == ["Tea; pots"]
