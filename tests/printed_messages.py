"""The texts that the code prints: literals of Python and of the Makefile, with `…` for the values in them."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VALUE = "…"

_VALUES = re.compile(rf"{VALUE}(?:\s*{VALUE})*|\$\(\w+\)|\{{\w*\}}")
"""A value in a text; adjacent ones are one."""


def normalize(text: str) -> str:
    """Returns a text with one mark for each of its values, and one space where it has white space."""
    return re.sub(r"\s+", " ", _VALUES.sub(VALUE, text))


@functools.cache
def printed_texts() -> tuple[str, ...]:
    """Returns all texts of the packages, and of the Makefile."""
    texts = [
        text
        for package in ("schemas", "transforms", "pipelines")
        for path in sorted(ROOT.glob(f"{package}/**/*.py"))
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
    ]
    return tuple(normalize(text) for text in [*texts, (ROOT / "Makefile").read_text(encoding="utf-8")])


def is_printed(message: str) -> bool:
    """Returns whether a message, with marks for its values, is a part of a text that the code prints."""
    return any(normalize(message) in text for text in printed_texts())


def _texts(tree: ast.AST) -> Iterator[str]:
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) not in docstrings and (text := _text(node)) is not None:
            yield text


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) or VALUE for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else f"{left or VALUE}{right or VALUE}"
    return None
