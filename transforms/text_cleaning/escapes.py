r"""Characters that a file writes in another form: `&amp;`, `\u00e9`, `\n`, `%20`, `Ã©`."""

from __future__ import annotations

import html
import urllib.parse

import regex

_MAX_ESCAPES = 4
"""Number of times that a text can be escaped: `&amp;amp;quot;` is escaped three times."""

_UTF_16 = regex.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_CODE_POINT = regex.compile(r"\\u\{(0?[0-9a-fA-F]{2,5})\}")
_OCTETS = regex.compile(r"(?:\\x[89a-fA-F][0-9a-fA-F])+")
# Before a small letter the backslash may stand for an underscore, as in `pyramid\rpc`, or be a command of TeX; after a
# word also before a mark, as in `size\t`.
_LINE_END = regex.compile(r"(?<!\\)(?:\\++(?:r\\++)?n(?!\p{Ll})|\\++[rt](?=[\p{Lu}\p{N}])|(?<!\w)\\++[rt](?!\p{Ll}))")
# Between letters it is an accent of TeX, as in `Schr\"odinger`.
_QUOTED = regex.compile(r"(?<![\p{L}\\])\\++([\"'])((?:[^\\\n]|\\++(?!\1))*+)\\++\1(?!\p{L})")
_APOSTROPHE = regex.compile(r"(?<=\p{L})\\+(?='(?:s|t|re|ve|ll|d|m)\b)")

# Without a semicolon only those that are often cut off: `&copy` is also part of an address.
_ENTITY = regex.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|&(?:amp|quot|nbsp|apos)(?:\b|(?=\p{Lu}))"
)
_PERCENT_ESCAPES = regex.compile(r"(?:%[0-9A-Fa-f]{2})+")
_PERCENT_SIGN = regex.compile(r"(?<=\d)%25(?!\w)")

# UTF-8 that was read as Windows-1252: only pairs that no language writes.
_PAIR = "[\u00c2\u00c3][\u00a0-\u00bf]"
_MISREAD = regex.compile(
    rf"(?<!\p{{Lu}}){_PAIR}|(?<=(?<!\p{{Lu}})\p{{Lu}}){_PAIR}(?=\p{{Ll}})|\u00e2\u20ac[^\p{{L}}\p{{N}}\s]"
)


def write_out_escapes(text: str) -> str:
    """Return a text with the characters that its escapes stand for."""
    if "\\" in text:
        text = _OCTETS.sub(_decode_octets, _CODE_POINT.sub(_decode_code_point, _UTF_16.sub(_decode_units, text)))
        text = _APOSTROPHE.sub("", _QUOTED.sub(r"\1\2\1", _LINE_END.sub(" ", text)))
    for _ in range(_MAX_ESCAPES):
        before, text = text, _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        if text == before:
            break
    if "%20" in text and " " not in text:
        text = _PERCENT_ESCAPES.sub(lambda found: urllib.parse.unquote(found[0], errors="ignore"), text)
    return _MISREAD.sub(_decode_misread, _PERCENT_SIGN.sub("%", text))


def _decode_units(escapes: regex.Match[str]) -> str:
    units = bytes.fromhex(escapes[0].replace("\\u", ""))
    return units.decode("utf-16-be", errors="ignore")


def _decode_code_point(escape: regex.Match[str]) -> str:
    return chr(int(escape[1], 16)).encode(errors="ignore").decode()  # without halves of pairs


def _decode_octets(escapes: regex.Match[str]) -> str:
    octets = bytes.fromhex(escapes[0].replace("\\x", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _decode_misread(found: regex.Match[str]) -> str:
    try:
        return b"".join(map(_octet, found[0])).decode()
    except UnicodeError:
        return found[0]


def _octet(character: str) -> bytes:
    return character.encode("latin-1" if ord(character) < 256 else "cp1252")
