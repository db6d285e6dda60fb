from __future__ import annotations

import dataclasses
import math
from typing import Literal

import pytest

from transforms.settings import Setting, choices_of, setting, settings_of, validate


@dataclasses.dataclass(frozen=True)
class Example:
    rate: float = setting(0.5, help="A rate.", minimum=0, maximum=1, above=True)
    sizes: tuple[int, ...] = setting((2, 3), help="Sizes.", minimum=1)
    kind: Literal["a", "b"] | None = setting(None, help="A kind.")
    internal: int = -5

    def __post_init__(self) -> None:
        validate(self)


def test_settings_are_the_declared_fields_with_their_types():
    declared = settings_of(Example)
    assert list(declared) == ["rate", "sizes", "kind"]
    assert declared["rate"][1] is float
    assert declared["sizes"][2].help == "Sizes."
    assert choices_of(declared["kind"][1]) == ("a", "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, r"rate must be in \(0, 1\], got 0.0"),
        ({"rate": 1.5}, r"rate must be in \(0, 1\], got 1.5"),
        ({"rate": math.nan}, r"rate must be in \(0, 1\], got nan"),
        ({"sizes": (2, 0)}, "sizes must be at least 1, got 0"),
        ({"kind": "c"}, "kind must be one of a, b, got 'c'"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(change, message):
    with pytest.raises(ValueError, match=message):
        Example(**change)


def test_limits_are_part_of_the_range_unless_they_are_excluded():
    assert Example(rate=1.0, sizes=(1,), kind="a").rate == 1.0
    assert Setting("", minimum=0, below=True, maximum=1).contains(0)
    assert not Setting("", minimum=0, below=True, maximum=1).contains(1)


@pytest.mark.parametrize(
    ("declared", "allowed"),
    [
        (Setting(""), ""),
        (Setting("", minimum=1), "at least 1"),
        (Setting("", minimum=0, above=True), "above 0"),
        (Setting("", maximum=1, below=True), "below 1"),
        (Setting("", maximum=1), "at most 1"),
        (Setting("", minimum=0, maximum=1, below=True), "in [0, 1)"),
    ],
)
def test_ranges_are_written_as_intervals(declared, allowed):
    assert declared.allowed == allowed
