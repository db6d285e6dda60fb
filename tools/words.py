"""`python -m tools.words [PATH ...]`: print where banned words occur; exit with 1 if there are any.

The words and the exceptions are in `banned_words.toml`. Code, comments, docstrings, strings and pages are searched;
data files are not. In tests, strings are not searched, and docstrings may start with any word.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_LIST = Path(__file__).with_name("banned_words.toml")
_PAGES = {".md", ".yaml", ".toml", ".xml"}
_PAGE_NAMES = {"Makefile", "run"}
_NOT_SEARCHED = re.compile(r"tools/banned_words\.toml|tools/words\.py|tests/test_words\.py|transforms/.*\.yaml")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ONE_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A banned word at one line of a file.

    Attributes:
        path: of the file, relative to the repository.
        line: number of the line, from 1.
        word: the word as it stands there.
        instead: what to write instead.
        text: the identifier, or the line.
    """

    path: str
    line: int
    word: str
    instead: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: `{self.word}` ({self.instead}) in: {self.text}"


@dataclasses.dataclass(frozen=True)
class Exempt:
    """Text that may hold a banned word: of one path (a pattern of `Path.match`), where the line matches `text`."""

    path: str
    text: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is exempt."""
        return Path(finding.path).match(self.path) and re.search(self.text, finding.text) is not None


@dataclasses.dataclass(frozen=True)
class WordList:
    """The banned words as regular expressions, by where they are banned; the values say what to write instead."""

    everywhere: Mapping[str, str]
    identifiers: Mapping[str, str]
    prose: Mapping[str, str]
    docstring_start: Mapping[str, str]
    exceptions: Sequence[Exempt] = ()

    def in_identifier(self, name: str) -> list[tuple[str, str]]:
        """Banned words in an identifier, each with its replacement."""
        return _matches(_CAMEL.sub("_", name), {**self.everywhere, **self.identifiers})

    def in_prose(self, text: str) -> list[tuple[str, str]]:
        """Banned words in a text, each with its replacement."""
        return _matches(_CAMEL.sub("_", text), {**self.everywhere, **self.prose})

    def in_docstring(self, text: str) -> list[tuple[str, str]]:
        """Banned words in a docstring, its first word included."""
        start = _matches(text.split(" ", 1)[0], self.docstring_start)
        return [*start, *self.in_prose(text)]


def _matches(text: str, words: Mapping[str, str]) -> list[tuple[str, str]]:
    if not _whole_word("|".join(words)).search(text):  # nearly always: one search is faster than one per word
        return []
    return [(match[0], instead) for pattern, instead in words.items() for match in _whole_word(pattern).finditer(text)]


@functools.cache
def _whole_word(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", re.IGNORECASE)


def read_list() -> WordList:
    """Read `banned_words.toml`."""
    table = tomllib.loads(_LIST.read_text(encoding="utf-8"))
    exceptions = [Exempt(**each) for each in table.pop("exceptions", [])]
    return WordList(**table, exceptions=exceptions)


def search_code(path: str, text: str, words: WordList) -> Iterator[Finding]:
    """Search a Python module: identifiers, comments, docstrings and, outside of tests, all strings."""
    lines = text.splitlines()
    for name in path.removesuffix(".py").split("/"):
        yield from (Finding(path, 1, word, instead, path) for word, instead in words.in_identifier(name))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found = words.in_prose(token.string)
            yield from (Finding(path, token.start[0], word, instead, token.string) for word, instead in found)
    tree = ast.parse(text)
    docstrings = set(map(id, _docstrings(tree)))
    for node in ast.walk(tree):
        for name in _identifiers(node):
            found = words.in_identifier(name)
            yield from (Finding(path, _line(node), word, instead, name) for word, instead in found)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _search_string(path, node, lines, words, id(node) in docstrings)


def _search_string(
    path: str, node: ast.Constant, lines: Sequence[str], words: WordList, is_docstring: bool
) -> Iterator[Finding]:
    is_test = path.startswith("tests/")
    if is_test and not is_docstring:
        return
    text = str(node.value)
    if is_docstring and not is_test:
        found = words.in_docstring(text)
    elif _ONE_WORD.fullmatch(text):
        found = words.in_identifier(text)
    else:
        found = words.in_prose(text)
    for word, instead in found:
        inside = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        # An escape or a wrapped phrase has no line of its own: the first of the string stands for it.
        line = next((each for each in inside if word in lines[each - 1]), node.lineno)
        yield Finding(path, line, word, instead, lines[line - 1].strip())


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """The strings that stand as statements: docstrings, also those of constants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value


def _identifiers(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return [name]
        case ast.keyword(arg=str(name)):
            return [name]
        case ast.alias(asname=str(name)):
            return [name]
    return []


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))


def search_page(path: str, text: str, words: WordList) -> Iterator[Finding]:
    """Search a page or a configuration file, line by line."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield from (Finding(path, number, word, instead, line.strip()) for word, instead in words.in_prose(line))


def search(paths: Sequence[str], words: WordList) -> list[Finding]:
    """Search the tracked files of the repository.

    Args:
        paths: files and folders to search, relative to the repository; none: all.
        words: the banned words.

    Returns:
        findings, without those that are exempt, by path and line.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *paths]
    names = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    findings: list[Finding] = []
    for name in names:
        path = _ROOT / name
        if not path.is_file() or _NOT_SEARCHED.fullmatch(name):
            continue
        if path.suffix == ".py":
            findings += search_code(name, path.read_text(encoding="utf-8"), words)
        elif path.suffix in _PAGES or path.name in _PAGE_NAMES:
            findings += search_page(name, path.read_text(encoding="utf-8"), words)
    kept = {each for each in findings if not any(exempt.covers(each) for exempt in words.exceptions)}
    return sorted(kept, key=lambda each: (each.path, each.line, each.word))


if __name__ == "__main__":
    found = search(sys.argv[1:], read_list())
    for finding in found:
        print(finding)
    print(f"{len(found)} banned words", file=sys.stderr)
    sys.exit(bool(found))
