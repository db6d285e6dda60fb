import dataclasses
import math
from typing import Any

import pytest

from transforms.page.user_views import (
    MAX_ITEMS,
    MAX_MONTHS,
    References,
    TableRow,
    UserRows,
    shorter_contexts,
    view_user,
)

DAY = 86_400_000_000


def journey(rank: int, items: list[str], days: list[int], **changed: Any) -> dict[str, Any]:
    times = [day * DAY for day in days]
    return {
        "user_id": "u",
        "journey_id": f"j{rank}",
        "rank": rank,
        "size": len(set(items)),
        "item_ids": items,
        "timestamps": times,
        "terms": ["owl", "night"],
        "weights": [0.5, 0.2],
        "first_timestamp": times[0],
        "last_timestamp": times[-1],
        "coherence": 0.5,
        **changed,
    }


def recommendation(rank: int, policy: str, **changed: Any) -> dict[str, Any]:
    return {
        "user_id": "u",
        "rank": rank,
        "item_id": f"i{rank}",
        "cluster_id": "00",
        "policy": policy,
        "score": 1.0,
        "context": "01 00",
        "table_rank": None,
        "journey_id": None,
        **changed,
    }


REFERENCES = References(
    titles={"a": "Owls of Europe"},
    descriptions={"00": "birds", "01": "boats"},
    table={"00": [TableRow(1, "01", math.log(0.25), "blend")], "": [TableRow(1, "02", -1.0, "blend")]},
    transitions={"00": {"01": 3, "02": 1}},
    context_size=2,
)


def test_journeys_are_placed_on_a_common_time_line() -> None:
    user = view_user(1, UserRows("u", [journey(2, ["b"], [20]), journey(1, ["a", "b"], [0, 40])]), REFERENCES)
    first, second = user.journeys
    assert (first.rank, second.rank) == (1, 2)
    assert first.places == (1.5, 98.5)
    assert second.places == (50.0,)
    assert first.span == (1.5, 97.0)
    assert (first.first, first.last) == ("1970-01-01", "1970-02-10")


def test_items_are_the_latest_with_their_titles() -> None:
    items = [f"i{number}" for number in range(MAX_ITEMS + 3)] + ["a", "a"]
    user = view_user(1, UserRows("u", [journey(1, items, list(range(len(items))))]), REFERENCES)
    shown = user.journeys[0]
    assert (shown.items[0].item_id, shown.items[0].title) == ("a", "Owls of Europe")
    assert (shown.items[1].item_id, shown.items[1].title) == (f"i{MAX_ITEMS + 2}", "")
    assert len(shown.items) == MAX_ITEMS
    assert shown.left_out == 4


def test_a_journey_has_its_name_or_its_terms() -> None:
    name = {"journey_id": "j1", "name": "Night birds", "method": "salient"}
    rows = UserRows("u", [journey(1, ["a"], [0]), journey(2, ["b"], [1])], [name])
    assert [(each.name, each.method) for each in view_user(1, rows, REFERENCES).journeys] == [
        ("Night birds", "salient"),
        ("owl, night", ""),
    ]


def test_the_context_is_that_of_the_recommendations_or_the_last_clusters() -> None:
    history = {"user_id": "u", "cluster_ids": ["02", "01", "00"]}
    of_history = view_user(1, UserRows("u", clusters=history), REFERENCES)
    assert [each.cluster_id for each in of_history.context] == ["01", "00"]
    recommended = UserRows("u", clusters=history, recommendations=[recommendation(1, "novel", context="02 00")])
    assert [each.cluster_id for each in view_user(1, recommended, REFERENCES).context] == ["02", "00"]


def test_the_table_is_looked_up_for_the_longest_context_that_it_has() -> None:
    assert shorter_contexts(("01", "00")) == ["01 00", "00", ""]
    user = view_user(1, UserRows("u", clusters={"user_id": "u", "cluster_ids": ["01", "00"]}), REFERENCES)
    assert [each.description for each in user.used_context] == ["birds"]
    (proposal,) = user.proposals
    assert (proposal.cluster.description, proposal.followed, proposal.observed) == ("boats", 3, 4)
    assert proposal.probability == pytest.approx(0.25)
    assert proposal.is_consumed


def test_a_user_without_clusters_gets_the_empty_context() -> None:
    user = view_user(1, UserRows("u"), REFERENCES)
    assert user.context == ()
    assert [(each.cluster.cluster_id, each.followed, each.is_consumed) for each in user.proposals] == [("02", 0, False)]


def test_the_first_proposals_and_those_of_recommended_items_are_shown() -> None:
    table = {"00": [TableRow(rank, f"{rank:02}", -1.0, "blend") for rank in range(1, 31)]}
    references = dataclasses.replace(REFERENCES, table=table)
    rows = [
        recommendation(1, "novel", cluster_id="25", table_rank=25, context="00"),
        recommendation(2, "familiar", cluster_id="28", context="00"),
    ]
    user = view_user(1, UserRows("u", recommendations=rows), references)
    assert [each.rank for each in user.proposals] == [*range(1, 11), 25]


def test_every_recommendation_has_a_reason() -> None:
    rows = [
        recommendation(1, "novel", table_rank=4),
        recommendation(2, "familiar", journey_id="j1"),
        recommendation(3, "familiar"),
        recommendation(4, "popular"),
    ]
    user = view_user(1, UserRows("u", [journey(1, ["a"], [0])], recommendations=rows), REFERENCES)
    assert [each.reason for each in user.recommendations] == [
        "rank 4 of the table for this context; new to the user",
        "continues the journey “owl, night”",
        "a cluster of the user's history",
        "popular; fills a list that would be too short",
    ]


def lifecycle(journey_id: str, months: int) -> dict[str, Any]:
    periods = [
        {
            "month": f"20{10 + number // 12}-{1 + number % 12:02}",
            "interactions": 1 + number % 4,
            "terms": [f"term{number}"],
            "similarity": None if number == 0 else 0.25,
        }
        for number in range(months)
    ]
    return {
        "user_id": "u",
        "journey_id": journey_id,
        "rank": 3,
        "stage": "ended",
        "recurrence": "evergreen",
        "confidence": 0.75,
        "silent_days": 40.0,
        "ongoing_days": 12.0,
        "effective_months": 5.5,
        "drift": None,
        "periods": periods,
    }


def test_a_journey_has_its_life_if_there_is_one() -> None:
    rows = UserRows("u", [journey(1, ["a"], [0]), journey(2, ["b"], [1])], lifecycles=[lifecycle("j2", 2)])
    first, second = view_user(1, rows, REFERENCES).journeys
    assert first.life is None
    assert second.life is not None
    assert (second.life.place, second.life.stage, second.life.confidence) == (3, "ended", 0.75)
    assert [(each.month, each.interactions, each.fraction, each.terms) for each in second.life.months] == [
        ("2010-01", 1, 0.5, ("term0",)),
        ("2010-02", 2, 1.0, ("term1",)),
    ]
    assert [each.similarity for each in second.life.months] == [None, 0.25]


def test_the_latest_months_are_shown_and_compared_with_the_largest_of_all() -> None:
    rows = UserRows("u", [journey(1, ["a"], [0])], lifecycles=[lifecycle("j1", MAX_MONTHS + 5)])
    (shown,) = view_user(1, rows, REFERENCES).journeys
    assert shown.life is not None
    assert shown.life.months_left_out == 5
    assert [each.terms for each in shown.life.months][-1] == (f"term{MAX_MONTHS + 4}",)
    assert len(shown.life.months) == MAX_MONTHS
    assert max(each.fraction for each in shown.life.months) == 1.0
