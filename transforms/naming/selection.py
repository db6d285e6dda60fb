"""Several names that a language model thinks of -> the one that says most of the journey.

A small model's likeliest name is often short and broad. Of the names that it thinks of, that one is taken which the
others agree with, weighed by their chances (minimum Bayes risk decoding), and which is near to the titles by vectors.
The journey's terms make one candidate more.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from transforms.batching import Vectors
from transforms.encoders.interface import Encoder, EncoderSource
from transforms.language_models.spec import Candidate as Completion
from transforms.naming.chrf import Floats, pairwise_chrf
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import Instructions, Told, load_instructions, told_in
from transforms.naming.salient_name import placeholder_name, salient_name
from transforms.naming.text import normalize
from transforms.naming.validation import clean_output, validate_name

MAX_CANDIDATES = 64

_VERSION = "choice 1"
"""Part of the fingerprint; its number goes up when others are chosen."""
_LOG_PROB_POWER = 0.5
"""Power of chances: a small model is too sure of its first thought."""
_SIMILARITY_WEIGHT = 1.5
"""By how much a cosine counts more than an agreement. How both were chosen: docs/naming.md."""


@dataclasses.dataclass(frozen=True)
class NameSelectorConfig:
    """What chooses among names.

    Attributes:
        naming: how long a name may be, and what it must not be.
        encoder: what makes vectors of names and titles.
        candidates: how many names a model is to think of, in [2, 64].

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    naming: NamingConfig
    encoder: EncoderSource
    candidates: int

    def __post_init__(self) -> None:
        if not 2 <= self.candidates <= MAX_CANDIDATES:
            raise ValueError(f"candidates must be in [2, {MAX_CANDIDATES}], got {self.candidates}")

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over all that decides a choice."""
        limits = json.dumps(dataclasses.asdict(self.naming), sort_keys=True)
        told = [
            _VERSION,
            str(_LOG_PROB_POWER),
            str(_SIMILARITY_WEIGHT),
            str(self.candidates),
            limits,
            self.encoder.fingerprint(),
        ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def load(self) -> NameSelector:
        """What chooses, with the encoder in memory.

        Raises:
            ModelUnavailableError: when its weights, or the packages to load them, are not to be had.
        """
        return NameSelector(self.naming, self.encoder.load())


class Candidate(NamedTuple):
    """A name that could be chosen.

    Attributes:
        name: cleaned, not empty.
        chance: of the model to say it, by its logarithm; minus infinity: it did not think of it.
        is_valid: whether `name` would take it.
    """

    name: str
    chance: float
    is_valid: bool


class NameSelector:
    """Chooses one of several names for each journey.

    Args:
        naming: how long a name may be, and what it must not be.
        encoder: what makes vectors of names and titles.
    """

    def __init__(self, naming: NamingConfig, encoder: Encoder) -> None:
        self._naming = naming
        self._encoder = encoder
        few_shot = naming.method == "few_shot"
        self._instructions = load_instructions(naming.examples) if few_shot else None

    def __call__(self, questions: Sequence[str], candidates: Sequence[Sequence[Completion]]) -> list[str]:
        """A name for each question; empty where no candidate says anything."""
        told = [told_in(question) for question in questions]
        possible = [
            candidate_names(each, about, self._naming, self._instructions)
            for each, about in zip(candidates, told, strict=True)
        ]
        vectors = self._vectors(told, possible)
        return [
            names[select(names, self._similarity(names, about, vectors))].name if names else ""
            for names, about in zip(possible, told, strict=True)
        ]

    def _vectors(self, told: Iterable[Told], possible: Iterable[Sequence[Candidate]]) -> dict[str, Vectors]:
        names = {each.name for names in possible for each in names}
        texts = sorted(names.union(*(about.titles for about in told)))
        return dict(zip(texts, self._encoder.encode(texts), strict=True)) if texts else {}

    def _similarity(self, names: Sequence[Candidate], told: Told, vectors: dict[str, Vectors]) -> Floats:
        """The cosine of each name with the mean of the titles; 0 where there are none."""
        if not told.titles:
            return np.zeros(len(names))
        mean = np.mean([vectors[title] for title in told.titles], axis=0)
        length = float(np.linalg.norm(mean))
        return np.array([float(vectors[each.name] @ mean) / length if length else 0.0 for each in names])


def candidate_names(
    candidates: Sequence[Completion], told: Told, config: NamingConfig, instructions: Instructions | None = None
) -> list[Candidate]:
    """The distinct names among candidates, and the one that the terms make.

    Args:
        candidates: of the model; texts that come down to one name add their chances.
        told: what the model was asked.
        config: how long a name may be, and what it must not be.
        instructions: that stood before the question; None: none.
    """
    chances: dict[str, float] = {}
    for candidate in candidates:
        if name := clean_output(candidate.text):
            chances[name] = float(np.logaddexp(chances.get(name, -math.inf), candidate.log_probability))
    if told.terms:
        weights = [1 / (place + 1) for place in range(len(told.terms))]
        by_terms = salient_name(told.terms, weights, told.titles, 0, config)
        if by_terms != placeholder_name(0):
            chances.setdefault(by_terms, -math.inf)
    taken = set(map(normalize, told.taken))
    return [
        Candidate(
            name,
            chance,
            normalize(name) not in taken and not validate_name(name, told.titles, config, instructions).rejection,
        )
        for name, chance in chances.items()
    ]


def select(names: Sequence[Candidate], similarity: Floats) -> int:
    """The place of the best name: a fit one, where there is any; the first of equals.

    Args:
        names: at least one.
        similarity: of each to the titles, a cosine.
    """
    fit = [each.is_valid for each in names]
    worth = np.where(fit if any(fit) else True, _expected_chrf(names) + _SIMILARITY_WEIGHT * similarity, -np.inf)
    return int(np.argmax(worth))


def _expected_chrf(names: Sequence[Candidate]) -> Floats:
    """How much the model's names agree with each, weighed by their chances; zeros where it thought of none."""
    chances = np.array([each.chance for each in names])
    if not np.isfinite(chances).any():
        return np.zeros(len(names))
    weights = np.exp(_LOG_PROB_POWER * (chances - chances.max()))
    return np.asarray(pairwise_chrf([each.name for each in names]) @ (weights / weights.sum()))
