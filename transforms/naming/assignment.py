"""All journeys of one user and what a language model said of them -> their names.

The model is asked twice at most. In the first round each journey is asked about alone. A name that is fit, safe and not
that of a journey of higher rank is settled. Where it clashes, or has a fault that the model can mend, the journey is
asked about again with the names that it must not get. What is still not fit then is named from its terms, what still
clashes is told apart by a term; and no two names of a user are the same, whatever the model says.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms.content_hash import content_hash
from transforms.language_models.interface import Completion
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import Instructions, PromptFields, load_instructions, render_prompt, select_fields
from transforms.naming.safety.word_lists import SafetyFilter, WordLists
from transforms.naming.salient_name import placeholder_name, salient_name, surface_form, tokenize_title
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.text import normalize
from transforms.naming.uniqueness import disambiguate, find_collisions
from transforms.naming.validation import RETRYABLE, clean_output, validate_name

MAX_TAKEN_NAMES = 5
SALIENT_FINGERPRINT = "salient 1"
"""Part of the hash of salient names; its number goes up when they come out differently."""


@dataclasses.dataclass(frozen=True)
class NamingContext:
    """What all journeys are named with.

    Attributes:
        config: how.
        model: the language model's name and a fingerprint of all that decides its answers, what is said around
            questions among it; empty for `salient`.
        safety: what decides whether a name may be written.
        selector: selects one of several candidates of the model; None: the most probable one is taken.
    """

    config: NamingConfig
    model: str = ""
    safety: SafetyFilter = dataclasses.field(default_factory=WordLists)
    selector: NameSelectorConfig | None = None

    def __post_init__(self) -> None:
        if bool(self.model) != (self.config.method != "salient"):
            raise ValueError(
                f"model must be given for all methods but salient, got {self.model!r} for {self.config.method}"
            )

    @functools.cached_property
    def selection(self) -> str:
        """The fingerprint of the selection among candidates; empty without one."""
        return self.selector.fingerprint() if self.selector else ""

    @property
    def instructions(self) -> Instructions | None:
        """What stands before a question: nothing where the model was tuned."""
        return load_instructions(self.config.num_examples) if self.config.method == "few_shot" else None


class Journey(NamedTuple):
    """What a journey is named from, as a row of `NAMING_INPUTS`."""

    user_id: str
    journey_id: str
    rank: int
    titles: Sequence[str]
    terms: Sequence[str]
    weights: Sequence[float]


class NamingRequest(NamedTuple):
    """A journey that a model is asked about.

    Attributes:
        journey: the journey.
        taken: names that the model is told not to give; empty in the first round.
    """

    journey: Journey
    taken: tuple[str, ...] = ()


class JourneyName(NamedTuple):
    """A row of `journey_names`."""

    user_id: str
    journey_id: str
    name: str
    method: str
    model: str
    fallback_reason: str
    safe: bool
    content_hash: str


class AssignedNames(NamedTuple):
    """What the first round gives: names, and journeys to be asked about again; in the order of ranks."""

    assigned: list[JourneyName]
    retries: list[NamingRequest]


def build_prompt(asked: NamingRequest, config: NamingConfig) -> str:
    """The question about a journey; empty where nothing is known of it that could be told."""
    return render_prompt(fields_of(asked, config)) if asked.journey.titles or asked.journey.terms else ""


def fields_of(request: NamingRequest, config: NamingConfig) -> PromptFields:
    """Return the fields that the prompt about a journey shows."""
    journey = request.journey
    return select_fields(journey.titles, journey.terms[: config.max_terms], config.prompt_fields, request.taken)


def request_hash(asked: NamingRequest, context: NamingContext) -> str:
    """The hash under which the answer to a question comes back; empty where there is no question."""
    text = build_prompt(asked, context.config)
    return content_hash(text, context.model) if text else ""


def journey_hash(journey: Journey, context: NamingContext) -> str:
    """The hash of how, and from what, a journey is named first; where it stays the same, the name may stay."""
    hashed = _text_hash(journey, context)
    for further in (context.safety.fingerprint, context.selection):
        hashed = content_hash(hashed, further) if further else hashed
    return hashed


def _text_hash(journey: Journey, context: NamingContext) -> str:
    config = context.config
    if config.method != "salient":
        return request_hash(NamingRequest(journey), context) or content_hash("", context.model)
    weights = " ".join(f"{weight:.6g}" for weight in journey.weights)
    text = "\x1f".join([*journey.titles, "\x1e", *journey.terms, "\x1e", weights, str(config.max_width)])
    return content_hash(text, SALIENT_FINGERPRINT)


def names_to_screen(asked: Iterable[NamingRequest], texts: Mapping[str, str], context: NamingContext) -> Iterator[str]:
    """What a user's journeys may be called, as far as it is known before: by the model, and by their terms instead.

    Args:
        asked: journeys, as the model is asked about them.
        texts: what it wrote, by `request_hash`; one may be missing.
        context: what they are named with.
    """
    for each in asked:
        journey = each.journey
        if name := clean_output(texts.get(request_hash(each, context), "")):
            yield name
        yield salient_name(journey.terms, journey.weights, journey.titles, journey.rank, context.config)


def selected_texts(
    requests: Iterable[NamingRequest], completions: Mapping[str, Sequence[Completion]], context: NamingContext
) -> dict[str, str]:
    """Select one completion of each prompt.

    Args:
        requests: journeys, as the model is prompted about them.
        completions: by `request_hash`, in the order of ranks; those of a prompt may be missing.
        context: the configuration of naming.

    Returns:
        The selected text, by `request_hash`.
    """
    by_hash = {request_hash(each, context): each for each in requests}
    completed = {hash_: each for hash_, each in by_hash.items() if completions.get(hash_)}
    if context.selector is None:
        return {hash_: completions[hash_][0].text for hash_ in completed}
    fields = [fields_of(each, context.config) for each in completed.values()]
    names = context.selector.load().select(fields, [completions[hash_] for hash_ in completed])
    return dict(zip(completed, names, strict=True))


def assign_names(journeys: Sequence[Journey], texts: Mapping[str, str], context: NamingContext) -> AssignedNames:
    """Names of a user's journeys after the model was asked about each once.

    Args:
        journeys: all of one user, by rank.
        texts: what the model wrote, by `request_hash`; one may be missing.
        context: what they are named with.
    """
    proposals = [_proposal(NamingRequest(journey), texts, context) for journey in journeys]
    fit = [place for place, proposal in enumerate(proposals) if not proposal.fault]
    collisions = find_collisions([proposals[place].name for place in fit])
    kept = {fit[place] for place in collisions.kept}
    taken = [proposals[place].name for place in sorted(kept)]
    assigned = {place: _model_name(journeys[place], proposals[place].name, context) for place in kept}
    retries = []
    for place, proposal in enumerate(proposals):
        if place not in kept and (not proposal.fault or proposal.fault in RETRYABLE):
            retries.append(NamingRequest(journeys[place], _names_to_avoid(proposal.name, taken)))
    waiting = {asked.journey.journey_id for asked in retries}
    for place, proposal in enumerate(proposals):
        if place not in kept and journeys[place].journey_id not in waiting:
            assigned[place] = _fallback_name(journeys[place], proposal.fault, taken, context)
            taken.append(assigned[place].name)
    return AssignedNames([assigned[place] for place in sorted(assigned)], retries)


def resolve_retries(
    asked: Sequence[NamingRequest], assigned: Sequence[str], texts: Mapping[str, str], context: NamingContext
) -> list[JourneyName]:
    """Names of those journeys of a user that the model was asked about again, by rank.

    Args:
        asked: `AssignedNames.retries`.
        assigned: the names of `AssignedNames.assigned`, in any order.
        texts: what the model wrote, by `request_hash`; one may be missing.
        context: what they are named with.
    """
    taken = sorted(assigned)
    named = []
    for each in asked:
        proposal = _proposal(each, texts, context)
        if proposal.fault:
            named.append(_fallback_name(each.journey, proposal.fault, taken, context))
        else:
            named.append(
                _model_name(each.journey, _disambiguate_safely(proposal.name, each.journey, taken, context), context)
            )
        taken.append(named[-1].name)
    return named


def names_from_terms(journeys: Sequence[Journey], context: NamingContext) -> list[JourneyName]:
    """Names of a user's journeys from their terms alone.

    Args:
        journeys: all of one user, by rank.
        context: what they are named with; its model is not asked.
    """
    taken: list[str] = []
    named = []
    for journey in journeys:
        named.append(_fallback_name(journey, "", taken, context))
        taken.append(named[-1].name)
    return named


class _Proposal(NamedTuple):
    """What a model offers for a journey, and why it is not taken as it is."""

    name: str
    fault: str


def _proposal(asked: NamingRequest, texts: Mapping[str, str], context: NamingContext) -> _Proposal:
    result = validate_name(
        texts.get(request_hash(asked, context)), asked.journey.titles, context.config, context.instructions
    )
    # What is not fit is looked at too: it may be told to the model again, and it is counted.
    unsafe = bool(result.name) and context.safety.unsafe_reason(result.name) != ""
    return _Proposal(result.name, "unsafe" if unsafe else result.rejection)


def _names_to_avoid(name: str, taken: Sequence[str]) -> tuple[str, ...]:
    """Names that a journey must not get, those that have most words in common with what was offered before first."""
    words = set(normalize(name).split(" "))
    others = [each for each in taken if normalize(each) != normalize(name)]
    others.sort(key=lambda each: -len(words & set(normalize(each).split(" "))))
    return (name[:120], *others[: MAX_TAKEN_NAMES - 1])


def _model_name(journey: Journey, name: str, context: NamingContext) -> JourneyName:
    hashed = journey_hash(journey, context)
    return JourneyName(
        journey.user_id, journey.journey_id, name, context.config.method, context.model, "", True, hashed
    )


def _fallback_name(journey: Journey, fallback_reason: str, taken: Sequence[str], context: NamingContext) -> JourneyName:
    name = salient_name(journey.terms, journey.weights, journey.titles, journey.rank, context.config)
    safe = fallback_reason != "unsafe"
    if context.safety.unsafe_reason(name):
        safe, name = False, _safe_salient_name(journey, context)
    name = _disambiguate_safely(name, journey, taken, context)
    hashed = journey_hash(journey, context)
    return JourneyName(journey.user_id, journey.journey_id, name, "salient", "", fallback_reason, safe, hashed)


def _safe_salient_name(journey: Journey, context: NamingContext) -> str:
    """The salient name from those terms and titles that are safe by themselves, or the last resort."""
    told = zip(journey.terms, journey.weights, strict=True)
    kept = [(term, weight) for term, weight in told if not context.safety.unsafe_reason(term)]
    titles = [title for title in journey.titles if not context.safety.unsafe_reason(title)]
    terms, weights = [term for term, _ in kept], [weight for _, weight in kept]
    name = salient_name(terms, weights, titles, journey.rank, context.config)
    return placeholder_name(journey.rank) if context.safety.unsafe_reason(name) else name


def _disambiguate_safely(name: str, journey: Journey, taken: Sequence[str], context: NamingContext) -> str:
    """A name that is not taken; terms that would make it unsafe are not used."""
    if not find_collisions([name], taken).colliding:
        return name
    if name == placeholder_name(journey.rank):
        return disambiguate(name, (), taken, context.config.max_width)
    tokens = [tokenize_title(title) for title in journey.titles]
    terms = [surface_form(term, tokens)[0] for term in journey.terms]
    apart = disambiguate(name, terms, taken, context.config.max_width)
    if apart != name and context.safety.unsafe_reason(apart):
        return disambiguate(name, (), taken, context.config.max_width)
    return apart
