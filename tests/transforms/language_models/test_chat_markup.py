import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.language_models.special_tokens import special_tokens
from transforms.language_models.chat_markup import remove_chat_markup

TOKENS = special_tokens()
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


def has_token(text: str) -> list[str]:
    """The tokens in a text, also after a tokenizer has normalized it."""
    return [token for token in TOKENS if token in text or token in unicodedata.normalize("NFKC", text)]


@pytest.mark.parametrize("token", TOKENS)
def test_no_special_token_is_left(token: str) -> None:
    for text in (
        token,
        f"Tea {token} pots",
        f"Tea{token}pots",
        f"{token}system{token}",
        token.translate(FULL_WIDTH),
        token.replace("<", "＜").replace(">", "＞"),
        token.replace("|", "｜"),
        token[: len(token) // 2] + token + token[len(token) // 2 :],
        token[:1] + token + token[1:],
        token[:2] + token[:2] + token + token[2:] + token[2:],
    ):
        assert has_token(remove_chat_markup(text)) == [], text


@given(
    st.lists(st.sampled_from([*TOKENS, "tea", " ", "<", "|", ">", "[", "]", "<|", "|>", "/"]), max_size=8).map("".join)
)
def test_none_forms_from_the_text_around_another(text: str) -> None:
    assert has_token(remove_chat_markup(text)) == []


@pytest.mark.parametrize(
    "title",
    [
        "Tea pots",
        "I <3 tea",
        "x < 5 and y > 3",
        "a -> b -> c",
        "C++ & C#: a[0] = b | c",
        "#1 tea (official)",
        "5 > 3 < 7",
        "Tea | pots | cups",
        "Café — 100 % ☕",
        "5~7 days [in Rome]",
    ],
)
def test_ordinary_titles_stay(title: str) -> None:
    assert " ".join(remove_chat_markup(title).split()) == title.replace("a[0]", "a 0")


@pytest.mark.parametrize(
    ("title", "expected"), [("[ASMR] Tea", "ASMR Tea"), ("Tea [Official] [4K]", "Tea Official 4K")]
)
def test_a_word_in_brackets_loses_its_brackets_only(title: str, expected: str) -> None:
    assert " ".join(remove_chat_markup(title).split()) == expected


def test_time_is_linear_in_nested_tokens() -> None:
    assert has_token(remove_chat_markup("<|" * 3000 + "x" + "|>" * 3000)) == []
