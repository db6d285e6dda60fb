import gc
import pickle
import weakref
from collections.abc import Sequence
from typing import ClassVar

import pytest

from tests.transforms.language_models.completions import completed
from transforms.language_models.exclusive import ExclusiveModel
from transforms.language_models.interface import LanguageModel, NBest


class Heavy:
    """A model that knows how many of its kind there are, and holds itself in a circle."""

    alive: ClassVar[list["weakref.ref[Heavy]"]] = []

    def __init__(self, name: str) -> None:
        self.name, self.itself = name, self
        Heavy.alive.append(weakref.ref(self))

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        return [completed(f"{self.name}: {prompt}") for prompt in prompts]


class HeavySource:
    def __init__(self, name: str) -> None:
        self.name = name

    def fingerprint(self) -> str:
        return self.name

    def is_shared(self) -> bool:
        return self.name == "shared"

    def load(self) -> LanguageModel:
        if self.name == "broken":
            raise RuntimeError("no weights")
        return Heavy(self.name)


@pytest.fixture(autouse=True)
def _none_is_left() -> None:
    gc.collect()
    Heavy.alive.clear()


def alive() -> list[str]:
    return [model.name for reference in Heavy.alive if (model := reference()) is not None]


def test_one_is_held_at_a_time() -> None:
    first, second = (ExclusiveModel(HeavySource(name)).load() for name in ("first", "second"))
    assert alive() == []
    assert first.generate(["a", "b"]) == [completed("first: a"), completed("first: b")]
    assert alive() == ["first"]
    assert second.generate(["c"]) == [completed("second: c")]
    assert alive() == ["second"]
    second.generate(["d"])
    assert len(Heavy.alive) == 2  # the last model is not loaded again
    assert first.generate(["e"]) == [completed("first: e")]
    assert alive() == ["first"]


def test_it_goes_with_the_job() -> None:
    model = ExclusiveModel(HeavySource("first")).load()
    model.generate(["a"])
    del model
    gc.collect()
    assert alive() == []


def test_what_loading_raises_is_raised_and_nothing_is_held() -> None:
    first, broken = (ExclusiveModel(HeavySource(name)).load() for name in ("first", "broken"))
    first.generate(["a"])
    with pytest.raises(RuntimeError, match="no weights"):
        broken.generate(["a"])
    assert first.generate(["b"]) == [completed("first: b")]
    assert alive() == ["first"]


def test_it_says_what_its_source_says() -> None:
    source = pickle.loads(pickle.dumps(ExclusiveModel(HeavySource("shared"))))
    assert (source.fingerprint(), source.is_shared()) == ("shared", True)
