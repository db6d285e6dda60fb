"""Globs of paths: `*` and `?` match within a name, `**` across folders, `[ab]` one of several characters."""

from __future__ import annotations

import re

CHARACTERS = "*?["
"""The characters that make a path a glob."""


def is_glob(path: str) -> bool:
    """Return whether a path has characters of a glob."""
    return any(character in path for character in CHARACTERS)


def escape(path: str) -> str:
    """Return the glob that matches a path alone."""
    # Beam doubles the backslash; without it, Python warns of `[[`, which may mean a nested set one day.
    return re.sub(r"[*?[]", lambda found: r"[\[]" if found[0] == "[" else f"[{found[0]}]", path)


def fixed_beginning(glob: str) -> str:
    """Return the part of a glob before its first special character."""
    return re.split(r"[*?[]", glob, maxsplit=1)[0]
