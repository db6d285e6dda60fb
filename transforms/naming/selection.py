"""Selection of one name among the candidates that a language model generated.

The most probable name of a small model is often short and broad. The selected candidate is the one that the others
agree with, weighted by their probabilities (minimum Bayes risk decoding), and that is close to the titles by vector.
The name built from the journey's terms is one further candidate.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from transforms.batching import Vectors
from transforms.encoders.interface import Encoder, EncoderSource
from transforms.language_models.interface import Completion
from transforms.naming.chrf import Floats, pairwise_chrf
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import Instructions, PromptFields, load_instructions
from transforms.naming.salient_name import placeholder_name, salient_name
from transforms.naming.uniqueness import is_taken
from transforms.naming.validation import clean_output, validate_name

_lock = threading.Lock()

_VERSION = "selection 1"
"""Part of the fingerprint; its number is increased when the selection changes."""
_LOG_PROB_POWER = 0.5
"""Power of probabilities: a small model is overconfident in its most probable name."""
_SIMILARITY_WEIGHT = 1.5
"""Weight of the similarity to the titles relative to the agreement. docs/naming.md describes how both were chosen."""


@dataclasses.dataclass(frozen=True)
class NameSelectorConfig:
    """Configuration of the selection of names.

    Attributes:
        naming: length limits of names, and the few-shot examples whose names are rejected.
        encoder: the encoder of names and titles.
    """

    naming: NamingConfig
    encoder: EncoderSource

    def fingerprint(self) -> str:
        """Compute the SHA-256, in hexadecimal, of everything that a selection depends on except its candidates."""
        limits = json.dumps(dataclasses.asdict(self.naming), sort_keys=True)
        parts = [_VERSION, str(_LOG_PROB_POWER), str(_SIMILARITY_WEIGHT), limits, self.encoder.fingerprint()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def load(self) -> NameSelector:
        """Return the selector with its encoder in memory, one for each process.

        Raises:
            ModelUnavailableError: if weights or packages of the encoder are unavailable.
        """
        with _lock:
            return _load(self)


class Candidate(NamedTuple):
    """A name that can be selected.

    Attributes:
        name: clean_output, not empty.
        log_prob: of the name under the model; minus infinity if the model did not generate it.
        is_valid: whether the name passes validation and is not taken.
    """

    name: str
    log_prob: float
    is_valid: bool


class NameSelector:
    """Selects one of several names for each journey.

    Args:
        naming: length limits of names, and the few-shot examples whose names are rejected.
        encoder: the encoder of names and titles.
    """

    def __init__(self, naming: NamingConfig, encoder: Encoder) -> None:
        self._naming = naming
        self._encoder = encoder
        few_shot = naming.method == "few_shot"
        self._instructions = load_instructions(naming.num_examples) if few_shot else None

    def select(self, fields: Sequence[PromptFields], candidates: Sequence[Sequence[Completion]]) -> list[str]:
        """Select a name for each journey.

        Args:
            fields: the fields of each prompt.
            candidates: the completions of each prompt.

        Returns:
            A name for each prompt, which depends on its fields and candidates alone; empty if no candidate is a name.
        """
        names_of = [
            candidate_names(each, of_prompt, self._naming, self._instructions)
            for each, of_prompt in zip(candidates, fields, strict=True)
        ]
        vectors = self._vectors(fields, names_of)
        return [
            names[select(names, self._similarity(names, of_prompt, vectors))].name if names else ""
            for names, of_prompt in zip(names_of, fields, strict=True)
        ]

    def _vectors(self, fields: Iterable[PromptFields], names_of: Iterable[Sequence[Candidate]]) -> dict[str, Vectors]:
        distinct = {each.name for names in names_of for each in names}
        texts = sorted(distinct.union(*(of_prompt.titles for of_prompt in fields)))
        return dict(zip(texts, self._encoder.encode(texts), strict=True)) if texts else {}

    def _similarity(self, names: Sequence[Candidate], fields: PromptFields, vectors: dict[str, Vectors]) -> Floats:
        """Compute the cosine of each name with the mean of the titles; 0 without titles."""
        if not fields.titles:
            return np.zeros(len(names))
        mean = np.mean([vectors[title] for title in fields.titles], axis=0)
        length = float(np.linalg.norm(mean))
        return np.array([float(vectors[each.name] @ mean) / length if length else 0.0 for each in names])


@functools.lru_cache(maxsize=8)
def _load(config: NameSelectorConfig) -> NameSelector:
    return NameSelector(config.naming, config.encoder.load())


def candidate_names(
    completions: Sequence[Completion],
    fields: PromptFields,
    config: NamingConfig,
    instructions: Instructions | None = None,
) -> list[Candidate]:
    """Return the distinct names among completions, and the name built from the terms.

    Args:
        completions: the completions of one prompt; the probabilities of those with the same cleaned name are added.
        fields: the fields of the prompt.
        config: length limits of names.
        instructions: the instructions of the prompt; None: none.
    """
    log_probs: dict[str, float] = {}
    for text, log_prob in completions:
        if name := clean_output(text, (*fields.titles, *fields.terms)):
            log_probs[name] = float(np.logaddexp(log_probs.get(name, -math.inf), 0.0 if log_prob is None else log_prob))
    if fields.terms:
        weights = [1 / (rank + 1) for rank in range(len(fields.terms))]
        by_terms = salient_name(fields.terms, weights, fields.titles, 0, config)
        if by_terms != placeholder_name(0):
            log_probs.setdefault(by_terms, -math.inf)
    return [
        Candidate(
            name,
            log_prob,
            not is_taken(name, fields.taken)
            and not validate_name(name, fields.titles, config, instructions, fields.terms).rejection,
        )
        for name, log_prob in log_probs.items()
    ]


def select(names: Sequence[Candidate], similarity: Floats) -> int:
    """Return the index of the best name: a valid one if there is any; the first of equals.

    Args:
        names: at least one.
        similarity: cosine of each with the titles.
    """
    valid = [each.is_valid for each in names]
    score = np.where(valid if any(valid) else True, _expected_chrf(names) + _SIMILARITY_WEIGHT * similarity, -np.inf)
    return int(np.argmax(score))


def _expected_chrf(names: Sequence[Candidate]) -> Floats:
    """Compute how much the generated names agree with each, weighted by probability; zeros if none was generated."""
    log_probs = np.array([each.log_prob for each in names])
    if not np.isfinite(log_probs).any():
        return np.zeros(len(names))
    weights = np.exp(_LOG_PROB_POWER * (log_probs - log_probs.max()))
    return np.asarray(pairwise_chrf([each.name for each in names]) @ (weights / weights.sum()))
