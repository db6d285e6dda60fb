"""Rows of `naming_examples` -> what the network is taught with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.naming_examples import NAMING_EXAMPLES, PARTS
from transforms.content_hash import content_hash
from transforms.language_models.compact.spelling import Spelled, Spelling

_COLUMNS = ("example_id", "source", "part", "name", "titles", "terms")


class Example(NamedTuple):
    """What is to be named, and how.

    Attributes:
        source: where it comes from.
        titles: numbers of its texts.
        terms: the number of the text that lists its terms; None: none are known.
        name: what it should be called.
    """

    source: str
    titles: list[int]
    terms: int | None
    name: Spelled


class Lesson(NamedTuple):
    """All examples of two parts, and their texts.

    Attributes:
        texts: of all examples, each once.
        training: to learn from.
        validation: by which training is ended.
    """

    texts: list[str]
    training: list[Example]
    validation: list[Example]


def read_examples(
    rows: pa.Table, spelling: Spelling, kept_texts: int, most_terms: int, longest: int, unknown: int | None
) -> Lesson:
    """Reads rows of the parts `training` and `validation`; the others are not looked at.

    Of examples with more titles some are left out, by a hash of both, so that the result does not depend on the order
    of rows. Left out are examples whose names are too long, or hold a character that no piece has.

    Args:
        rows: of `naming_examples`.
        spelling: makes names into pieces.
        kept_texts: titles of an example that are kept at most.
        most_terms: terms of an example that are told at most.
        longest: pieces that a name has at most.
        unknown: the id of the piece that stands for what the encoder cannot read; None: it reads all.

    Raises:
        ValueError: when columns are missing, or one of the two parts is empty.
    """
    missing = [name for name in _COLUMNS if name not in rows.column_names]
    if missing:
        raise ValueError(f"{NAMING_EXAMPLES.name} must have the columns {', '.join(_COLUMNS)}, lacks {missing}")
    numbers: dict[str, int] = {}
    found: dict[str, list[Example]] = {part: [] for part in PARTS[:2]}
    ordered = rows.select(_COLUMNS).filter(pc.is_in(rows["part"], pa.array(list(found)))).sort_by("example_id")
    for row in ordered.to_pylist():
        name = spelling.spell(row["name"])
        if not name.pieces or len(name.pieces) > longest or unknown in name.pieces:
            continue
        titles = [numbers.setdefault(title, len(numbers)) for title in _kept(row["titles"], kept_texts)]
        terms = numbers.setdefault(", ".join(row["terms"][:most_terms]), len(numbers)) if row["terms"] else None
        if titles or terms is not None:
            found[row["part"]].append(Example(row["source"], titles, terms, name))
    for part, examples in found.items():
        if not examples:
            raise ValueError(f"no example of the part {part!r} among {rows.num_rows} rows that could be used")
    return Lesson(list(numbers), *found.values())


def _kept(titles: list[str], most: int) -> list[str]:
    told = [title for title in titles if title.strip()]
    return sorted(told, key=lambda title: content_hash(title, ""))[:most] if len(told) > most else told


def drawn_texts(
    example: Example, random: np.random.Generator, least: int, most: int, with_terms: float, terms_alone: float
) -> list[int]:
    """Numbers of the texts that are told of an example this time: titles in any order, and perhaps its terms."""
    chance, number = random.random(), int(random.integers(least, most + 1))
    order = random.permutation(len(example.titles))[:number]
    titles = [example.titles[place] for place in order]
    if example.terms is None:
        return titles
    if not titles or chance < terms_alone:
        return [example.terms]
    return [*titles, example.terms] if chance < terms_alone + with_terms else titles
