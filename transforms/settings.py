"""Settings: fields of configuration dataclasses that state their help text and their range once.

A configuration dataclass declares each field with `setting`, and calls `validate` in `__post_init__`. The command line
derives its options from the same fields (`pipelines/common/options.py`), so that a range or a help text is never
written twice. Imports nothing of the project and nothing that is slow to load.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclasses.dataclass(frozen=True)
class Setting:
    """The description of one field of a configuration dataclass.

    Attributes:
        help: what the field is, one or two sentences, as `--help` prints them.
        minimum: lowest value allowed, of a number or of each number in a tuple; None: no limit.
        maximum: highest value allowed; None: no limit.
        above: whether `minimum` itself is excluded.
        below: whether `maximum` itself is excluded.
        option: name of the command line option; empty: the name of the field.
        parse: converts the text of the option, or raises ValueError saying what is allowed; None: by the type.
    """

    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    below: bool = False
    option: str = ""
    parse: Callable[[str], Any] | None = None

    @property
    def allowed(self) -> str:
        """The range in interval notation, such as `(0, 1]`; empty without limits."""
        if self.minimum is None and self.maximum is None:
            return ""
        if self.maximum is None:
            return f"{'above' if self.above else 'at least'} {self.minimum:g}"
        if self.minimum is None:
            return f"{'below' if self.below else 'at most'} {self.maximum:g}"
        return f"in {'(' if self.above else '['}{self.minimum:g}, {self.maximum:g}{')' if self.below else ']'}"

    def contains(self, value: float) -> bool:
        """Whether a number is finite and within the range."""
        if not math.isfinite(value):
            return False
        if self.minimum is not None and (value <= self.minimum if self.above else value < self.minimum):
            return False
        return not (self.maximum is not None and (value >= self.maximum if self.below else value > self.maximum))


_KEY = "setting"


def setting(default: Any = dataclasses.MISSING, *, help: str, **limits: Any) -> Any:  # noqa: A002
    """Declare a field of a configuration dataclass.

    Args:
        default: its default value; omitted: the field is required.
        help: see `Setting.help`.
        **limits: the other attributes of `Setting`.

    Returns:
        A `dataclasses.field`, typed as Any, so that the annotation of the field decides its type.
    """
    return dataclasses.field(default=default, metadata={_KEY: Setting(help, **limits)})


def settings_of(config: type) -> dict[str, tuple[dataclasses.Field, Any, Setting]]:
    """Return the fields of a dataclass that were declared with `setting`.

    Returns:
        By name of the field: the field, its resolved type, and its `Setting`; in the order of declaration.
    """
    hints = get_type_hints(config)
    return {
        field.name: (field, hints[field.name], field.metadata[_KEY])
        for field in dataclasses.fields(config)
        if _KEY in field.metadata
    }


def validate(config: Any) -> None:
    """Check every `setting` of a configuration against its range and its choices.

    A value of None is not checked, and of a tuple each entry is.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """
    for name, (_, kind, declared) in settings_of(type(config)).items():
        value = getattr(config, name)
        if value is None or isinstance(value, bool):
            continue
        if choices := choices_of(kind):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
            continue
        entries = value if isinstance(value, tuple) else (value,)
        for entry in entries:
            if isinstance(entry, int | float) and not declared.contains(entry):
                raise ValueError(f"{name} must be {declared.allowed or 'finite'}, got {entry}")


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the values of a `Literal` type, also inside `X | None`; empty for any other type."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    for argument in get_args(kind):
        if get_origin(argument) is Literal:
            return get_args(argument)
    return ()
