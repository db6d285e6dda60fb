"""The ranking of a closed set by the structured output of a real server of this process."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.transforms.language_models.endpoint_server import Reply, Server, failed, prompt_of, said, serving
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.endpoint_ranking import FIELD, EndpointRanker
from transforms.model_files import ModelUnavailableError

OUTPUTS = ("tea", "garden, pots", "blue cars", "jazz")
CLOSED_SET = ClosedSet(OUTPUTS)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as served:
        served.default = longest
        yield served


def allowed_of(body: dict[str, Any]) -> list[str]:
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["required"] == [FIELD]
    allowed: list[str] = schema["properties"][FIELD]["enum"]
    return allowed


def longest(body: dict[str, Any]) -> Reply:
    """The longest allowed text; after `shortest`, the shortest one."""
    ordered = sorted(allowed_of(body), key=len, reverse="shortest" not in prompt_of(body))
    return said(json.dumps({FIELD: ordered[0]}, indent=1))


def ranker(server: Server, **limits: int) -> EndpointRanker:
    return EndpointRanker(OpenAIEndpoint(server.url, "some", limits=ClientLimits(**limits), key=""))


def test_members_are_selected_one_after_the_other(server: Server) -> None:
    excluded = np.array([[False, False, True, False], [False] * 4, [True, True, True, False]])
    members, scores = ranker(server).top(["long", "shortest", "long too"], CLOSED_SET, 3, excluded)
    assert members.tolist() == [[1, 3, 0], [0, 3, 2], [3, -1, -1]]
    weights = np.array([1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(np.exp(scores[:2]), [weights / weights.sum()] * 2)
    assert scores[2].tolist() == [0, -np.inf, -np.inf]
    # Of the third prompt one member is left, and of the first one two when the third member is requested.
    assert len(server.bodies) == 2 + 3
    for body in server.bodies:
        assert "stop" not in body
        assert body["response_format"]["json_schema"]["strict"]
        assert not (prompt_of(body) == "long" and "blue cars" in allowed_of(body))


def test_all_members_are_ranked(server: Server) -> None:
    members, _ = ranker(server).top(["long"], CLOSED_SET, 10)
    assert sorted(members[0].tolist()) == [0, 1, 2, 3]


def test_reasoning_and_a_code_block_around_the_object_are_removed(server: Server) -> None:
    text = json.dumps({FIELD: "jazz"})
    server.script["long"] = [said(f"<think>Tea or {{jazz}}?</think>\n```json\n{text}\n```")]
    members, _ = ranker(server, retries=0).top(["long"], CLOSED_SET, 1)
    assert members.tolist() == [[3]]


def test_a_reply_that_ignores_the_schema_is_requested_again(server: Server) -> None:
    server.script["long"] = [
        said("jazz"),
        said(json.dumps({FIELD: "opera"})),
        said(json.dumps({"other": "jazz"})),
        said(json.dumps({FIELD: "jazz"})),
    ]
    members, _ = ranker(server, retries=3).top(["long"], CLOSED_SET, 1)
    assert members.tolist() == [[3]]
    assert server.tries["long"] == 4


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (said("opera"), "the reply does not have the requested JSON schema, after 2 tries"),
        (said(json.dumps({FIELD: "opera"})), "the reply is not one of the requested texts, after 2 tries"),
        (failed(400, "no structured output"), "status 400: no structured output"),
    ],
)
def test_a_server_that_never_selects_a_member_fails(server: Server, reply: Reply, message: str) -> None:
    server.script["long"] = [reply]
    with pytest.raises(ModelUnavailableError, match=message):
        ranker(server, retries=1).top(["long"], CLOSED_SET, 2)


def test_scores_of_an_endpoint_are_not_probabilities_of_its_vocabulary(server: Server) -> None:
    with pytest.raises(ValueError, match="score must be renormalized for an endpoint, got 'full'"):
        ranker(server).top(["long"], CLOSED_SET, 1, score="full")
