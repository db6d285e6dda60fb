"""Names that people gave to collections -> names as this project gives them to journeys."""

from __future__ import annotations

import regex

from transforms.naming.examples.headings import naturalize_heading
from transforms.text_cleaning.markup import clean_text, without_ends

_RATING = regex.compile(r"\s*\[\d+(?:\.\d+)?(?:/\d+)?\]$")
_QUOTED = regex.compile(r"^([\"“])([^\"“”]*)[\"”]$")
_BREAK = regex.compile(r"\p{Ll}{3}[.!?…]+\s+\p{Lu}")
_STOP = regex.compile(r"(?:(?<!\b(?:etc|vs|inc|jr|sr|bros|co|ltd|\p{L}))\.|\.{2,}|…|[,;:!]+)$", regex.I)

# Forums: `r/name: what it is about`, `What it is about | Reddit`.
_FORUM = regex.compile(r"^(?:(?:(?:welcome to|reddit:?)\s+)?/?r/\w+/?|reddit)\s*(?:[-:|–—]+\s+|$)", regex.I)
_SITE = regex.compile(r"\s+(?:[-:|–—]+\s+|on\s+)?(?:the\s+)?(?:/?r/\w+|(?:sub)?reddit)[!.]?$", regex.I)
_ADDRESS = regex.compile(r"(?<!\w)/?r/\s?(?=\w)")

# A place where people talk of something: `A community for all things related to tea`.
_PLACE = r"(?:place|space|subreddit|reddit|community|hangout|forum|home|hub)"
_ABOUT = r"(?:dedicated\ to|devoted\ to|related\ to|relevant\ to|about|for|of|on)"
_ALL = r"(?:all\ things(?:\ related\ to|\ about)?|all\ of|everything(?:\ about)?)"
_INVITATION = regex.compile(
    rf"""^(?:
        welcome\ to
        | (?:an?|the|your|this\ is\ the)\ (?:\w+\ )?{_PLACE}\ (?:and\ \w+\ )?{_ABOUT}
        | (?:everything|all|news|discussion)\ (?:and\ \w+\ )?{_ABOUT}
        | for
        | all\ things(?:\ related\ to|\ about)?
    )\ (?:the\ )?(?:{_ALL}\ )?(?:the\ )?""",
    regex.I | regex.X,
)

# What stands behind a name and says nothing of it: `Gundam: a place for your favourite mecha`. A subtitle is kept.
_SLOGAN = regex.compile(
    rf"""(?<=\S\S)(?:\s*:|\s+[-–—|~])\s+(?:
        .*[.!?…]$
        | (?:an?|the|from|to|if)\b.*
        | (?i:(?:an?\ (?:\w+\ )?{_PLACE}
            | for|all|everything|where|because|news|your|you|we|home|welcome|discussion|dedicated)\b).*
    )$""",
    regex.X,
)

# Meetings are named for what they are about: `Second Workshop on Argument Mining (ArgMining 2015)`.
_MEETING = regex.compile(
    r"^(?:[Tt]he\s+)?(?:[\p{Lu}\d][\w/-]*\s+){0,6}(?i:workshop|conference|symposium)\s+(?i:on|for)\s+(?i:the\s+)?"
)
_ACRONYM = regex.compile(r"\s*\((?=[^()]*\p{Lu}[^()]*\p{Lu})[\w/*+&’'-]+(?:[\s-]+(?:19|20)?\d\d)?\)$")


def clean_name(name: str) -> str | None:
    """A name tidied like a title, and said shortly.

    Headings of libraries are put as they are said. Left out are ratings, the names of forums, invitations and slogans,
    `Workshop on`, quotation marks around it and full stops behind.

    Returns:
        The name, perhaps empty; None where it is a heading of a library that no person would use.
    """
    text = _SITE.sub("", _RATING.sub("", clean_text(name)))
    text = _ADDRESS.sub("", without_ends(_FORUM.sub("", text)))
    normalized_name = naturalize_heading(_QUOTED.sub(r"\2", text))
    if normalized_name is None:
        return None
    normalized_name = _shortened(_INVITATION, _shortened(_SLOGAN, normalized_name))
    if _MEETING.match(normalized_name):
        normalized_name = _ACRONYM.sub("", _shortened(_MEETING, normalized_name))
    return _STOP.sub("", normalized_name).strip()


def _shortened(pattern: regex.Pattern[str], text: str) -> str:
    """A text without what matches, unless nothing would be left; with a capital where it begins with a word of none."""
    rest = pattern.sub("", text)
    if not rest or rest == text:
        return text
    return rest[0].upper() + rest[1:] if rest.split()[0].islower() else rest


def is_sentences(name: str) -> bool:
    """Whether a name is several sentences, as a slogan is."""
    return _BREAK.search(name) is not None
