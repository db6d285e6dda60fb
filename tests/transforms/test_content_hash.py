import hashlib

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.content_hash import content_hashes


def hashes(texts: list[str], fingerprint: str) -> list[str]:
    found = content_hashes(pa.array(texts, pa.string()), fingerprint)
    assert found.type == pa.string()
    return found.to_pylist()


def test_the_hash_is_that_of_model_and_text() -> None:
    expected = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in ("abcTee ☕", "abc")]
    assert hashes(["Tee ☕", ""], "abc") == expected
    # By hand, with `printf abctea | sha256sum`.
    assert hashes(["tea"], "abc") == ["f72feb05520a054b92a37804942e8539"]


@given(st.lists(st.text(max_size=4), max_size=8, unique=True))
def test_each_text_has_one_of_its_own_for_each_model(texts: list[str]) -> None:
    one, other = (hashes(texts, digit * 64) for digit in "01")
    assert len({*one, *other}) == 2 * len(texts)
    assert hashes(texts[::-1], "0" * 64) == one[::-1]
    assert [hashes([text], "0" * 64)[0] for text in texts] == one


def test_a_slice_has_the_hashes_of_its_rows() -> None:
    texts = pa.array(["a", "b", "c"])
    assert content_hashes(texts.slice(1), "x") == content_hashes(texts, "x").slice(1)
    assert content_hashes(texts.slice(3), "x").to_pylist() == []
