import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.language_models.reasoning import Reply, remove_reasoning

TAGS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ('<details type="reasoning">', "</details>"),
    ("Thinking...\n", "\n...done thinking."),
]


@pytest.mark.parametrize(("start", "end"), TAGS)
def test_reasoning_between_tags_is_removed(start: str, end: str) -> None:
    assert remove_reasoning(f"{start}Is it tea?{end}\n\nTea pots") == Reply("Tea pots", True, False)
    assert remove_reasoning(f"Is it tea?{end}\nTea pots") == Reply("Tea pots", True, False)
    assert remove_reasoning(f"{start}Is it tea?\nOr cars?") == Reply("", True, True)
    assert remove_reasoning(f"{start}Say {start} or {end}Tea pots") == Reply("Tea pots", True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<|channel|>analysis<|message|>Tea?<|end|><|start|>assistant<|channel|>final<|message|>Tea pots<|return|>",
            "Tea pots",
        ),
        ("<|channel|>analysis<|message|>Tea?", ""),
        ("<|channel|>final<|message|>Tea pots", "Tea pots"),
        ("analysisIs it tea?assistantfinalTea pots", "Tea pots"),
        ("Thinking: is it tea?\n\nTea pots", "Tea pots"),
        ("**Reasoning:** is it tea?\nIt is.\n\n**Answer:** Tea pots", "**Answer:** Tea pots"),
        ("思考：是茶吗？\n\n茶壶", "茶壶"),
        ("Okay, so the user likes tea.\n\nHmm, or cars.\n\nTea pots", "Tea pots"),
        ("Okay, so the user likes tea", ""),
    ],
)
def test_other_notations(text: str, expected: str) -> None:
    assert remove_reasoning(text).text == expected
    assert remove_reasoning(text).is_open == (expected == "")


@given(st.text(alphabet="abc \n:<>|", max_size=60))
def test_a_text_without_marks_stays(text: str) -> None:
    assert remove_reasoning(text) == Reply(text.strip(), False, False)


@pytest.mark.parametrize("mark", ["<think>", "</think>", "<|channel|>", "<think", "Thinking:\n\n"])
def test_long_texts_of_marks_take_linear_time(mark: str) -> None:
    remove_reasoning(mark * 20_000)
