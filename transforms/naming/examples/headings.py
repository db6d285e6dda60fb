"""Subject headings of libraries -> what a person would say: `Actors -- Fiction` becomes `Actors in fiction`."""

from __future__ import annotations

import regex

BETWEEN_PARTS = regex.compile(r"\s+--\s+")
_QUALIFIER = regex.compile(r"\s*\((?:[A-Z][\w’']*\.\s*)+\)$")
_INVERTED = regex.compile(r"^([^,()]+), ([A-Z][\p{L}-]+)$")
_PERSON = regex.compile(r", (?:\d{4}\??-(?:\d{4}\??)?|-\d{4}|active .*|approximately .*)$")
_PERIOD = regex.compile(r"^(?:\d{1,2}(?:st|nd|rd|th) century)$")
_WITH_ARTICLE = ("United States", "Netherlands", "Philippines", "Soviet Union", "West Indies")
_NATIONS = frozenset(
    (
        *("African", "American", "Arabic", "Australian", "Austrian", "Belgian", "Bengali", "Bohemian", "British"),
        *("Bulgarian", "Canadian", "Catalan", "Celtic", "Chinese", "Croatian", "Czech", "Danish", "Dutch"),
        *("Egyptian", "English", "Estonian", "European", "Finnish", "Flemish", "French", "Gaelic", "German"),
        *("Greek", "Hawaiian", "Hebrew", "Hungarian", "Icelandic", "Indic", "Irish", "Italian", "Japanese"),
        *("Javanese", "Jewish", "Korean", "Latin", "Mexican", "Norse", "Norwegian", "Persian", "Philippine"),
        *("Polish", "Portuguese", "Roman", "Romanian", "Russian", "Sanskrit", "Scandinavian", "Scottish"),
        *("Serbian", "Slavic", "Spanish", "Swedish", "Swiss", "Tamil", "Turkish", "Ukrainian", "Welsh"),
        *("Yiddish"),
    )
)
_AGES = frozenset(("Ancient", "Classical", "Medieval", "Modern"))
_PLACES = frozenset(
    (
        *("Africa", "Arab countries", "Australia", "Austria", "Belgium", "California", "Canada", "China", "Egypt"),
        *("England", "Europe", "France", "Germany", "Great Britain", "Greece", "Hawaii", "India", "Ireland", "Italy"),
        *("Japan", "Mexico", "Netherlands", "New England", "New Zealand", "North America", "Norway", "Philippines"),
        *("Russia", "Scotland", "South Africa", "South America", "Soviet Union", "Spain", "Sweden", "Switzerland"),
        *("United States", "Wales"),
    )
)
_FORMS = {
    "Antiquities": "Antiquities of {place}",
    "Biography": "{topic}: biographies",
    "Description and travel": "Travel in {place}",
    "Discovery and exploration": "Discovery and exploration of {place}",
    "Drama": "{topic} in drama",
    "Early works to 1800": "{topic}: early works",
    "Fiction": "{topic} in fiction",
    "Folklore": "{topic} in folklore",
    "History": "{topic}: history",
    "History and criticism": "{topic}: history and criticism",
    "Juvenile drama": "{topic} in children's drama",
    "Juvenile fiction": "{topic} in children's fiction",
    "Juvenile literature": "{topic} for children",
    "Juvenile poetry": "{topic} in children's poetry",
    "Periodicals": "{topic}: periodicals",
    "Poetry": "{topic} in poetry",
    "Politics and government": "Politics and government of {place}",
    "Translations into English": "{topic} in English translation",
}
"""Subdivisions of subject headings, with the phrase for the topic or place."""


def naturalize_heading(name: str) -> str | None:
    """A heading of the Library of Congress as a person would say it; other names as they are.

    Turned round is only what is sure to have been turned before: `Poets, English`, but not `Beauty, Personal`. Of
    headings with subdivisions those are known that have one, of the most frequent.

    Args:
        name: on one line.

    Returns:
        The name; None if the heading cannot be converted to a natural phrase.
    """
    topic, *subdivisions = BETWEEN_PARTS.split(name)
    if _PERSON.search(topic):
        return None
    if not subdivisions:
        return _turned(name)
    topic = _QUALIFIER.sub("", _turned(topic))
    if len(subdivisions) > 1 or "," in topic:
        return None
    (last,) = subdivisions
    place = f"the {topic}" if topic in _WITH_ARTICLE else topic
    if last in _FORMS:
        return _FORMS[last].format(topic=topic, place=place)
    if last in _PLACES:
        return f"{topic} in {'the ' if last in _WITH_ARTICLE else ''}{last}"
    return f"{topic} of the {last}" if _PERIOD.match(last) else None


def _turned(heading: str) -> str:
    """A heading whose adjective was put behind, with the adjective in front."""
    found = _INVERTED.match(heading)
    if found is None or found[2] not in _NATIONS | _AGES:
        return heading
    noun = found[1]
    return f"{found[2]} {noun[0].lower()}{noun[1:]}"
