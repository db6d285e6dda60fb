"""All journeys of one user and what a language model said of them -> their names.

The model is asked twice at most. In the first round each journey is asked about alone. A name that is fit, safe and not
that of a journey of higher rank is settled. Where it clashes, or has a fault that the model can mend, the journey is
asked about again with the names that it must not get. What is still not fit then is named from its terms, what still
clashes is told apart by a term; and no two names of a user are the same, whatever the model says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms.content_hash import content_hash
from transforms.naming.acceptance import WORTH_ASKING_AGAIN, cleaned, judge
from transforms.naming.config import NamingConfig
from transforms.naming.distinct import find_clashes, told_apart
from transforms.naming.question import Instructions, load_instructions, question
from transforms.naming.safety import SafetyFilter, WordLists
from transforms.naming.salient_name import as_written, last_resort, pieces_of, salient_name
from transforms.naming.words import folded

MOST_TAKEN_TOLD = 5
SALIENT_FINGERPRINT = "salient 1"
"""Part of the hash of salient names; its number goes up when they come out differently."""


@dataclasses.dataclass(frozen=True)
class Namer:
    """What all journeys are named with.

    Attributes:
        config: how.
        model: the language model's name and a fingerprint of all that decides its answers, what is said around
            questions among it; empty for `salient`.
        safety: what decides whether a name may be written.
    """

    config: NamingConfig
    model: str = ""
    safety: SafetyFilter = dataclasses.field(default_factory=WordLists)

    def __post_init__(self) -> None:
        if bool(self.model) != (self.config.method != "salient"):
            raise ValueError(
                f"model must be given for all methods but salient, got {self.model!r} for {self.config.method}"
            )

    @property
    def instructions(self) -> Instructions | None:
        """What stands before a question: nothing where the model was tuned."""
        return load_instructions(self.config.examples) if self.config.method == "few_shot" else None


class Journey(NamedTuple):
    """What a journey is named from, as a row of `NAMED_FROM`."""

    user_id: str
    journey_id: str
    rank: int
    titles: Sequence[str]
    terms: Sequence[str]
    weights: Sequence[float]


class Asked(NamedTuple):
    """A journey that a model is asked about.

    Attributes:
        journey: the journey.
        taken: names that the model is told not to give; empty in the first round.
    """

    journey: Journey
    taken: tuple[str, ...] = ()


class Named(NamedTuple):
    """A row of `journey_names`."""

    user_id: str
    journey_id: str
    name: str
    method: str
    model: str
    fallback_reason: str
    safe: bool
    content_hash: str


class FirstRound(NamedTuple):
    """What the first round gives: names, and journeys to be asked about again; in the order of ranks."""

    settled: list[Named]
    again: list[Asked]


def question_of(asked: Asked, config: NamingConfig) -> str:
    """The question about a journey; empty where nothing is known of it that could be told."""
    journey = asked.journey
    terms = journey.terms[: config.max_terms]
    return question(journey.titles, terms, config.metadata, asked.taken) if journey.titles or terms else ""


def request_hash(asked: Asked, namer: Namer) -> str:
    """The hash under which the answer to a question comes back; empty where there is no question."""
    text = question_of(asked, namer.config)
    return content_hash(text, namer.model) if text else ""


def journey_hash(journey: Journey, namer: Namer) -> str:
    """The hash of how, and from what, a journey is named first; where it stays the same, the name may stay."""
    hashed = _hash_of_words(journey, namer)
    return content_hash(hashed, namer.safety.fingerprint) if namer.safety.fingerprint else hashed


def _hash_of_words(journey: Journey, namer: Namer) -> str:
    config = namer.config
    if config.method != "salient":
        return request_hash(Asked(journey), namer) or content_hash("", namer.model)
    weights = " ".join(f"{weight:.6g}" for weight in journey.weights)
    text = "\x1f".join([*journey.titles, "\x1e", *journey.terms, "\x1e", weights, str(config.max_width)])
    return content_hash(text, SALIENT_FINGERPRINT)


def possible_names(asked: Iterable[Asked], texts: Mapping[str, str], namer: Namer) -> Iterator[str]:
    """What a user's journeys may be called, as far as it is known before: by the model, and by their terms instead.

    Args:
        asked: journeys, as the model is asked about them.
        texts: what it wrote, by `request_hash`; one may be missing.
        namer: what they are named with.
    """
    for each in asked:
        journey = each.journey
        if name := cleaned(texts.get(request_hash(each, namer), "")):
            yield name
        yield salient_name(journey.terms, journey.weights, journey.titles, journey.rank, namer.config)


def first_round(journeys: Sequence[Journey], texts: Mapping[str, str], namer: Namer) -> FirstRound:
    """Names of a user's journeys after the model was asked about each once.

    Args:
        journeys: all of one user, by rank.
        texts: what the model wrote, by `request_hash`; one may be missing.
        namer: what they are named with.
    """
    offered = [_offer(Asked(journey), texts, namer) for journey in journeys]
    fit = [place for place, offer in enumerate(offered) if not offer.fault]
    clashes = find_clashes([offered[place].name for place in fit])
    kept = {fit[place] for place in clashes.kept}
    taken = [offered[place].name for place in sorted(kept)]
    settled = {place: _by_model(journeys[place], offered[place].name, namer) for place in kept}
    again = []
    for place, offer in enumerate(offered):
        if place not in kept and (not offer.fault or offer.fault in WORTH_ASKING_AGAIN):
            again.append(Asked(journeys[place], _told(offer.name, taken)))
    waiting = {asked.journey.journey_id for asked in again}
    for place, offer in enumerate(offered):
        if place not in kept and journeys[place].journey_id not in waiting:
            settled[place] = _by_terms(journeys[place], offer.fault, taken, namer)
            taken.append(settled[place].name)
    return FirstRound([settled[place] for place in sorted(settled)], again)


def second_round(asked: Sequence[Asked], settled: Sequence[str], texts: Mapping[str, str], namer: Namer) -> list[Named]:
    """Names of those journeys of a user that the model was asked about again, by rank.

    Args:
        asked: `FirstRound.again`.
        settled: the names of `FirstRound.settled`, in any order.
        texts: what the model wrote, by `request_hash`; one may be missing.
        namer: what they are named with.
    """
    taken = sorted(settled)
    named = []
    for each in asked:
        offer = _offer(each, texts, namer)
        if offer.fault:
            named.append(_by_terms(each.journey, offer.fault, taken, namer))
        else:
            named.append(_by_model(each.journey, _safely_apart(offer.name, each.journey, taken, namer), namer))
        taken.append(named[-1].name)
    return named


def salient_names(journeys: Sequence[Journey], namer: Namer) -> list[Named]:
    """Names of a user's journeys from their terms alone.

    Args:
        journeys: all of one user, by rank.
        namer: what they are named with; its model is not asked.
    """
    taken: list[str] = []
    named = []
    for journey in journeys:
        named.append(_by_terms(journey, "", taken, namer))
        taken.append(named[-1].name)
    return named


class _Offer(NamedTuple):
    """What a model offers for a journey, and why it is not taken as it is."""

    name: str
    fault: str


def _offer(asked: Asked, texts: Mapping[str, str], namer: Namer) -> _Offer:
    verdict = judge(texts.get(request_hash(asked, namer)), asked.journey.titles, namer.config, namer.instructions)
    # What is not fit is looked at too: it may be told to the model again, and it is counted.
    unsafe = bool(verdict.name) and namer.safety.danger(verdict.name) != ""
    return _Offer(verdict.name, "unsafe" if unsafe else verdict.refusal)


def _told(name: str, taken: Sequence[str]) -> tuple[str, ...]:
    """Names that a journey must not get, those that have most words in common with what was offered before first."""
    words = set(folded(name).split(" "))
    others = [each for each in taken if folded(each) != folded(name)]
    others.sort(key=lambda each: -len(words & set(folded(each).split(" "))))
    return (name[:120], *others[: MOST_TAKEN_TOLD - 1])


def _by_model(journey: Journey, name: str, namer: Namer) -> Named:
    hashed = journey_hash(journey, namer)
    return Named(journey.user_id, journey.journey_id, name, namer.config.method, namer.model, "", True, hashed)


def _by_terms(journey: Journey, fallback_reason: str, taken: Sequence[str], namer: Namer) -> Named:
    name = salient_name(journey.terms, journey.weights, journey.titles, journey.rank, namer.config)
    safe = fallback_reason != "unsafe"
    if namer.safety.danger(name):
        safe, name = False, _without_danger(journey, namer)
    name = _safely_apart(name, journey, taken, namer)
    hashed = journey_hash(journey, namer)
    return Named(journey.user_id, journey.journey_id, name, "salient", "", fallback_reason, safe, hashed)


def _without_danger(journey: Journey, namer: Namer) -> str:
    """The salient name from those terms and titles that are safe by themselves, or the last resort."""
    told = zip(journey.terms, journey.weights, strict=True)
    kept = [(term, weight) for term, weight in told if not namer.safety.danger(term)]
    titles = [title for title in journey.titles if not namer.safety.danger(title)]
    terms, weights = [term for term, _ in kept], [weight for _, weight in kept]
    name = salient_name(terms, weights, titles, journey.rank, namer.config)
    return last_resort(journey.rank) if namer.safety.danger(name) else name


def _safely_apart(name: str, journey: Journey, taken: Sequence[str], namer: Namer) -> str:
    """A name that is not taken; terms that would make it unsafe are not used."""
    if not find_clashes([name], taken).clashing:
        return name
    if name == last_resort(journey.rank):
        return told_apart(name, (), taken, namer.config.max_width)
    pieces = [pieces_of(title) for title in journey.titles]
    terms = [as_written(term, pieces)[0] for term in journey.terms]
    apart = told_apart(name, terms, taken, namer.config.max_width)
    if apart != name and namer.safety.danger(apart):
        return told_apart(name, (), taken, namer.config.max_width)
    return apart
