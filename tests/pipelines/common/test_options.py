"""Options derive from the settings of configuration dataclasses: type, default, range and help text are stated once."""

import argparse
import dataclasses
from typing import Literal

import pytest

from pipelines.common.command_line import Parser, UsageError
from pipelines.common.options import add_config, read_config
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class Example:
    rate: float = setting(0.5, help="A rate.", minimum=0, above=True, maximum=1)
    size: int = setting(3, help="A size.", minimum=1)
    limit: int | None = setting(None, help="A limit.", minimum=0)
    kind: Literal["mean", "sum"] = setting("mean", help="A kind.")
    sizes: tuple[int, ...] = setting((2, 3), help="Several sizes.", minimum=1)
    names: tuple[str, ...] = setting((), help="Several names.")
    is_on: bool = setting(False, help="A flag.")
    timeout: float = setting(9.0, help="A timeout.", option="client_timeout")
    internal: int = 7

    def __post_init__(self) -> None:
        validate(self)
        if self.size > 10 and self.kind == "sum":
            raise ValueError(f"size must be at most 10 for sums, got {self.size}")


def parse(*argv: str, only: tuple[str, ...] = (), unset: tuple[str, ...] = ()) -> argparse.Namespace:
    parser = Parser()
    add_config(parser, Example, only, unset)
    return parser.parse_args(argv)


def test_without_options_a_configuration_has_its_defaults() -> None:
    assert read_config(parse(), Example) == Example()


def test_each_type_is_parsed() -> None:
    argv = ("--rate=1", "--size=4", "--limit=0", "--kind=sum", "--sizes=5,6", "--names=a,b", "--is_on")
    expected = Example(1.0, 4, 0, "sum", (5, 6), ("a", "b"), True)
    assert read_config(parse(*argv), Example) == expected


def test_a_field_that_is_no_setting_is_no_option() -> None:
    with pytest.raises(UsageError, match="unrecognized arguments: --internal=1"):
        parse("--internal=1")


def test_an_option_can_have_another_name_than_its_field() -> None:
    assert read_config(parse("--client_timeout=2.5"), Example).timeout == 2.5


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--rate=0", r"argument --rate: must be a number in \(0, 1\], got '0'"),
        ("--rate=x", r"argument --rate: must be a number in \(0, 1\], got 'x'"),
        ("--rate=nan", r"argument --rate: must be a number in \(0, 1\], got 'nan'"),
        ("--size=1.5", "argument --size: must be a whole number, at least 1, got '1.5'"),
        ("--limit=-1", "argument --limit: must be a whole number, at least 0, got '-1'"),
        ("--kind=max", "argument --kind: invalid choice: 'max'"),
        ("--sizes=2,2", "argument --sizes: must be distinct values with commas between them, got '2,2'"),
        ("--sizes=2,0", "argument --sizes: must be a whole number, at least 1, got '0'"),
    ],
)
def test_a_value_that_is_not_allowed_is_an_error_that_names_the_option(argument: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(argument)


def test_a_condition_across_fields_names_the_option() -> None:
    with pytest.raises(UsageError, match=r"^--size must be at most 10 for sums, got 11$"):
        read_config(parse("--size=11", "--kind=sum"), Example)


def test_only_some_settings_become_options() -> None:
    args = parse("--size=4", only=("size",))
    assert vars(args) == {"size": 4}
    assert read_config(args, Example) == Example(size=4)


def test_an_unset_option_is_none_but_its_help_states_the_default() -> None:
    assert parse(unset=("rate",)).rate is None
    assert read_config(parse(unset=("rate",)), Example).rate == 0.5
    parser = Parser()
    add_config(parser, Example, only=("rate",), unset=("rate",))
    assert "A rate. Default: 0.5." in parser.format_help()


def test_help_states_a_default_once() -> None:
    parser = Parser()
    add_config(parser, Example)
    text = parser.format_help()
    assert "A rate. Default: 0.5." in text
    assert "A limit.\n" in text
    assert "Several sizes. Default: 2,3." in text
