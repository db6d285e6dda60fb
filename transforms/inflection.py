"""Inflected forms of words, for comparison only: a word and its plural are the same."""

from __future__ import annotations

_SHORTEST_PLURAL = 4


def singularize(word: str) -> str:
    """Remove the plural `s` of an English word, for comparison only.

    Args:
        word: case-folded; words of other scripts are returned unchanged.
    """
    if len(word) < _SHORTEST_PLURAL or not word.isascii() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > _SHORTEST_PLURAL:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")
