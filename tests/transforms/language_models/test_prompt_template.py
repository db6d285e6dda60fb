import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.language_models.tiny_models import SPECIAL, TEMPLATE, WORDS, make_tokenizer
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt, tokenize_template

pytestmark = pytest.mark.models

EXAMPLES = (("red cars", "cars"), ("tea pot", "pots"))
DIALOGUE = PromptTemplate("name these", EXAMPLES)
BEFORE = (
    "<|im_start|>system\nname these<|im_end|>\n"
    "<|im_start|>user\nred cars<|im_end|>\n<|im_start|>assistant\ncars<|im_end|>\n"
    "<|im_start|>user\ntea pot<|im_end|>\n<|im_start|>assistant\npots<|im_end|>\n"
    "<|im_start|>user\n"
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n"
REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE
FORGETS = TEMPLATE.replace(
    "{{ message['content'] }}", "{{ message['content'] if message['role'] != 'system' else '' }}"
)
TOKENIZER = make_tokenizer(TEMPLATE)
PLAIN = make_tokenizer()


def test_a_template_surrounds_the_prompt() -> None:
    found = tokenize_template(TOKENIZER, DIALOGUE, False)
    assert TOKENIZER.decode(found.before) == BEFORE
    assert TOKENIZER.decode(found.after) == AFTER
    marks = TOKENIZER.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert [found.before.count(mark) for mark in marks] == [6, 5]
    assert found.after[0] == marks[1]


def test_what_is_not_said_is_not_there() -> None:
    assert TOKENIZER.decode(tokenize_template(TOKENIZER, PromptTemplate(), False).before) == "<|im_start|>user\n"
    found = tokenize_template(TOKENIZER, PromptTemplate(examples=EXAMPLES), False)
    assert TOKENIZER.decode(found.before) == BEFORE[BEFORE.index("<|im_start|>user") :]


@pytest.mark.parametrize("template", [REFUSES, FORGETS], ids=["refuses", "forgets"])
def test_where_a_template_knows_no_instructions_they_begin_the_first_prompt(template: str) -> None:
    tokenizer = make_tokenizer(template)
    found = tokenizer.decode(tokenize_template(tokenizer, DIALOGUE, False).before)
    assert found == (BEFORE[BEFORE.index("<|im_start|>user") :].replace("red cars", "name these\n\nred cars"))
    alone = tokenize_template(tokenizer, PromptTemplate("name these"), False)
    assert tokenizer.decode(alone.before) == "<|im_start|>user\nname these\n\n"
    assert tokenizer.decode(alone.after) == AFTER


def test_a_template_knows_no_other_day_than_one() -> None:
    """Some write today's date into the instructions: completions would differ tomorrow."""
    days = (
        "{{ strftime_now('%d %b %Y') }}",
        "{{ date_string if date_string is defined else strftime_now('%d %b %Y') }}",
    )
    found = [make_tokenizer(f"{day}\n{TEMPLATE}") for day in days]
    texts = [tokenizer.decode(tokenize_template(tokenizer, DIALOGUE, False).before) for tokenizer in found]
    assert texts == [f"26 Jul 2024\n{BEFORE}"] * 2


@given(st.lists(st.sampled_from([*WORDS, "x", "9", "?", "☕", "~", "a,b"]), max_size=6).map(" ".join))
def test_an_ordinary_prompt_is_read_as_in_the_whole_dialogue(prompt: str) -> None:
    found = tokenize_template(TOKENIZER, DIALOGUE, False)
    whole = TOKENIZER(BEFORE + prompt + AFTER, add_special_tokens=False).input_ids
    assert [*found.before, *tokenize_prompt(TOKENIZER, prompt), *found.after] == whole


@given(st.lists(st.sampled_from([*SPECIAL, "tea", " ", "\n", "<", "|>"]), max_size=6).map("".join))
def test_a_prompt_never_holds_marks(prompt: str) -> None:
    for tokenizer in (TOKENIZER, PLAIN):
        marks = set(tokenizer.convert_tokens_to_ids([mark for mark in SPECIAL if mark != "<unk>"]))
        found = tokenize_prompt(tokenizer, prompt)
        assert not marks & set(found)
        assert tokenizer.decode(found) == prompt


@pytest.mark.parametrize("prompt", ["tea <think> pot", "<thi<think>nk>tea", "<think></think>", "<unk> ☕ <think>"])
def test_a_prompt_never_holds_marks_that_a_tokenizer_does_not_call_special(prompt: str) -> None:
    tokenizer = make_tokenizer(TEMPLATE)
    tokenizer.add_tokens(["<think>", "</think>"])
    marks = set(tokenizer.convert_tokens_to_ids(["<think>", "</think>"]))
    assert marks & set(tokenizer(prompt, split_special_tokens=True).input_ids)
    found = tokenize_prompt(tokenizer, prompt)
    assert not marks & set(found)
    assert "tea" not in prompt or "tea" in tokenizer.decode(found)


def test_a_model_that_reasons_on_demand_does_not_reason() -> None:
    thinks = TEMPLATE + "{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}"
    assert tokenizer_text(thinks) == tokenizer_text(TEMPLATE)


def tokenizer_text(template: str) -> str:
    tokenizer = make_tokenizer(template)
    text: str = tokenizer.decode(tokenize_template(tokenizer, DIALOGUE, False).after)
    return text


def test_marks_of_the_frame_are_marks_after_a_prompt_was_read() -> None:
    before = tokenize_template(TOKENIZER, DIALOGUE, False)
    tokenize_prompt(TOKENIZER, "<|im_end|>")
    assert tokenize_template(TOKENIZER, DIALOGUE, False) == before


def test_a_text_that_stands_for_the_prompt_can_be_in_an_example() -> None:
    found = tokenize_template(TOKENIZER, PromptTemplate(examples=(("tea", "pot\nred"),)), False)
    assert TOKENIZER.decode(found.before).endswith("assistant\npot\nred<|im_end|>\n<|im_start|>user\n")


def test_without_a_template_the_dialogue_is_plain_text() -> None:
    found = tokenize_template(PLAIN, DIALOGUE, False)
    assert PLAIN.decode(found.before) == "name these\n\nred cars cars\n\ntea pot pots\n\n"
    assert found.after == []
    assert tokenize_template(PLAIN, PromptTemplate(), False) == ([], [])


def test_plain_text_begins_and_ends_as_the_tokenizer_wants_it() -> None:
    starting = make_tokenizer(start=True, end=True)
    found = tokenize_template(starting, DIALOGUE, False)
    assert found.before == [2, *tokenize_template(PLAIN, DIALOGUE, False).before]
    assert found.after == []


def test_a_model_that_reads_the_prompt_whole_gets_its_end() -> None:
    suffix = make_tokenizer(end=True)
    found = tokenize_template(suffix, DIALOGUE, True)
    prompt = "blue garden"
    whole = suffix("name these\n\nred cars cars\n\ntea pot pots\n\nblue garden").input_ids
    assert whole[-1] == 3
    assert [*found.before, *tokenize_prompt(suffix, prompt), *found.after] == whole
