import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.transforms.language_models.tiny_models import TEMPLATE, make_tokenizer
from transforms.language_models.prompt_template import PromptTemplate, tokenize_template
from transforms.language_models.tuning.config import TrainingExample
from transforms.language_models.tuning.rows import (
    IGNORED,
    Row,
    decoder_batch,
    encoder_decoder_batch,
    token_rows,
)

pytestmark = pytest.mark.models

PAIRS = [TrainingExample("red tea pot", "tea pots"), TrainingExample("garden </s> <|im_end|>", "<|im_start|>")]


def test_what_a_row_says_is_a_dialogue_as_it_is_in_use() -> None:
    tokenizer = make_tokenizer(TEMPLATE)
    around = tokenize_template(tokenizer, PromptTemplate("name these"), encoder_decoder=False)
    row = token_rows(tokenizer, around, PAIRS[:1], encoder_decoder=False)[0]
    messages = [
        {"role": "system", "content": "name these"},
        {"role": "user", "content": "red tea pot"},
        {"role": "assistant", "content": "tea pots"},
    ]
    assert tokenizer.decode([*row.prompt, *row.completion]) + "\n" == tokenizer.apply_chat_template(
        messages, tokenize=False
    )
    assert row.completion[-1] == tokenizer.eos_token_id


def test_marks_in_an_example_are_text() -> None:
    tokenizer = make_tokenizer(TEMPLATE)
    around = tokenize_template(tokenizer, PromptTemplate(), encoder_decoder=False)
    row = token_rows(tokenizer, around, PAIRS[1:], encoder_decoder=False)[0]
    marks = set(tokenizer.all_special_ids)
    inside = row.prompt[len(around.before) : -len(around.after)]
    assert not marks & set(inside)
    assert [token for token in row.completion if token in marks] == [tokenizer.eos_token_id]


def test_without_a_template_a_completion_stands_behind_its_prompt() -> None:
    tokenizer = make_tokenizer(start=True)
    around = tokenize_template(tokenizer, PromptTemplate(), encoder_decoder=False)
    row = token_rows(tokenizer, around, PAIRS[:1], encoder_decoder=False)[0]
    assert tokenizer.decode([*row.prompt, *row.completion]) == "<s>red tea pot tea pots</s>"


def test_labels_stand_where_the_completion_is_read_next() -> None:
    rows = [Row([1, 2, 3], [7, 9]), Row([4, 5], [6, 8, 9])]
    batch = decoder_batch(rows, padding=0)
    assert batch.input_ids.tolist() == [[1, 2, 3, 7, 9], [4, 5, 6, 8, 9]]
    assert batch.attention_mask.tolist() == [[1] * 5, [1] * 5]
    # Of three labels the first is what follows the second token, where the shorter prompt ends.
    assert batch.labels.tolist() == [[IGNORED, 7, 9], [6, 8, 9]]


def test_padding_is_neither_read_nor_said() -> None:
    batch = decoder_batch([Row([1], [7, 9]), Row([4, 5, 6], [8, 9])], padding=0)
    assert batch.input_ids.tolist() == [[1, 7, 9, 0, 0], [4, 5, 6, 8, 9]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert batch.labels.tolist() == [[7, 9, IGNORED, IGNORED], [IGNORED, IGNORED, 8, 9]]


def test_an_encoder_reads_the_prompt_alone() -> None:
    batch = encoder_decoder_batch([Row([1, 2], [7, 9]), Row([4, 5, 6], [9])], padding=0)
    assert batch.input_ids.tolist() == [[1, 2, 0], [4, 5, 6]]
    assert batch.attention_mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.labels.tolist() == [[7, 9], [9, IGNORED]]
