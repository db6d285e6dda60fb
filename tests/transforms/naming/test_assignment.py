import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.naming.builders import HARMLESS, INJECTIONS, OBSCENE, PERSONAL, journey
from transforms.naming.assignment import (
    Journey,
    JourneyName,
    NamingContext,
    NamingRequest,
    assign_names,
    build_prompt,
    names_from_terms,
    request_hash,
    resolve_retries,
)
from transforms.naming.config import NamingConfig
from transforms.naming.safety.word_lists import WordLists
from transforms.naming.text import display_width, normalize

NAMER = NamingContext(NamingConfig("few_shot"), "toy 1")


def run(
    journeys: list[Journey], says: Callable[[NamingRequest], str | None], context: NamingContext = NAMER
) -> list[JourneyName]:
    def texts(requests: list[NamingRequest]) -> dict[str, str]:
        said = {request_hash(each, context): says(each) for each in requests if build_prompt(each, context.config)}
        return {key: text for key, text in said.items() if text is not None}

    first = assign_names(journeys, texts([NamingRequest(each) for each in journeys]), context)
    second = resolve_retries(first.retries, [each.name for each in first.assigned], texts(first.retries), context)
    return sorted([*first.assigned, *second], key=lambda each: each.journey_id)


def test_a_good_name_is_taken() -> None:
    (named,) = run([journey()], lambda requests: " Jazz practice\n")
    expected = hashlib.sha256(named.model.encode())
    assert named[:7] == ("u", f"{1:016x}", "Jazz practice", "few_shot", "toy 1", "", True)
    assert named.content_hash == request_hash(NamingRequest(journey()), NAMER) != expected.hexdigest()[:32]


def test_a_collision_gets_a_second_prompt_with_the_names_taken() -> None:
    other = journey(2, ("Swing revival dances", "Big band charts"), ("swing", "big band"))
    requests: list[tuple[str, ...]] = []

    def says(each: NamingRequest) -> str:
        requests.append(each.taken)
        return "Big band swing" if each.taken else "Jazz"

    assert [each.name for each in run([journey(), other], says)] == ["Jazz", "Big band swing"]
    assert requests == [(), (), ("Jazz",)]


def test_a_remaining_collision_is_disambiguated_by_a_term() -> None:
    other = journey(2, ("Swing revival dances", "Big band charts"), ("swing", "big band"))
    assert [each.name for each in run([journey(), other], lambda requests: "Jazz")] == ["Jazz", "Jazz: swing"]


@pytest.mark.parametrize(
    ("said", "fallback_reason", "safe"),
    [
        (None, "no_completion", True),
        ("", "blank", True),
        ("Videos", "generic", True),
        ("fuck jazz", "unsafe", False),
        ("Bebop lines for guitar", "single_title", True),
        ("재즈", "wrong_language", True),
    ],
)
def test_the_fall_back_is_the_salient_name(said: str | None, fallback_reason: str, safe: bool) -> None:
    (named,) = run([journey()], lambda requests: said)
    assert (named.name, named.method, named.model) == ("Swing feel", "salient", "")
    assert (named.fallback_reason, named.safe) == (fallback_reason, safe)


def test_a_retryable_rejection_gets_a_second_prompt() -> None:
    (named,) = run([journey()], lambda requests: "Jazz" if "Videos" in requests.taken else "Videos")
    assert (named.name, named.method, named.fallback_reason) == ("Jazz", "few_shot", "")


def test_an_unsafe_salient_name_is_not_written() -> None:
    (named,) = names_from_terms([journey(4, (), ("fuck", "blowjob"))], NamingContext(NamingConfig()))
    assert (named.name, named.safe, named.fallback_reason) == ("Interest 4", False, "")


def test_terms_that_are_safe_make_a_name_without_the_others() -> None:
    (named,) = names_from_terms([journey(4, (), ("fuck", "knitting", "wool"))], NamingContext(NamingConfig()))
    assert (named.name, named.safe) == ("Knitting, wool", False)


def test_unsafe_terms_do_not_disambiguate_names() -> None:
    journeys = [journey(1), journey(2, ("Jazz at night",), ("blowjob", "bebop"))]
    assert [each.name for each in run(journeys, lambda requests: "Jazz")][1] == "Jazz 2"


@pytest.mark.parametrize("title", [*INJECTIONS, *OBSCENE, *PERSONAL])
def test_a_model_that_repeats_a_bad_title_is_not_written(title: str) -> None:
    (named,) = run([journey(1, (title, "Bebop lines"), ("bebop",))], lambda requests: title)
    assert WordLists().unsafe_reason(named.name) == ""
    assert named.method == "salient"


def test_a_journey_of_which_nothing_is_known_has_a_name() -> None:
    (named,) = run([journey(5, (), ())], lambda requests: "Tea")
    assert (named.name, named.fallback_reason) == ("Interest 5", "no_completion")


def test_a_model_is_needed_for_all_methods_but_one() -> None:
    with pytest.raises(ValueError, match="model must be given"):
        NamingContext(NamingConfig("few_shot"))
    with pytest.raises(ValueError, match="model must be given"):
        NamingContext(NamingConfig("salient"), "toy")


SAYINGS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.sampled_from(["Jazz", "jazz!", "Jazzs", "Interest 1", "Bebop", "Videos", *OBSCENE, *HARMLESS]),
)
TERMS = st.lists(st.sampled_from(["jazz", "bebop", "swing feel", "fuck", "tea", "차", "12"]), max_size=4, unique=True)


@settings(deadline=None)
@given(st.lists(st.tuples(TERMS, SAYINGS, SAYINGS), max_size=6), st.booleans())
def test_whatever_the_model_says(reported: list[tuple[list[str], str | None, str | None]], titled: bool) -> None:
    titles = ("Bebop lines", "Swing feel drills") if titled else ()
    journeys = [journey(1 + place, titles, tuple(terms)) for place, (terms, _, _) in enumerate(reported)]
    completions = {
        each.journey_id: (first, second) for each, (_, first, second) in zip(journeys, reported, strict=True)
    }
    named = run(journeys, lambda requests: completions[requests.journey.journey_id][bool(requests.taken)])
    assert [each.journey_id for each in named] == [each.journey_id for each in journeys]
    assert len({normalize(each.name) for each in named}) == len(named)
    for each in named:
        assert each.name.strip()
        assert display_width(each.name) <= NAMER.config.max_width
        assert WordLists().unsafe_reason(each.name) == ""
        assert (each.method == "salient") == (each.model == "") == (each.fallback_reason != "")
