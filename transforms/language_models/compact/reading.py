"""A question -> the texts that it is about, and the answers that must not be given."""

from __future__ import annotations

from typing import NamedTuple

ITEM = "- "
"""How a line begins that is one text."""

TAKEN = "Taken already"
"""How a line begins that names answers which must not be given, after a colon, with semicolons between."""


class Told(NamedTuple):
    """What a question says.

    Attributes:
        texts: to be named together; empty where the question is blank.
        taken: answers that must not be given.
    """

    texts: list[str]
    taken: list[str]


def read(question: str) -> Told:
    """Reads a question line by line.

    A line behind a dash is a text, and so is what stands behind the colon of a line such as `Terms: tea, pot`. Lines
    that end with their colon say nothing. A question without any such line is one text.
    """
    texts, taken = [], []
    for line in question.splitlines():
        label, _, said = line.partition(": ")
        if line.startswith(ITEM):
            texts.append(line.removeprefix(ITEM).strip())
        elif line.startswith(TAKEN):
            taken = [answer.strip() for answer in said.split(";") if answer.strip()]
        elif label and said.strip():
            texts.append(said.strip())
    texts = list(filter(None, texts))
    whole = " ".join(question.split())
    return Told(texts or ([whole] if whole and not taken and not whole.endswith(":") else []), taken)
