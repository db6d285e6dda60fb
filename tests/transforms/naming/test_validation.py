import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.naming.builders import JAZZ
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import load_instructions
from transforms.naming.validation import clean_output, validate_name

CONFIG = NamingConfig()
KOREAN = ("김치찌개 맛있게 끓이는 법", "된장 담그기", "K8s 쿠버네티스 배포")
JAPANESE = ("お茶の点て方", "抹茶の選び方", "急須の歴史")
CHINESE = ("茶道入门", "绿茶怎么泡", "紫砂壶的故事")
ARABIC = ("وصفات الكسكس المغربي", "طاجين الدجاج", "الخبز التقليدي")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Jazz practice", "Jazz practice"),
        ("\n\n **Jazz practice**.\nTitles:\n- more", "Jazz practice"),
        ('Interest: "Jazz practice"', "Jazz practice"),
        ("1. Name: `Jazz practice`", "Jazz practice"),
        ("- Jazz practice\n- Blues", "Jazz practice"),
        ("Here is the name:\nJazz practice", "Jazz practice"),
        ("Sure, here is a name: Jazz practice", "Jazz practice"),
        ("The user is interested in jazz practice.", "jazz practice"),
        ("<|assistant|>Jazz practice<|end|>", "Jazz practice"),
        ("## Jazz\u200b practice", "Jazz practice"),
        ("「日本の城めぐり」。", "日本の城めぐり"),
        ("이름: 재즈 연습", "재즈 연습"),
        ("C++ templates", "C++ templates"),
        ("1984 and other dystopias", "1984 and other dystopias"),
        ("...", ""),
        ("🎷🎷", ""),
    ],
)
def test_what_models_put_around_a_name_goes(text: str, expected: str) -> None:
    assert clean_output(text) == expected


@pytest.mark.parametrize(
    ("text", "rejection"),
    [
        (None, "no_completion"),
        ("", "blank"),
        ("**\n- \n", "blank"),
        ("Titles:\n- a", "echo"),
        (f"{JAZZ[0]}, {JAZZ[1]}", "echo"),
        ("I am an expert in telling what interests people pursue", "echo"),
        ("Hydroponic system design for small spaces", "echo"),
        ("coltrane changes explained!", "single_title"),
        ("Coltrane change explained", "single_title"),
        ("Jazz", ""),
        ("Jazz improvisation and drumming practice", ""),
        ("J", "too_short"),
        ("A very thorough account of what jazz musicians practise every day", "too_long"),
        ("one two three four five six seven eight nine ten", "too_long"),
        ("jazz jazz", "repetitive"),
        ("jazz guitar, jazz drums, jazz bass", "repetitive"),
        ("lalalalalalala", "repetitive"),
        ("Videos", "generic"),
        ("Various topics and videos", "generic"),
        ("재즈 연습", "wrong_language"),
        ("Джазовая импровизация", "wrong_language"),
    ],
)
def test_verdicts(text: str | None, rejection: str) -> None:
    assert validate_name(text, JAZZ, CONFIG, load_instructions()).rejection == rejection


@pytest.mark.parametrize(
    ("text", "titles", "rejection"),
    [
        ("한국 집밥", KOREAN, ""),
        ("K8s 배포", KOREAN, ""),
        ("K8s", KOREAN, ""),
        ("Korean home cooking", KOREAN, "wrong_language"),
        ("日本茶の楽しみ方", JAPANESE, ""),
        ("日本茶道", JAPANESE, ""),
        ("日本茶の楽しみ方", CHINESE, "wrong_language"),
        ("中国茶文化", CHINESE, ""),
        ("動画", JAPANESE, "generic"),
        ("المطبخ المغربي التقليدي", ARABIC, ""),
        ("Moroccan cooking", ARABIC, "wrong_language"),
        ("Anything in any script", ("123", "456"), ""),
    ],
)
def test_the_language_is_that_of_the_titles(text: str, titles: tuple[str, ...], rejection: str) -> None:
    assert validate_name(text, titles, CONFIG).rejection == rejection


def test_a_title_that_all_share_is_a_name() -> None:
    assert validate_name("Gymnastics", ("Gymnastics", "Gymnastics for kids"), CONFIG).rejection == ""
    assert validate_name("Gymnastics", ("Gymnastics", "gymnastics"), CONFIG).rejection == ""
    assert (
        validate_name("ComfyUI", ("ComfyUI: nodes for diffusion", "kopia: backups"), CONFIG).rejection == "single_title"
    )


def test_the_name_of_an_example_is_taken_where_titles_bear_it_out() -> None:
    name = "Hydroponic system design for small spaces"
    assert validate_name(name, ("My hydroponic tower", "Basil indoors"), CONFIG, load_instructions()).rejection == ""


@given(st.text(max_size=200))
def test_any_text_has_a_verdict_and_what_is_taken_is_one_short_line(text: str) -> None:
    name, rejection = validate_name(text, JAZZ, CONFIG, load_instructions())
    if not rejection:
        assert name.strip() == name != ""
        assert len(name.splitlines()) == 1
        assert len(name.split()) <= CONFIG.max_words
        assert clean_output(name) == name
