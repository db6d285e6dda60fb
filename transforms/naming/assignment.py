"""Assignment of distinct names to all journeys of one user, from the completions of a language model.

There are at most two prompts per journey. The first one describes the journey alone. A name that is valid, safe and
different from those of journeys of higher rank is assigned. If it collides, or was rejected for a reason that can be
mended, a second prompt lists names to avoid. If the second name is invalid, the journey is named from its terms; if it
collides, a term is appended. No two names of a user are equal.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from transforms.content_hash import content_hash
from transforms.language_models.interface import Completion
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import Instructions, PromptFields, load_instructions, render_prompt, select_fields
from transforms.naming.safety.word_lists import SafetyFilter, WordLists
from transforms.naming.salient_name import placeholder_name, salient_name, surface_form, tokenize_title
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.text import normalize
from transforms.naming.uniqueness import disambiguate, find_collisions, is_same_name
from transforms.naming.validation import RETRYABLE, clean_output, validate_name

MAX_TAKEN_NAMES = 5
_NO_FAILURES: Mapping[str, str] = MappingProxyType({})
SALIENT_FINGERPRINT = "salient 2"
"""Part of the hash of salient names; its number is increased when they change."""


@dataclasses.dataclass(frozen=True)
class NamingContext:
    """Configuration, model and filters of naming.

    Attributes:
        config: configuration of prompts and names.
        model: label of the language model with its fingerprint, which covers the prompt template and decoding; empty
            for the method `salient`.
        safety: decides whether a name may be published.
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
        """The instructions of the prompt; None for a tuned model."""
        return load_instructions(self.config.num_examples) if self.config.method == "few_shot" else None


class Journey(NamedTuple):
    """A row of `NAMING_INPUTS`."""

    user_id: str
    journey_id: str
    rank: int
    titles: Sequence[str]
    terms: Sequence[str]
    weights: Sequence[float]


class NamingRequest(NamedTuple):
    """A journey for which a model is prompted.

    Attributes:
        journey: the journey.
        taken: names to avoid in the prompt; empty in the first one.
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
    """Names after the first prompts, and the requests for second prompts; in rank order."""

    assigned: list[JourneyName]
    retries: list[NamingRequest]


def build_prompt(request: NamingRequest, config: NamingConfig) -> str:
    """Build the prompt of a request; empty if the journey has neither titles nor terms."""
    return render_prompt(fields_of(request, config)) if request.journey.titles or request.journey.terms else ""


def fields_of(request: NamingRequest, config: NamingConfig) -> PromptFields:
    """Return the fields that the prompt about a journey shows."""
    journey = request.journey
    return select_fields(journey.titles, journey.terms[: config.max_terms], config.prompt_fields, request.taken)


def prompt_row(request: NamingRequest, context: NamingContext) -> dict[str, Any]:
    """Return the row of `PROMPTS` of a request; its values are empty if the journey has neither titles nor terms."""
    has_fields = request.journey.titles or request.journey.terms
    return {
        "content_hash": request_hash(request, context),
        "prompt": build_prompt(request, context.config),
        "sources": list(fields_of(request, context.config).sources) if has_fields else [],
    }


def request_hash(request: NamingRequest, context: NamingContext) -> str:
    """Compute the key of the completions of a request; empty if it has no prompt."""
    text = build_prompt(request, context.config)
    return content_hash(text, context.model) if text else ""


def journey_hash(journey: Journey, context: NamingContext) -> str:
    """Compute a hash of the inputs and the configuration of a name; if it is unchanged, the name can be kept."""
    digest = _text_hash(journey, context)
    for further in (context.safety.fingerprint, context.selection):
        digest = content_hash(digest, further) if further else digest
    return digest


def _text_hash(journey: Journey, context: NamingContext) -> str:
    config = context.config
    if config.method != "salient":
        return request_hash(NamingRequest(journey), context) or content_hash("", context.model)
    weights = " ".join(f"{weight:.6g}" for weight in journey.weights)
    text = "\x1f".join([*journey.titles, "\x1e", *journey.terms, "\x1e", weights, str(config.max_width)])
    return content_hash(text, SALIENT_FINGERPRINT)


def names_to_screen(
    requests: Iterable[NamingRequest], texts: Mapping[str, str], context: NamingContext
) -> Iterator[str]:
    """Return the names that journeys can get, to be checked together: those of the model, and those from terms.

    Args:
        requests: the requests.
        texts: the selected completion, by `request_hash`; one may be missing.
        context: the configuration of naming.
    """
    for each in requests:
        journey = each.journey
        if name := clean_output(texts.get(request_hash(each, context), ""), (*journey.titles, *journey.terms)):
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
    completed = {key: each for key, each in by_hash.items() if completions.get(key)}
    if context.selector is None:
        return {key: completions[key][0].text for key in completed}
    fields = [fields_of(each, context.config) for each in completed.values()]
    names = context.selector.load().select(fields, [completions[key] for key in completed])
    return dict(zip(completed, names, strict=True))


def assign_names(
    journeys: Sequence[Journey],
    texts: Mapping[str, str],
    context: NamingContext,
    failures: Mapping[str, str] = _NO_FAILURES,
) -> AssignedNames:
    """Assign names to a user's journeys after the first prompts.

    Args:
        journeys: all journeys of one user, by rank.
        texts: the selected completion, by `request_hash`; one may be missing.
        context: the configuration of naming.
        failures: why a completion is missing, by `request_hash`; one that is not given is `no_completion`.
    """
    proposals = [_proposal(NamingRequest(journey), texts, context, failures) for journey in journeys]
    valid = [index for index, proposal in enumerate(proposals) if not proposal.rejection]
    collisions = find_collisions([proposals[index].name for index in valid])
    kept = {valid[index] for index in collisions.kept}
    taken = [proposals[index].name for index in sorted(kept)]
    assigned = {index: _model_name(journeys[index], proposals[index].name, context) for index in kept}
    retries = []
    for index, proposal in enumerate(proposals):
        if index not in kept and (not proposal.rejection or proposal.rejection in RETRYABLE):
            retries.append(NamingRequest(journeys[index], _names_to_avoid(proposal.name, taken)))
    waiting = {each.journey.journey_id for each in retries}
    for index, proposal in enumerate(proposals):
        if index not in kept and journeys[index].journey_id not in waiting:
            assigned[index] = _fallback_name(journeys[index], proposal.rejection, taken, context)
            taken.append(assigned[index].name)
    return AssignedNames([assigned[index] for index in sorted(assigned)], retries)


def resolve_retries(
    requests: Sequence[NamingRequest],
    assigned: Sequence[str],
    texts: Mapping[str, str],
    context: NamingContext,
    failures: Mapping[str, str] = _NO_FAILURES,
) -> list[JourneyName]:
    """Assign names to those journeys of a user that have a second prompt, by rank.

    Args:
        requests: `AssignedNames.retries`.
        assigned: the names of `AssignedNames.assigned`, in any order.
        texts: the selected completion, by `request_hash`; one may be missing.
        context: the configuration of naming.
        failures: why a completion is missing; see `assign_names`.
    """
    taken = sorted(assigned)
    named = []
    for each in requests:
        proposal = _proposal(each, texts, context, failures)
        if proposal.rejection:
            named.append(_fallback_name(each.journey, proposal.rejection, taken, context))
        else:
            named.append(
                _model_name(each.journey, _disambiguate_safely(proposal.name, each.journey, taken, context), context)
            )
        taken.append(named[-1].name)
    return named


def names_from_terms(journeys: Sequence[Journey], context: NamingContext) -> list[JourneyName]:
    """Name a user's journeys from their terms.

    Args:
        journeys: all journeys of one user, by rank.
        context: the configuration of naming; its model is not used.
    """
    taken: list[str] = []
    named = []
    for journey in journeys:
        named.append(_fallback_name(journey, "", taken, context))
        taken.append(named[-1].name)
    return named


class _Proposal(NamedTuple):
    """The name of a model for a journey, and the reason for its rejection; empty: it is accepted."""

    name: str
    rejection: str


def _proposal(
    request: NamingRequest, texts: Mapping[str, str], context: NamingContext, failures: Mapping[str, str]
) -> _Proposal:
    key = request_hash(request, context)
    text, journey = texts.get(key), request.journey
    if text is None and key in failures:
        return _Proposal("", failures[key])
    result = validate_name(text, journey.titles, context.config, context.instructions, journey.terms)
    # Rejected names are screened too: they can be in the next prompt, and are counted.
    unsafe = bool(result.name) and context.safety.unsafe_reason(result.name) != ""
    return _Proposal(result.name, "unsafe" if unsafe else result.rejection)


def _names_to_avoid(name: str, taken: Sequence[str]) -> tuple[str, ...]:
    """Return names for a journey to avoid, those with the most words in common with the rejected one first."""
    words = set(normalize(name).split(" "))
    others = [each for each in taken if not is_same_name(each, name)]
    others.sort(key=lambda each: -len(words & set(normalize(each).split(" "))))
    return (name[:120], *others[: MAX_TAKEN_NAMES - 1])


def _model_name(journey: Journey, name: str, context: NamingContext) -> JourneyName:
    digest = journey_hash(journey, context)
    return JourneyName(
        journey.user_id, journey.journey_id, name, context.config.method, context.model, "", True, digest
    )


def _fallback_name(journey: Journey, fallback_reason: str, taken: Sequence[str], context: NamingContext) -> JourneyName:
    name = salient_name(journey.terms, journey.weights, journey.titles, journey.rank, context.config)
    safe = fallback_reason != "unsafe"
    if context.safety.unsafe_reason(name):
        safe, name = False, _safe_salient_name(journey, context)
    name = _disambiguate_safely(name, journey, taken, context)
    digest = journey_hash(journey, context)
    return JourneyName(journey.user_id, journey.journey_id, name, "salient", "", fallback_reason, safe, digest)


def _safe_salient_name(journey: Journey, context: NamingContext) -> str:
    """Return the salient name from the terms and titles that are safe by themselves, or the placeholder."""
    weighted = zip(journey.terms, journey.weights, strict=True)
    kept = [(term, weight) for term, weight in weighted if not context.safety.unsafe_reason(term)]
    titles = [title for title in journey.titles if not context.safety.unsafe_reason(title)]
    terms, weights = [term for term, _ in kept], [weight for _, weight in kept]
    name = salient_name(terms, weights, titles, journey.rank, context.config)
    return placeholder_name(journey.rank) if context.safety.unsafe_reason(name) else name


def _disambiguate_safely(name: str, journey: Journey, taken: Sequence[str], context: NamingContext) -> str:
    """Make a name unique; terms that would make it unsafe are not used."""
    if not find_collisions([name], taken).colliding:
        return name
    if name == placeholder_name(journey.rank):
        return disambiguate(name, (), taken, context.config.max_width)
    tokens = [tokenize_title(title) for title in journey.titles]
    terms = [surface_form(term, tokens)[0] for term in journey.terms]
    distinct = disambiguate(name, terms, taken, context.config.max_width)
    if distinct != name and context.safety.unsafe_reason(distinct):
        return disambiguate(name, (), taken, context.config.max_width)
    return distinct
