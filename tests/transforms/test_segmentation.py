import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.segmentation import is_unspaced_run, nfkc, segment_words


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("วิธีชงกาแฟ", ("วิธี", "ชง", "กาแฟ")),
        ("ພາສາລາວເປັນພາສາ", ("ພາສາ", "ລາວ", "ເປັນ", "ພາສາ")),
        ("ភាសាខ្មែរជាភាសា", ("ភាសាខ្មែរ", "ជា", "ភាសា")),
        ("မြန်မာစကားသည်", ("မြန်မာ", "စကား", "သည်")),
    ],
)
def test_words_without_spaces_are_separated(run: str, words: tuple[str, ...]) -> None:
    assert is_unspaced_run(run)
    assert segment_words(run) == words


@given(st.text(alphabet=st.characters(min_codepoint=0x0E01, max_codepoint=0x0E4E), max_size=30))
def test_no_character_of_a_word_is_lost(run: str) -> None:
    assert "".join(segment_words(run)) in run or not set("".join(segment_words(run))) - set(run)


def test_the_vowel_am_stays_one_character() -> None:
    assert nfkc("ทำ ﬁn") == "ทำ fin"
    assert nfkc("ນ້ຳ") == "ນ້ຳ"
