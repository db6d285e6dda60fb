"""Replies of model families, through a server, the endpoint and the assignment of names."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pytest

from tests.transforms.language_models.endpoint_server import Reply, Server, serving
from tests.transforms.naming.model_replies import REPLIES, TITLES, ModelReply
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.generate import PROMPTS, complete_batch, generations_of
from transforms.naming.assignment import (
    Journey,
    JourneyName,
    NamingContext,
    NamingRequest,
    assign_names,
    prompt_row,
    resolve_retries,
)
from transforms.naming.config import NamingConfig
from transforms.naming.validation import RETRYABLE, check_reply

CONTEXT = NamingContext(NamingConfig("few_shot", num_examples=0), "toy")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Naming:
    """One journey named by a server that sends the same reply to all prompts; `stored`: what a cache would have."""

    def __init__(self, server: Server, reply: ModelReply) -> None:
        message = {"content": reply.message} if isinstance(reply.message, str) else dict(reply.message)
        server.default = lambda _: Reply({"choices": [{"message": message, "finish_reason": reply.finish}]})
        self.endpoint = OpenAIEndpoint(server.url, "toy", limits=ClientLimits(retries=0), key="", check=check_reply)
        self.texts: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.stored: list[str] = []
        self.name = self._name(Journey("u", f"{1:016x}", 1, TITLES[reply.journey], ("first term",), (1.0,)))

    def _name(self, journey: Journey) -> JourneyName:
        self._complete(NamingRequest(journey))
        first = assign_names([journey], self.texts, CONTEXT, self.failures)
        for request in first.retries:
            self._complete(request)
        second = resolve_retries(first.retries, [], self.texts, CONTEXT, self.failures)
        (named,) = [*first.assigned, *second]
        return named

    def _complete(self, request: NamingRequest) -> None:
        prompts = pa.RecordBatch.from_pylist([prompt_row(request, CONTEXT)], PROMPTS)
        completions = complete_batch(prompts, self.endpoint, check=check_reply)
        for each in completions.to_pylist():
            if each["text"] is None:
                self.failures[each["content_hash"]] = each["reason"]
            else:
                self.texts[each["content_hash"]] = each["text"]
        self.stored += generations_of(completions)["text"].to_pylist()


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply.family} {str(reply.message)[:30]!r}")
def test_a_reply_becomes_a_name_or_falls_back_with_its_reason(server: Server, reply: ModelReply) -> None:
    naming = Naming(server, reply)
    named = naming.name
    if reply.name:
        assert (named.name, named.method, named.fallback_reason) == (reply.name, "few_shot", "")
    else:
        assert (named.method, named.fallback_reason) == ("salient", reply.reason)
        if reply.reason not in RETRYABLE:
            assert naming.stored == []


def test_there_are_replies_of_many_families() -> None:
    assert len(REPLIES) >= 50
    assert len({reply.family for reply in REPLIES}) >= 12
    assert all(bool(reply.name) != bool(reply.reason) for reply in REPLIES)
    assert min(Counter(bool(reply.name) for reply in REPLIES).values()) >= 15
