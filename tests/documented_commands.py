"""The commands of the pages: found in blocks of code, and checked without running them."""

import dataclasses
import importlib.util
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import setuptools

from pipelines.common.command_line import UsageError, parse_command_line
from pipelines.registry import JOBS, load_job
from tools.site.pages import find_files

ROOT = Path(__file__).parents[1]
PAGES = [path for path in find_files(ROOT) if path.endswith(".md")]

PROGRAMS = {"python", "make", "pip", "interest-journeys"}
"""Programs whose arguments are checked."""
OTHER_PROGRAMS = {"cat", "cd", "duckdb", "git", "go", "head", "source", "tensorboard", "vllm"}
"""Programs of others, whose arguments are not checked."""

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(
    r"^```.*?^```$|`(?P<text>(?:\S*/)?(?:python -m|make|interest-journeys) [^`]+)`", re.DOTALL | re.MULTILINE
)
_PRINTED = re.compile(r"^\s*(?P<text>(?:\S*/)?python -m \S.*)$", re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"<<'(?P<end>\w+)'")
_REQUIRED = "the following arguments are required"
_MISSING = "No such file or directory"
"""The reason of Python in the message of an option whose file is read with the command line."""
_COMMENT = re.compile(r"(?:^|\s)# .*$")
_VARIABLE = re.compile(r'(?P<name>[a-z_]+)="?(?P<value>[^"]*)"?')
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
_REQUIREMENT = re.compile(r"\.\[(?P<extras>[\w,]+)\]")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        page: path of the page in the repository.
        line: number of its first line in the page, from 1.
        text: the command as one types it, with its continued lines.
        to_type: whether a reader is meant to type it; otherwise a program printed it, or a sentence mentions it.
    """

    page: str
    line: int
    text: str
    to_type: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def find_commands(page: str, text: str) -> list[Command]:
    """Returns the commands of a page, in its order."""
    found = []
    for block in _FENCE.finditer(text):
        if block["language"] in ("", "sh"):
            first = text.count("\n", 0, block.start("body")) + 1
            found += [Command(page, first + offset, *each) for offset, *each in _commands_of_block(block)]
    for match in _INLINE.finditer(text):
        if match["text"]:
            found.append(Command(page, text.count("\n", 0, match.start()) + 1, match["text"], to_type=False))
    return sorted(found, key=lambda command: command.line)


def _commands_of_block(block: re.Match[str]) -> Iterator[tuple[int, str, bool]]:
    """Yields (offset of the line in the block, text, whether it is to be typed)."""
    body = block["body"]
    lines = body.splitlines()
    has_prompts = lines[0].startswith("$ ")
    is_typed = has_prompts or block["language"] == "sh" or _VARIABLE.fullmatch(lines[0]) is not None
    if not (is_typed or _program(lines[0]) in PROGRAMS | OTHER_PROGRAMS):
        for match in _PRINTED.finditer(body):
            yield body.count("\n", 0, match.start("text")), match["text"], False
        return
    variables: dict[str, str] = {}
    offset = 0
    while offset < len(lines):
        start, text = offset, lines[offset]
        offset += 1
        if has_prompts and not text.startswith("$ "):
            continue
        while not _is_complete(text) and offset < len(lines):
            text = f"{text}\n{lines[offset]}"
            offset += 1
        text = text.removeprefix("$ ")
        if assigned := _VARIABLE.fullmatch(text):
            variables[assigned["name"]] = assigned["value"]
            continue
        for name, value in variables.items():
            text = text.replace(f"${name}", value)
        if _COMMENT.sub("", text).strip():
            yield start, text, True


def _program(line: str) -> str:
    return line.split(" ", 1)[0].rpartition("/")[2]


def _is_complete(text: str) -> bool:
    if (document := _HERE_DOCUMENT.search(text)) is not None:
        return text.endswith(f"\n{document['end']}")
    if text.endswith("\\"):
        return False
    try:
        shlex.split(_COMMENT.sub("", text))
    except ValueError:  # a quotation goes on in the next line
        return False
    return True


def problems(command: Command) -> list[str]:
    """Returns what is wrong with a command; nothing is run."""
    text = command.text.partition("<<")[0] if _HERE_DOCUMENT.search(command.text) else command.text
    words = shlex.split(_COMMENT.sub("", text.replace("\\\n", " ")))
    found = []
    while words:
        end = next((number for number, word in enumerate(words) if word in ("&&", "|", ">")), len(words))
        problem = _problem(words[:end])
        if problem and (command.to_type or _REQUIRED not in problem):  # a sentence may name a job alone
            found.append(f"{command}\n  {problem}")
        words = words[end + 1 :]
    return found


def _problem(words: list[str]) -> str:
    program, arguments = _program(words[0]), words[1:]
    if program == "python":
        return _problem_of_python(arguments)
    if program == "interest-journeys":
        return _problem_of_job(arguments[0], arguments[1:])
    if program == "make":
        return _problem_of_make(arguments)
    if program == "pip":
        return _problem_of_pip(arguments)
    return "" if program in OTHER_PROGRAMS else f"{program}: a program that this test does not check"


def _problem_of_python(arguments: list[str]) -> str:
    if arguments[:1] == ["-"]:
        return ""
    if arguments[:1] != ["-m"]:
        return "" if (ROOT / arguments[0]).is_file() else f"{arguments[0]}: no such file"
    module = arguments[1]
    if "<" in module:
        return ""
    package, _, job = module.partition(".")
    if package == "pipelines" and job:
        return _problem_of_job(job, arguments[2:])
    return "" if importlib.util.find_spec(module) is not None else f"{module}: no such module"


def _problem_of_job(name: str, arguments: list[str]) -> str:
    if name not in JOBS:
        return f"{name}: no such job"
    try:
        parse_command_line(load_job(name), [word for word in arguments if word not in ("...", "--help", "--version")])
    except UsageError as error:
        return "" if _MISSING in str(error) else str(error)
    return ""


def _problem_of_make(arguments: list[str]) -> str:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    unknown = [word for word in arguments if word not in targets and not _ASSIGNMENT.fullmatch(word)]
    return f"make has no target {', '.join(unknown)}" if unknown else ""


def _problem_of_pip(arguments: list[str]) -> str:
    if arguments[:1] != ["install"]:
        return f"pip {arguments[0]}: only `pip install` is checked"
    extras = read_extras()
    requested = [
        extra for word in arguments for match in _REQUIREMENT.finditer(word) for extra in match["extras"].split(",")
    ]
    unknown = [extra for extra in requested if extra not in extras]
    return f"setup.py has no extra {', '.join(unknown)}" if unknown else ""


def read_extras() -> dict[str, list[str]]:
    """Returns the extras of `setup.py`, each with its requirements."""
    setup = setuptools.setup
    setuptools.setup = lambda **_: None
    try:
        return dict(runpy.run_path(str(ROOT / "setup.py"))["EXTRAS"])
    finally:
        setuptools.setup = setup
