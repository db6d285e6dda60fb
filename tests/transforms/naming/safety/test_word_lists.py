import pickle
import re
import sys

import pytest

from tests.transforms.naming.builders import HARMLESS, INJECTIONS, OBSCENE, PERSONAL
from transforms.extras import INSTALL_NAMING
from transforms.naming.safety import word_lists
from transforms.naming.safety.word_lists import WordLists


def test_there_is_enough_to_test_with() -> None:
    assert len(INJECTIONS) >= 30


@pytest.mark.parametrize("name", OBSCENE)
def test_obscene_and_hateful_names_are_found(name: str) -> None:
    assert WordLists().unsafe_reason(name) == "obscene"


@pytest.mark.parametrize("name", INJECTIONS)
def test_orders_to_a_machine_are_found(name: str) -> None:
    assert WordLists().unsafe_reason(name) == "instruction"


@pytest.mark.parametrize("name", PERSONAL)
def test_personal_data_is_found(name: str) -> None:
    assert WordLists().unsafe_reason(name) == "personal_data"


@pytest.mark.parametrize("name", HARMLESS)
def test_ordinary_interests_have_names(name: str) -> None:
    assert WordLists().unsafe_reason(name) == ""


def test_it_travels() -> None:
    assert pickle.loads(pickle.dumps(WordLists())).unsafe_reason("fuck this") == "obscene"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "glin_profanity", None)
    word_lists._filter.cache_clear()
    word_lists._is_obscene.cache_clear()
    with pytest.raises(ImportError, match=re.escape(INSTALL_NAMING)):
        WordLists().unsafe_reason("Tea")
