import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.transforms.naming.builders import JAZZ
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import load_instructions
from transforms.naming.validation import check_reply, clean_output, validate_name

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
        ('{"interestName": "Jazz practice", "score": 3}', "Jazz practice"),
        ('[{"name": "Jazz practice"}, {"name": "Blues"}]', "Jazz practice"),
        ('{"reasoning": "It is jazz.", "name": "Jazz practice"', "Jazz practice"),
        ('```python\nname = "Jazz practice"\n```', "Jazz practice"),
        ("| Interest |\n|---|\n| Jazz practice |", "Jazz practice"),
        ("<p>Jazz &amp; blues</p>", "Jazz & blues"),
        ("Name des Interesses: Jazz practice", "Jazz practice"),
        ("Sure, I can help with that! Jazz practice", "Jazz practice"),
        ("Here's a name for the user's interest\nJazz practice", "Jazz practice"),
        ("My answer is jazz practice.", "jazz practice"),
        ("The titles are all about jazz practice.", "jazz practice"),
        ('How about "Jazz practice"?', "Jazz practice"),
        ("Note: few titles.\nJazz practice", "Jazz practice"),
        ("Option 1: Jazz practice\nOption 2: Blues", "Jazz practice"),
        ("1. **Jazz practice**: all about bebop\n2. **Blues**: no", "Jazz practice"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nJazz practice<|eot_id|>", "Jazz practice"),
        ("The Name of the Wind readers", "The Name of the Wind readers"),
        ("Interest rates: central banks", "Interest rates: central banks"),
        ("Name that tune games", "Name that tune games"),
        ("It's Always Sunny fandom", "It's Always Sunny fandom"),
        ("Maybe Baby covers", "Maybe Baby covers"),
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
        ("<think>Bebop", "reasoning"),
        ('{"name": "Jazz', "malformed"),
        ("<html><title>502 Bad Gateway</title></html>", "malformed"),
        ("Desculpe, não posso ajudar com isso", "refused"),
        ("Error: overloaded", "no_name"),
        ("Error handling in Rust", ""),
        ("Reading St. Petersburg poems", ""),
        ("Can you share the list?", "no_name"),
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


@example("\x08['A")
@given(st.text(max_size=200))
def test_any_text_has_a_verdict_and_what_is_taken_is_one_short_line(text: str) -> None:
    name, rejection = validate_name(text, JAZZ, CONFIG, load_instructions())
    if not rejection:
        assert name.strip() == name != ""
        assert len(name.splitlines()) == 1
        assert len(name.split()) <= CONFIG.max_words
        assert clean_output(name, JAZZ) == name


def test_a_refusal_that_titles_contain_is_a_name() -> None:
    titles = ("Sorry We Missed You and the gig economy in Newcastle", "I, Daniel Blake reviewed", "Ken Loach at work")
    assert validate_name("Sorry We Missed You films", titles, CONFIG).rejection == ""
    assert validate_name("I'm sorry, I cannot name it", titles, CONFIG).rejection == "refused"


def test_what_is_no_name_is_not_stored_and_a_bad_name_is() -> None:
    titles = ("Bebop lines", "Swing feel")
    assert check_reply(titles, "I cannot determine the interest of these titles.") == "refused"
    assert check_reply(titles, "Videos") == ""
    assert check_reply(titles, "Swing and bebop.") == ""
