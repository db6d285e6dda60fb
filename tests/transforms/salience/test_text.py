import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.salience.text import FUNCTION_WORDS, clean, may_stand_alone, normalise, split_token, words


def cut(texts: list[str | None], stop_words: frozenset[str] = FUNCTION_WORDS) -> list[list[str]]:
    """The words of each text; `+` before those that stand directly after the word before."""
    found = words(pa.array(texts, pa.string()), stop_words)
    assert found.texts.tolist() == sorted(found.texts.tolist())
    out: list[list[str]] = [[] for _ in texts]
    for text, code, follows in zip(found.texts.tolist(), found.codes.tolist(), found.follows.tolist(), strict=True):
        out[text].append("+" * follows + found.vocabulary[code])
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The quick brown fox of the world, and its den", "quick +brown +fox world den"),
        ("tea, pot (red) cup: ale; rum/gin", "tea pot red cup ale rum gin"),
        ("C++ and C#, F#; Disney+ A+B", "c++ c# f# disney+ b"),
        ("issue #5, 3+4, g++", "issue 5 3 4 g++"),
        ("state-of-the-art e-mail snake_case", "state art +e +mail +snake +case"),
        ("dog's dogs' O'Brien rock 'n' roll", "dog +dogs +o'brien +rock +n +roll"),
        ("dog’s O’Brien it’s don't", "dog +o'brien"),
        ("\uff21\uff22\uff23\uff11\uff12\uff13 ﬁne", "abc123 +fine"),
        ("Straße GROSS", "strasse +gross"),
        ("cafe\u0301 CAFÉ", "café +café"),
        ("Москва — столица РОССИИ", "москва столица +россии"),
        ("كِتَابٌ الكـــتاب", "كتاب +كتاب"),
        ("हिन्दी में किताबें", "हिन्दी +में +किताबें"),
        ("마을에 고양이가 고양이와 자전거로", "마을 +고양이 +고양이 +자전거"),
        ("l'amour dell'arte d'Artagnan", "amour +arte +artagnan"),
        ("วิธีชงกาแฟที่บ้าน", "วิธี +ชง +กาแฟ +ที่ +บ้าน"),
        ("서울에서 책을 학교까지 사람은", "서울 +책 +학교 +사람"),
        ("東京タワーに行くコーヒー・カップ", "東京 +タワー +に +行 +く +コーヒー カップ"),
        ("ｺｰﾋｰ", "コーヒー"),
        ("人工智能 北京 我", "人工 +工智 +智能 +北京 +我"),
        ("2024 model 3, 100% 3.5", "2024 +model +3 100 3 5"),
        ("photos https://a.b/c?d=e HTTP://X.ORG", "photos"),
        (f"{'a' * 40} {'b' * 41} {'c' * 3}", f"{'a' * 40} ccc"),
        ("x\x00y\x1ez", "x y +z"),
        ("!!! — ... ★", ""),
        (" \t\n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_by_hand(text: str | None, expected: str) -> None:
    assert cut([text]) == [expected.split()]


def test_half_a_suffix_is_no_word() -> None:
    assert "c+" not in cut(["C++11 and C++17"])[0]


FRAGMENTS = st.sampled_from(
    ["https://", "x.y", " ", "-", "'", "’s", "+", "#", ".", ",", "the", "tea", "C", "1", "ß", "ﬁ", "é", "😀", "İ", "Σ"]
) | st.sampled_from("漢字カーか각를بह्\u0301\u3099\u1161\u064b\u200d\u00ad\x1e\x00\n\u2028\x1c\ufeff")
TEXTS = st.none() | st.lists(FRAGMENTS | st.characters(exclude_categories=["Cs"]), max_size=8).map("".join)


@settings(deadline=None, max_examples=500)
@given(st.lists(TEXTS, max_size=5))
def test_a_text_does_not_see_its_neighbours(texts: list[str | None]) -> None:
    assert cut(texts) == [cut([text])[0] for text in texts]


def test_an_address_at_the_end_does_not_swallow_what_comes_after() -> None:
    assert cut(["photos https://a.b/c", "tea pot", "cup"]) == [["photos"], ["tea", "+pot"], ["cup"]]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_words_are_normal_and_short(texts: list[str | None]) -> None:
    found = words(pa.array(texts, pa.string()), frozenset())
    for word in found.vocabulary:
        assert word == normalise(word)
        assert len(word) <= 40
        assert not any(character.isspace() for character in word)


def test_no_texts() -> None:
    found = words(pa.array([], pa.string()))
    assert (len(found.texts), len(found.codes), found.vocabulary) == (0, 0, [])


def test_other_words_can_be_left_out() -> None:
    assert cut(["der Tee und die Kanne"], frozenset(["der", "und", "die"])) == [["tee", "kanne"]]
    assert cut(["the tea"], frozenset()) == [["the", "+tea"]]


def test_function_words_are_normal_words() -> None:
    assert len(FUNCTION_WORDS) > 200
    assert all(normalise(word) == word for word in FUNCTION_WORDS)
    assert cut([", ".join(sorted(FUNCTION_WORDS))]) == [[]]


def test_split_token_of_han_and_kana_make_no_bigrams() -> None:
    found = words(pa.array(["人工智能 tea 서울 コーヒー かな 3"]))
    pairs = dict(zip(found.vocabulary, found.pairs.tolist(), strict=True))
    assert {word for word in pairs if word and not pairs[word]} == {"人工", "工智", "智能", "コーヒー", "かな"}
    assert pairs["tea"]
    assert pairs["서울"]
    assert pairs["3"]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("tea", ["tea"]),
        ("人", ["人"]),
        ("人工", ["人工"]),
        ("人工智", ["人工", "工智"]),
        ("학교에서", ["학교"]),
        ("책을", ["책"]),
        ("dog's", ["dog"]),
        ("!", []),
        ("\u0301", []),
        ("a" * 41, []),
        ("é" * 41, []),
        ("é" * 40, ["é" * 40]),
    ],
)
def test_split_token_of_one_token(token: str, expected: list[str]) -> None:
    assert split_token(token) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *[("tea", True), ("c#", True), ("3d", True), ("我", True), ("책", True)],
        *[("c", False), ("é", False), ("か", False), ("7", False), ("2024", False), ("٣", False)],
    ],
)
def test_numbers_and_single_letters_do_not_stand_alone(word: str, expected: bool) -> None:
    assert may_stand_alone(word) is expected


def test_stacked_marks_are_cut_so_that_normalisation_is_linear() -> None:
    """NFKC sorts the marks of a run, in quadratic time; a run of a word is far below the limit."""
    stacked = "e" + "\u0301\u0323" * 100_000
    assert len(clean(stacked)) <= 31
    assert clean("e\u0323\u0301" * 3) == "ẹ\u0301" * 3
