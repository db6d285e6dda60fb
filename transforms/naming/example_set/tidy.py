"""Names and titles as they stand in files -> as a person would write them."""

from __future__ import annotations

import html

import regex

from transforms.naming.example_set.headings import spoken_heading

_ESCAPES = regex.compile(r"(?:\\u[0-9a-fA-F]{4})+")
# Markdown writes `ios\_system`, and what reads it badly leaves `ios\system`.
_UNDERSCORE = regex.compile(r"\\_|(?<=\w)\\(?=\w)")
_ESCAPED = regex.compile(r"\\([\[\]()*`~#&|!.+-])")
_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Cn}--[\u200c\u200d]]+", regex.V1)
_LINK = regex.compile(r"!?\[([^\[\]]+)\]\([^()\s]*\)")
_EMPHASIS = regex.compile(r"(?<!\w)(\*\*|__|``|~~|[*`])(?=\S)((?:(?!\1).)+)(?<=\S)\1(?!\w)")
_SUBFIELD = regex.compile(r"\s*[:;/=,]?\s+\$[a-z]\s+|[:;]\s*\$[a-z]\s+")
_SHORT_CODE = regex.compile(r"(?<!\w):[a-z][a-z0-9_+-]*:(?!\w)|(?<=\s):[a-z][a-z0-9_]*$|^[a-z]+(?:\\[a-z]+)+:\s")
_ARROW = r"\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f\u2b00-\u2bff\u2794-\u27be"
_PICTURES = regex.compile(rf"[\p{{Extended_Pictographic}}\p{{So}}\ufe0e\ufe0f\U0001f3fb-\U0001f3ff--[©®™{_ARROW}]]+", regex.V1)
_START = regex.compile(rf"^(?:[{_ARROW}]|[-*•·>#–—|~=]+(?=\s)|[\p{{Pd}}•·|~]+$|\(?\d{{1,2}}[.)](?=\s))+\s*")
_END = regex.compile(rf"\s*(?:[{_ARROW}]|\s[-*•·<>#–—|~=/:]+)+$")
_RATING = regex.compile(r"\s*\[\d+(?:\.\d+)?(?:/\d+)?\]$")
_FORUM = regex.compile(r"^(?:(?:welcome to|reddit:?)\s+)?/?r/\w+/?\s*(?:[-:|–—]+\s+|$)", regex.I)
_SITE = regex.compile(r"\s+(?:[-:|–—]+\s+|on\s+)?(?:the\s+)?(?:/?r/\w+|(?:sub)?reddit)[!.]?$", regex.I)
_ADDRESS = regex.compile(r"(?<!\w)/?r/\s?(?=\w)")
_BREAK = regex.compile(r"\p{Ll}{3}[.!?…]+\s+\p{Lu}")
_EVENT = regex.compile(
    r"^(?:(?:the|joint|international|annual|student|\w*\d\w*|\d+(?:st|nd|rd|th)|first|second|third|[A-Z][\w/-]*[A-Z]\w*)\s+)*"
    r"(?:workshop|conference|symposium)\s+(?:on|for)\s+(?:the\s+)?",
    regex.I,
)
_ACRONYM = regex.compile(r"\s*\((?=[^()]*\p{Lu}[^()]*\p{Lu})[\w/*+&’'-]+(?:[\s-]+(?:19|20)?\d\d)?\)$")

_INVITATION = regex.compile(
    r"^(?:welcome to (?:the )?|(?:(?:a|an|the|your|this is the)\s+(?:\w+\s+)?(?:place|space|subreddit|reddit|community|hangout|forum|home|hub)"
    r"|everything|all|news|discussion)\s+(?:and \w+ )?(?:dedicated to|devoted to|related to|relevant to|about|for|of|on)\s+|for\s+)"
    r"(?:the )?(?:all things (?:related to )?|all of |everything (?:about )?)?(?:the )?|^all things (?:related to |about )?(?:the )?",
    regex.I,
)
_SLOGAN = regex.compile(
    r"(?<=\S\S)(?:\s*:|\s+[-–—|~])\s+(?:.*[.!?…]$|(?:an?|the|from|to|dedicated|if)\b.*"
    r"|(?i:an?\s+(?:\w+\s+)?(?:place|community|subreddit|reddit|forum|home|hub)\b.*"
    r"|(?:for|all|everything|where|because|news|your|you|we|home|welcome|discussion|dedicated)\b.*))$"
)
_STOP = regex.compile(r"(?:(?<!\b(?:etc|vs|inc|jr|sr|bros|co|ltd|\p{L}))\.|\.{2,}|…|[,;:!]+)$", regex.I)
_QUOTED = regex.compile(r"^([\"“])([^\"“”]*)[\"”]$")

def tidy_title(title: str) -> str:
    r"""A title on one line, without what files and pages put into it; empty where nothing is left.

    Written out are `\u00e9` and `&amp;`. Left out are Markdown (emphasis, links, escapes), emoji and their short codes,
    arrows and marks of lists at the ends, and the subfield codes of library records: `Norway : $b a story` becomes
    `Norway: a story`.
    """
    text = html.unescape(_ESCAPES.sub(_written_out, title))
    text = " ".join(_UNSEEN.sub(" ", text).split())
    text = _UNDERSCORE.sub("_", _SHORT_CODE.sub(" ", text))
    text = _ESCAPED.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text))
    text = _PICTURES.sub(" ", _SUBFIELD.sub(": ", text))
    return _ends_off(" ".join(text.split()))


def tidy_name(name: str) -> str | None:
    """A name likewise; headings of libraries as they are said, and neither ratings nor the name of a site or a meeting.

    Returns:
        The name; None where it is a heading of a library that nobody would say.
    """
    text = _RATING.sub("", tidy_title(name))
    text = _QUOTED.sub(r"\2", _ends_off(_FORUM.sub("", _SITE.sub("", text))))
    said = spoken_heading(_ADDRESS.sub("", text))
    if said is None:
        return None
    for extra in (_SLOGAN, _INVITATION, _EVENT):
        rest = extra.sub("", said)
        if rest and rest != said:
            said = rest[0].upper() + rest[1:] if rest.split()[0].islower() else rest
            if extra is _EVENT:
                said = _ACRONYM.sub("", said)
    return _STOP.sub("", said).strip()


def _written_out(escapes: regex.Match[str]) -> str:
    units = bytes.fromhex(escapes[0].replace("\\u", ""))
    return units.decode("utf-16-be", errors="replace").replace("\ufffd", "")


def _ends_off(text: str) -> str:
    before = None
    while text != before:
        before, text = text, _END.sub("", _START.sub("", text)).strip()
    return text


def is_sentences(name: str) -> bool:
    """Whether a name is several sentences, as a slogan is."""
    return _BREAK.search(name) is not None
