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
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|START_OF_THOUGHT|>", "<|END_OF_THOUGHT|>"),
    ("<start_of_thought>", "<end_of_thought>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<mm:think>", "</mm:think>"),
    ("<think_on>", "</think_on>"),
    ("<antThinking>", "</antThinking>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("< think >", "</ think >"),
    ("<unused94>thought\n", "<unused95>"),
    ("<｜begin▁of▁thinking｜>", "<｜end▁of▁thinking｜>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|think|>", "<|end|><|begin|>assistant<|content|>"),
    ("[BEGIN_THOUGHT]", "[END_THOUGHT]"),
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
        ('<|channel|>final <|constrain|>json<|message|>{"name": "Tea pots"}<|return|>', '{"name": "Tea pots"}'),
        ("<|channel>thought\nIs it tea?\n<channel|>Tea pots", "Tea pots"),
        ("<|channel|>analysis<|message|>Tea?<|end|><|start|>assistant", ""),
        ("analysis\nIs it tea?\nYes\nfinal\nTea pots", "Tea pots"),
        ("analysis\nIs it tea?", ""),
        ("assistantfinalTea pots", "Tea pots"),
        ("assistantfinal: Tea pots", "Tea pots"),
        ("assistantanalysisIs it tea?assistantfinalTea pots", "Tea pots"),
        ("finalTea pots", "Tea pots"),
        ("Here is my thought process:\nIs it tea?\n\nHere is my response:\nTea pots", "Here is my response:\nTea pots"),
        ("## Thinking\n\nIs it tea?\n\n## Final Response\n\nTea pots", "## Final Response\n\nTea pots"),
        ("<|im_start|>think\nIs it tea?<|im_end|><|im_start|>answer\nTea pots<|im_end|>", "Tea pots"),
        ("[REASONING]Is it tea? They are pots[/REASONING]\nTea pots", "Tea pots"),
        ("```think\nIs it tea?\n```\nTea pots", "Tea pots"),
        ("```reasoning\nIs it tea?", ""),
        ("> Thinking about the titles\n> pots, cups\n\nTea pots", "Tea pots"),
        ("<summary>Thought for 3 seconds</summary>\nTea pots", "Tea pots"),
        ("<plan>First look at the titles. Then name them.</plan>\nTea pots", "Tea pots"),
        ("<reason>Pots, cups,\na teapot with leaves</reason>\nTea pots", "Tea pots"),
        ("<ruminate>They are about tea. So tea pots</ruminate>Tea pots", "Tea pots"),
        ("首先，我需要看看这些标题。它们都与茶有关。\n\n茶壶", "茶壶"),
        ("Thinking Process:\n\n1.  **Analyze the Request:**\n    *   Task: name\n    *   Output: a short name", ""),
        ("Thinking Process:\n\n1.  **Analyze the Request:** tea\n2.  **Draft:** Tea pots", ""),
        ("Here's a thinking process:\n\n1.  **Analyze User Input:**\n    - titles: tea\n\nTea pots", "Tea pots"),
        (
            "Here's a thinking process that leads to it:\n\n1. **Titles:** tea\n2. **Name:** Tea pots",
            "2. **Name:** Tea pots",
        ),
        ("1.  **Analyze the Request:**\n    *   Task: name", ""),
        ("**Identifying the Common Theme**\n\nI see pots and cups.\n\n\nTea pots", "Tea pots"),
        ("**Analyzing the titles**\n\nI'm reading.\n\n**Refining the Name**\n\nI've seen tea.\n\nTea pots", "Tea pots"),
    ],
)
def test_other_notations(text: str, expected: str) -> None:
    assert remove_reasoning(text).text == expected
    assert remove_reasoning(text).is_open == (expected == "")


@pytest.mark.parametrize(
    "text",
    [
        "Thinking: Python and statistics",
        "Analysis: bebop guitar lines",
        "Thoughts: Selected from the writings of favorite authors",
        "We Need to Talk About Kevin",
        "Let's see it",
        "让我们荡起双桨",
        "> Tea pots\n\nThis name is short.",
        "<b>Tea pots</b>\nThe titles are about tea. All of them",
        "<title>Tea pots</title>\n<description>Pots for tea. And cups</description>",
        '<tool_call>\n{"name": "f",\n"arguments": {"name": "Tea pots"}}\n</tool_call>\nDone',
        "<tea>Tea pots</tea> and cups",
        "Assistant final exam",
        "finalists of a contest",
        "Plan B: think twice",
        "[Analysis] Jazz guitar",
        "**Understanding Tea**\n\nI chose this name because they are about tea.",
        "Understanding the user interface\n\nThis name fits.",
        "1. **Analyzing chess games:** the titles\n2. **Chess:** also the titles",
        "The thinking process: how minds work",
        "**Tea pots**\n\nThey are all about tea.",
    ],
)
def test_names_that_look_like_reasoning_stay(text: str) -> None:
    assert remove_reasoning(text) == Reply(text, False, False)


@pytest.mark.parametrize(
    "text", ["Thinking: is it tea?", "Analysis: the user likes tea", "Reasoning: " + "tea pot " * 9]
)
def test_a_sentence_after_a_heading_is_reasoning(text: str) -> None:
    assert remove_reasoning(text) == Reply("", True, True)


@given(st.text(alphabet="abc \n:<>|", max_size=60))
def test_a_text_without_marks_stays(text: str) -> None:
    assert remove_reasoning(text) == Reply(text.strip(), False, False)


@pytest.mark.parametrize(
    "mark",
    ["<think>", "</think>", "<|channel|>", "<think", "Thinking:\n\n", "<a>", "&lt;", "> \n", " ", "\n", "analysis\n"],
)
def test_long_texts_of_marks_take_linear_time(mark: str) -> None:
    remove_reasoning(mark * 20_000)
