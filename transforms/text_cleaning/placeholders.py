"""Titles that stand for a missing one.

These are listed texts, such as `Untitled`, phrases of listed words, errors of spreadsheets, unfilled templates, and the
names that cameras and programs give to files.
"""

from __future__ import annotations

import configparser
import functools
import importlib.resources
import unicodedata
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import regex

_MARKS_AT_ENDS = r"^[^\pL\pM\pN]+|[^\pL\pM\pN]+$"
_BRACKETS = r"^[\[(<{【（]+([^\[(<{【（]*?)[\])>}】）]+$"  # noqa: RUF001
_NUMBER_AT_END = r"[\s(#_-]+\d{1,3}$"
_ERRORS_OF_SHEETS = r"#(?:n/a|ref!|value!|name\?|div/0!|num!|null!|spill!|calc!|field!|error!|getting_data)"
_TEMPLATES = r"\$\{[^{}]*\}|%[a-z_]+%|%[sd]|\\n"
_CAMERAS = (
    r"(?:(?:img|dsc[nf]?|pxl|vid|mvi|gopr)[_ -]?\d{3,}"
    r"|(?:pano|video|photo|image|scan|recording)(?:[_-]\d{3,}|\s?\d{6,}))(?:[\d_ ~().-]|-wa|\.mp)*"
)
_SCREENSHOTS = (
    r"(?:screen ?shot|screen recording|bildschirmfoto|capture d'ecran|captura de pantalla|whatsapp (?:image|video))"
    r"[ _-](?:from |le |de |at )?\d{2,4}[-_. ]?\d\d(?:[\d\s_.:,()-]|at|um|a las|a|alle|am|pm)*"
)
_FILE_TYPE = r"(?:\.(?:jpe?g|png|gif|heic|webp|mp4|mov|avi|mkv|mp3|wav|m4a|pdf))?"
_FORMS = rf"^\s*(?:{_ERRORS_OF_SHEETS}|{_TEMPLATES}|(?:{_CAMERAS}|{_SCREENSHOTS}){_FILE_TYPE})\s*$"
_MAX_CHARACTERS = 80
_WITHOUT_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Hangul}"


def is_placeholder(titles: pa.StringArray) -> pa.BooleanArray:
    """Return for each title whether it stands for a missing one; null for null."""
    folded = pc.utf8_normalize(pc.utf8_lower(titles), "NFKD")
    folded = pc.replace_substring_regex(folded, r"\p{Mn}", "")
    plain = pc.replace_substring_regex(folded, _MARKS_AT_ENDS, "")
    bracketed = pc.replace_substring_regex(folded, _BRACKETS, r"[\1]")
    unnumbered = pc.replace_substring_regex(plain, _NUMBER_AT_END, "")
    found = [pc.is_in(each, _placeholders()) for each in (plain, bracketed, unnumbered)]
    found += [pc.match_substring_regex(folded, _FORMS), _names_a_state(bracketed)]
    return functools.reduce(pc.or_, found)


def _names_a_state(titles: pa.StringArray) -> pa.BooleanArray:
    """Return for each folded title whether it says only that a thing is gone or private."""
    is_short = pc.less_equal(pc.utf8_length(titles), _MAX_CHARACTERS)
    suspect = pc.fill_null(pc.and_(is_short, pc.match_substring_regex(titles, _states())), fill_value=False)
    found = pa.array(map(_is_state_of_thing, titles.filter(suspect).to_pylist()), pa.bool_())
    return pc.replace_with_mask(pa.repeat(pa.scalar(value=False), len(titles)), suspect, found)


def _is_state_of_thing(title: str) -> bool:
    is_bracketed = title.startswith("[") and title.endswith("]")
    found = _phrase(is_bracketed).fullmatch(title.strip("[] ."))
    return found is not None and bool(found["state"]) and (is_bracketed or bool(found["thing"]))


@functools.cache
def _phrase(is_bracketed: bool) -> regex.Pattern[str]:
    """Compile an expression for all sequences of listed words."""
    words = _words()
    more = {name: words[f"{name} in brackets"] if is_bracketed else [] for name in ("states", "things")}
    states, things = (_alternatives([*words[name], *more[name]]) for name in ("states", "things"))
    kinds = rf"(?P<state>{states})|(?P<thing>{things})|{_alternatives(words['others'])}"
    return regex.compile(rf"(?:(?:{kinds})(?:(?!\w)|(?<=[{_WITHOUT_SPACES}]))\W*)+")


def _states() -> str:
    return _alternatives([*_words()["states"], *_words()["states in brackets"]])


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(
        regex.escape(word, literal_spaces=True) for word in sorted(words, key=lambda word: (-len(word), word))
    )


@functools.cache
def _words() -> dict[str, list[str]]:
    """Return the listed words by their part of a phrase."""
    parser = configparser.ConfigParser(allow_no_value=True, delimiters=("=",), strict=False)
    parser.read_string(_read("placeholder_words.txt"))
    return {section: sorted(map(_fold, parser[section])) for section in parser.sections()}


@functools.cache
def _placeholders() -> pa.StringArray:
    lines = _read("placeholders.txt").splitlines()
    return pa.array([_fold(line) for line in lines if line and not line.startswith("#")], pa.string())


def _read(file_name: str) -> str:
    return importlib.resources.files(__package__).joinpath(file_name).read_text(encoding="utf-8")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
