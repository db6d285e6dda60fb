"""Differences between providers of compatible endpoints: parameters, fields of replies, quotas and limits."""

import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pyarrow as pa
import pytest

from tests.transforms.language_models.completions import completed, no_completion
from tests.transforms.language_models.endpoint_server import Reply, Server, failed, prompt_of, said, serving
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint import ROOM, OpenAIEndpoint
from transforms.language_models.endpoint_dialect import Dialect
from transforms.language_models.endpoint_limits import remaining_requests, requested_wait, wait_until_reset
from transforms.language_models.generate import PROMPTS, complete_batch
from transforms.language_models.interface import NBest, collect_batches
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.rate_limiter import RateLimiter
from transforms.model_files import ModelUnavailableError


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.language_models.rate_limiter.FIRST_BACKOFF", 0.01)


def endpoint(server: Server, template: PromptTemplate | None = None, temperature: float = 0.0, **limits: Any) -> Any:
    decoding = DecodingConfig(temperature=temperature)
    return OpenAIEndpoint(server.url, "toy", template, decoding, ClientLimits(**{"retries": 2} | limits), key="")


def choice(message: dict[str, Any], finish: str = "stop") -> Reply:
    return Reply({"choices": [{"message": message, "finish_reason": finish}]})


def rejecting(name: str, message: str, status: int = 400, **fields: Any) -> Any:
    """Reply with an error to requests that have a parameter, or a system message."""

    def reply(body: dict[str, Any]) -> Reply:
        has = name in body or (name == "system" and body["messages"][0]["role"] == "system")
        return Reply({"error": {"message": message, **fields}}, status) if has else said("Tea pots")

    return reply


class TestParameters:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "max_tokens",
                "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            ),
            (
                "temperature",
                "Unsupported value: 'temperature' does not support 0.5. Only the default (1) value is supported.",
            ),
            ("top_p", "`temperature` and `top_p` cannot both be specified: invalid request, unsupported top_p"),
            ("seed", "Extra inputs are not permitted: seed"),
            ("seed", "Unrecognized request argument supplied: seed"),
            ("system", "System role not supported"),
            ("system", "Developer instruction is not enabled for models/gemma-3"),
            ("system", "Conversation roles must alternate user/assistant/user/assistant/..."),
            ("system", "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
            ("system", "First message must use the 'user' role, got system"),
            ("system", "Only user and assistant roles are supported!"),
            ("temperature", "`temperature` may only be set to 1 when thinking is enabled."),
            ("temperature", "temperature参数范围必须在(0,1)之间"),
            ("max_tokens", "max_tokens is not supported: the maximum number of tokens is max_completion_tokens"),
            ("temperature", "Input validation error: `temperature` must be strictly positive"),
            ("top_p", "Input validation error: `top_p` must be > 0.0 and < 1.0"),
            ("top_p", "`temperature` and `top_p` cannot both be specified for this model."),
        ],
    )
    @pytest.mark.parametrize("status", [400, 404])
    def test_a_parameter_that_is_rejected_is_not_sent_again(
        self, server: Server, name: str, message: str, status: int
    ) -> None:
        server.default = rejecting(name, message, status)
        model = endpoint(server, PromptTemplate("Name it."), temperature=0.5, concurrency=1, retries=0)
        assert model.generate(["a", "b", "c"]) == [completed("Tea pots")] * 3
        assert len(server.bodies) <= 3 + 2  # `top_p`: the temperature goes first
        last = server.bodies[-1]
        assert name not in last
        assert ("max_completion_tokens" in last) == (name == "max_tokens")
        assert "Name it." in last["messages"][0]["content"]
        assert (last["messages"][0]["role"] == "user") == (name == "system")

    def test_an_error_about_the_prompt_is_no_error_about_a_parameter(self, server: Server) -> None:
        server.script = {
            "q": [failed(400, "This model's maximum context length is 512 tokens, max_tokens is too large")]
        }
        (found,) = endpoint(server).generate(["q"])
        assert found.failure.startswith("status 400: This model's maximum context length")
        assert server.tries["q"] == 1

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("system", "Jinja Exception: System role not supported"),
            ("seed", "NotImplementedError: seed is not supported by this backend"),
        ],
    )
    def test_a_broken_server_that_names_a_parameter(self, server: Server, name: str, message: str) -> None:
        server.default = rejecting(name, message, 500)
        assert endpoint(server, PromptTemplate("Name it."), retries=0).generate(["q"]) == [completed("Tea pots")]

    def test_a_broken_server_that_names_none_is_tried_again(self, server: Server) -> None:
        server.script = {"q": [failed(500, "internal error, seed of the worker lost"), said("Tea pots")]}
        assert endpoint(server).generate(["q"]) == [completed("Tea pots")]
        assert "seed" in server.bodies[-1]

    def test_an_error_that_repeats_the_request_is_about_what_else_it_says(self, server: Server) -> None:
        prompt = "Titles: how to set top_p and temperature of a model"

        def reply(body: dict[str, Any]) -> Reply:
            detail = {"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": body}
            return Reply({"detail": [detail]}, 422) if "seed" in body else said("Tea pots")

        server.default = reply
        model = endpoint(server, PromptTemplate("Name it."), temperature=0.5)
        assert model.generate([prompt]) == [completed("Tea pots")]
        assert {"temperature", "top_p"} <= server.bodies[-1].keys()
        assert server.bodies[-1]["messages"][0]["role"] == "system"

    @pytest.mark.parametrize(
        "message",
        [
            "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later",
            "JSON mode is not enabled for models/gemma-3-27b-it",
            "'response_format.type' must be 'json_schema' or 'text'",
            "Failed to parse grammar",
        ],
    )
    def test_a_server_that_rejects_structured_output(self, message: str) -> None:
        dialect = Dialect()
        template = PromptTemplate("Name it.")
        body = dialect.body("toy", template, DecodingConfig(), "q", 24, {"type": "json_schema", "json_schema": {}})
        assert dialect.learn(body, message)
        assert not dialect.accepts("response_format")

    def test_a_validation_error_in_detail(self, server: Server) -> None:
        detail = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]

        def reply(body: dict[str, Any]) -> Reply:
            return Reply({"detail": detail}, 422) if "seed" in body else said("Tea pots")

        server.default = reply
        assert endpoint(server).generate(["q"]) == [completed("Tea pots")]


class TestReplies:
    @pytest.mark.parametrize(
        ("reply", "nbest"),
        [
            (
                choice({"content": [{"type": "text", "text": "Tea "}, {"type": "text", "text": "pots"}]}),
                completed("Tea pots"),
            ),
            (choice({"content": "Tea pots", "reasoning_content": "Hm."}), completed("Tea pots")),
            (choice({"content": "", "refusal": "I can't."}), NBest((), "the model refuses: I can't.", "refused")),
            (
                choice({"content": [{"type": "refusal", "refusal": "No."}]}),
                NBest((), "the model refuses: No.", "refused"),
            ),
            (
                choice({"content": "Tea"}, "content_filter"),
                NBest((), "the provider's content filter removed the completion", "filtered"),
            ),
            (
                choice({"content": None, "reasoning": "Hm."}),
                NBest((), "the reply has reasoning and no completion", "reasoning"),
            ),
            (
                Reply({"error": {"message": "flagged", "code": "content_filter"}}, 400),
                NBest((), "status 400: flagged", "filtered"),
            ),
            (
                Reply({"error": {"message": "no such model", "code": 404}}),
                no_completion("status 404: no such model"),
            ),
        ],
    )
    def test_fields_of_providers(self, server: Server, reply: Reply, nbest: NBest) -> None:
        server.script = {"q": [reply]}
        assert endpoint(server).generate(["q"]) == [nbest]
        assert server.tries["q"] == 1

    @pytest.mark.parametrize(
        "message",
        [
            {"content": ["Tea ", "pots"]},
            {"content": {"text": "Tea pots"}},
            {"content": [{"type": "text", "text": {"value": "Tea pots"}}]},
            {"content": [{"type": "text", "text": None}, {"type": "text", "text": "Tea pots"}]},
        ],
    )
    def test_forms_of_content(self, server: Server, message: dict[str, Any]) -> None:
        server.script = {"q": [choice(message)]}
        assert endpoint(server, retries=0).generate(["q"]) == [completed("Tea pots")]

    @pytest.mark.parametrize(
        "message",
        [
            {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"name": "Tea pots"}'}}]},
            {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"name": "Tea pots"}}}]},
            {"content": None, "function_call": {"name": "f", "arguments": '{"name": "Tea pots"}'}},
        ],
    )
    def test_arguments_of_a_function(self, server: Server, message: dict[str, Any]) -> None:
        server.script = {"q": [choice(message, "tool_calls")]}
        assert endpoint(server, retries=0).generate(["q"]) == [completed('{"name": "Tea pots"}')]

    def test_details_of_reasoning_without_a_completion(self, server: Server) -> None:
        server.script = {"q": [choice({"content": None, "reasoning_details": [{"text": "Hm."}]})]}
        assert endpoint(server, retries=0).generate(["q"])[0].reason == "reasoning"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply({"choices": [{"finish_reason": "content_filter", "message": None}]}),
            Reply({"choices": [{"finish_reason": "content_filter"}]}),
            choice({"content": "Tea"}, "content_filter: SAFETY"),
            choice({"content": "Tea"}, "PROHIBITED_CONTENT"),
            choice({"content": "Tea"}, "guardrail_intervened"),
            Reply({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}),
            Reply({"choices": [{"message": {"content": ""}, "content_filter_results": {"hate": {"filtered": True}}}]}),
            Reply(
                {"choices": None, "output_sensitive": True, "base_resp": {"status_code": 1027, "status_msg": "敏感"}}
            ),
            Reply({"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}, 400),
            Reply({"error": {"message": "系统检测到输入或生成内容可能包含不安全或敏感内容", "code": "1301"}}, 400),
            Reply({"error": {"message": "Your input was flagged for violence", "code": 403}}, 403),
            Reply({"error": {"message": "Content Exists Risk"}}),
        ],
    )
    def test_filtered_replies(self, server: Server, reply: Reply) -> None:
        server.script = {"q": [reply]}
        assert endpoint(server).generate(["q"])[0].reason == "filtered"
        assert server.tries["q"] == 1

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"error": {"message": "Access denied"}}, "Access denied"),
            ({"code": 7, "message": "No access to toy"}, "No access to toy"),
            ({"detail": [{"loc": ["body", "n"], "msg": "too small"}]}, "body.n: too small"),
            ([{"error": {"message": "API key not valid"}}], "API key not valid"),
            (
                {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error": {"message": "no"}}'}}},
                "Provider returned error: no",
            ),
            ({"error": {"message": "Key sk-proj-0123…cdef has no access"}}, "Key *** has no access"),
        ],
    )
    def test_an_error_is_shown_in_the_words_of_the_provider(self, server: Server, body: Any, words: str) -> None:
        server.script = {"q": [Reply(body, 403)]}
        model = OpenAIEndpoint(server.url, "toy", key="sk-proj-0123456789abcdef")
        assert model.generate(["q"]) == [no_completion(f"status 403: {words}")]

    def test_a_reply_that_was_cut_gets_room(self, server: Server) -> None:
        server.script = {"q": [choice({"content": "<think>\nHm"}, "length"), said("<think>\nHm.\n</think>\nTea pots")]}
        model = endpoint(server, retries=0, concurrency=1)
        assert model.generate(["q", "other"]) == [completed("Tea pots"), completed("answer to other")]
        assert [body["max_tokens"] for body in server.bodies] == [24, ROOM[0], ROOM[0]]

    def test_a_reply_that_does_not_end_is_no_completion(self, server: Server) -> None:
        server.script = {"q": [choice({"content": "Tea pots and"}, "length")]}
        assert endpoint(server).generate(["q"]) == [NBest((), "the reply does not end within 4096 tokens", "cut")]
        assert [body["max_tokens"] for body in server.bodies] == [24, *ROOM]

    def test_a_reply_that_ends_because_it_repeats_itself_is_cut(self, server: Server) -> None:
        server.script = {
            "q": [choice({"content": "Tea pots and tea pots and"}, "repetition_truncation"), said("Tea pots")]
        }
        assert endpoint(server, retries=0).generate(["q"]) == [completed("Tea pots")]

    @pytest.mark.parametrize(
        "body",
        [
            {"model": "toy", "message": {"role": "assistant", "content": "Tea pots"}, "done": True},
            {"type": "message", "content": [{"type": "text", "text": "Tea pots"}]},
            {"object": "response", "output": [{"type": "message", "content": []}]},
        ],
    )
    def test_a_completion_in_another_format_is_not_requested_again(self, server: Server, body: Any) -> None:
        server.script = {"q": [Reply(body)]}
        (nbest,) = endpoint(server, retries=2).generate(["q"])
        assert nbest.failure.startswith("the reply is not in the format of OpenAI")
        assert server.tries["q"] == 1

    def test_a_first_line_that_is_whole_needs_no_room(self, server: Server) -> None:
        server.script = {"q": [choice({"content": "Tea pots\n\nThis is because"}, "length")]}
        assert endpoint(server).generate(["q"]) == [completed("Tea pots\n")]
        assert server.tries["q"] == 1

    def test_a_server_without_room_cuts_the_reply(self, server: Server) -> None:
        too_large = failed(400, "max_tokens is too large: 512. This model supports at most 256 tokens")
        server.script = {"q": [choice({"content": "Tea"}, "length"), too_large]}
        assert endpoint(server).generate(["q"]) == [NBest((), "the reply does not end within 512 tokens", "cut")]


class TestStructuredOutput:
    """For replies that are no completions: here those that begin with `Hm`."""

    @staticmethod
    def model(server: Server) -> OpenAIEndpoint:
        return OpenAIEndpoint(
            server.url,
            "toy",
            limits=ClientLimits(retries=0, concurrency=1),
            key="",
            check=lambda _, text: "no_name" if text.startswith("Hm") else "refused" if text == "No" else "",
        )

    def test_it_makes_a_completion(self, server: Server) -> None:
        server.default = lambda body: said('{"completion": "Tea pots"}' if "response_format" in body else "Hm, tea")
        assert self.model(server).generate(["a"]) == [completed("Tea pots")]
        assert len(server.bodies) == 2

    def test_a_server_without_it_is_requested_once(self, server: Server) -> None:
        server.default = rejecting("response_format", "Unknown parameter: response_format")
        server.script = {"a": [said("Hm"), failed(400, "Unknown parameter: response_format"), said("Hm")]}
        assert self.model(server).generate(["a", "b"]) == [completed("Hm"), completed("Tea pots")]
        assert server.tries == {"a": 3, "b": 1}

    def test_a_server_that_ignores_it_is_requested_once(self, server: Server) -> None:
        server.default = lambda _: said("Hm")
        assert self.model(server).generate(["a", "b"]) == [completed("Hm")] * 2
        assert server.tries == {"a": 2, "b": 1}

    def test_a_reply_is_compared_with_the_sources_of_its_prompt(self, server: Server) -> None:
        model = OpenAIEndpoint(
            server.url, "toy", key="", check=lambda sources, text: "" if text in sources else "no_name"
        )
        server.default = lambda body: said('{"completion": "Other"}' if "response_format" in body else "Tea")
        batches = model.generate_checked(["a", "b"], [["Tea"], ["Pots"]])
        assert collect_batches(batches) == [completed("Tea"), completed("Other")]

    def test_a_refusal_is_left(self, server: Server) -> None:
        server.default = lambda _: said("No")
        assert self.model(server).generate(["a"]) == [completed("No")]
        assert server.tries == {"a": 1}


class TestQuota:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, 429),
            Reply({"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}}, 402),
            Reply({"error": {"message": "Your credit balance is too low", "type": "invalid_request_error"}}, 400),
        ],
    )
    def test_it_ends_the_job_with_the_words_of_the_provider(self, server: Server, reply: Reply, tmp_path: Any) -> None:
        server.script = {"b": [reply]}
        prompts = ["a", "b", *(f"{number}" for number in range(30))]
        rows = [
            {"content_hash": f"{number:064x}", "prompt": prompt, "sources": []} for number, prompt in enumerate(prompts)
        ]
        batch = pa.RecordBatch.from_pylist(rows, PROMPTS)
        from schemas import GENERATIONS

        checkpoint = RowCheckpoint(str(tmp_path), GENERATIONS)
        message = reply.body["error"]["message"]
        with pytest.raises(ModelUnavailableError, match=rf"language model toy at http.*: status \d+: {message}"):
            complete_batch(batch, endpoint(server, concurrency=1), checkpoint)
        assert server.tries == {"a": 1, "b": 1}
        kept = checkpoint.read(batch["content_hash"])
        assert [text for rows in [kept] for text in rows["text"].to_pylist()] == ["answer to a"]

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
            (429, {"error": {"code": "1113", "message": "您的账户已欠费"}}),
            (403, {"error": {"message": "Your team has used all available credits or reached its spending limit."}}),
            (403, {"error": {"message": "Key limit exceeded (total limit).", "code": 403}}),
            (403, {"error": {"code": "AllocationQuota.FreeTierOnly", "message": "The free tier is exhausted."}}),
            (400, {"error": {"code": "Arrearage", "message": "Access denied."}}),
            (429, {"error": {"message": "You've reached your usage limit for this month"}}),
            (429, {"error": {"message": "Monthly spending limit reached"}}),
            (412, {"error": {"message": "Account is suspended, possibly due to reaching the monthly spending limit"}}),
            (429, {"error": {"message": "You have exceeded your monthly included credits for Inference Providers"}}),
            (429, {"error": {"message": "Free allocated quota exceeded.", "code": "Throttling.AllocationQuota"}}),
            (401, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}}),
            (429, {"message": "You are using a Trial key, which is limited to 1000 API calls / month."}),
            (400, {"error": {"message": "You have reached your specified API usage limits."}}),
            (429, {"error": {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits"}}),
            (200, {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
            (200, {"error": {"message": "insufficient credits", "code": 402}}),
        ],
    )
    def test_quotas_of_providers(self, server: Server, status: int, body: dict[str, Any]) -> None:
        server.script = {"q": [Reply(body, status)]}
        (found,) = endpoint(server, retries=0).generate(["q"])
        assert found.reason == "quota"
        error = body.get("error", body)
        assert error.get("message", "insufficient balance") in found.failure
        assert server.tries["q"] == 1

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (
                429,
                {
                    "message": "Rate limit reached for requests. Limit: 3 / min. Please add a payment method to your "
                    "account. Visit https://platform.openai.com/account/billing to add a payment method.",
                    "code": "rate_limit_exceeded",
                },
            ),
            (429, {"message": "Need more tokens? Upgrade to Dev Tier at https://console.groq.com/settings/billing"}),
            (429, {"message": "Quota exceeded for aiplatform.googleapis.com/requests_per_minute_per_project"}),
            (429, {"message": "Quota exceeded for requests per minute.", "code": "quota_exceeded"}),
            (429, {"message": "Resource has been exhausted (e.g. check quota)."}),
            (429, {"message": "Allocated quota exceeded, please increase it.", "code": "Throttling.AllocationQuota"}),
            (429, {"message": "you've reached your hourly usage limit, please upgrade to continue"}),
            (429, {"message": "You are using a Trial key, which is limited to 20 API calls / minute."}),
            (498, {"message": "Flex tier capacity exceeded"}),
            (403, {"message": "rate limit exceeded"}),
        ],
    )
    def test_a_limit_of_each_minute_is_no_quota(self, server: Server, status: int, error: dict[str, Any]) -> None:
        server.script = {"q": [Reply({"error": error}, status), said("at last")]}
        assert endpoint(server, retries=1).generate(["q"]) == [completed("at last")]

    def test_a_limit_of_each_minute_in_a_successful_response(self, server: Server) -> None:
        body = {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit exceeded"}}
        server.script = {"q": [Reply(body), said("at last")]}
        assert endpoint(server, retries=1).generate(["q"]) == [completed("at last")]

    def test_a_request_above_the_limit_of_each_minute_is_not_tried_again(self, server: Server) -> None:
        error = {"message": "Request too large on tokens per minute (TPM)", "code": "rate_limit_exceeded"}
        server.script = {"q": [Reply({"error": error}, 413)]}
        assert endpoint(server).generate(["q"])[0].reason == "failed"
        assert server.tries["q"] == 1

    def test_a_title_about_money_is_no_quota(self, server: Server) -> None:
        detail = [{"loc": ["body"], "msg": "Field required", "input": "Titles: Insufficient funds, a documentary"}]
        server.script = {"q": [Reply({"detail": detail}, 400)]}
        assert endpoint(server).generate(["q", "other"]) == [
            no_completion("status 400: body: Field required"),
            completed("answer to other"),
        ]

    def test_a_limit_of_each_minute_in_the_words_of_a_quota_is_waited_for(self, server: Server) -> None:
        message = "You exceeded your current quota, please check your plan and billing details."
        server.script = {"q": [failed(429, message, Retry_After="0.05"), said("at last")]}
        assert endpoint(server, retries=0).generate(["q"]) == [completed("at last")]


def test_an_error_in_a_successful_response_is_followed(server: Server) -> None:
    error = {"message": "slow down, please try again in 60ms", "code": 429}
    server.script = {"q": [Reply({"error": error}), said("at last")]}
    assert endpoint(server, retries=0).generate(["q"]) == [completed("at last")]
    assert server.times[1] - server.times[0] >= 0.06


def test_a_requested_wait_of_nothing_costs_a_retry(server: Server) -> None:
    server.script = {"q": [failed(429, "busy", Retry_After="0")]}
    assert endpoint(server, retries=1).generate(["q"]) == [no_completion("status 429: busy, after 2 tries")]


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "7"}, "", 7.0),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, "", 1.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, "", 360.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"}, "", 0.12),
        (
            {
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m1.5s",
            },
            "",
            61.5,
        ),
        ({"RateLimit-Reset": "20"}, "", 20.0),
        ({"X-RateLimit-Reset": "1000000010", "Date": "Sun, 09 Sep 2001 01:46:40 GMT"}, "", 10.0),
        ({"X-RateLimit-Reset": "1000000010000", "Date": "Sun, 09 Sep 2001 01:46:40 GMT"}, "", 10.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2001-09-09T01:46:50Z",
                "Date": "Sun, 09 Sep 2001 01:46:40 GMT",
            },
            "",
            10.0,
        ),
        ({}, "Rate limit reached for requests. Please try again in 10s.", 10.0),
        ({}, "Please try again in 1m30.5s", 90.5),
        ({}, "Try again in 350ms", 0.35),
        ({}, "Too many requests, retry after 20 seconds", 20.0),
        ({}, '{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}', 34.0),
        ({}, "Please wait 2 minutes before trying again", 120.0),
        ({"Retry-After": "10s"}, "", 10.0),
        ({"Retry-After": "1000000010", "Date": "Sun, 09 Sep 2001 01:46:40 GMT"}, "", 10.0),
        ({"x-ms-retry-after-ms": "2000", "Retry-After": "9"}, "", 2.0),
        ({"x-retry-after": "4"}, "", 4.0),
        ({"RateLimit": '"burst";r=3;t=1, "default";r=0;t=30'}, "", 30.0),
        ({"RateLimit": "limit=100, remaining=0, reset=30"}, "", 30.0),
        ({"ratelimitbysize-remaining": "0", "ratelimitbysize-reset": "20"}, "", 20.0),
        ({"ratelimit-reset": "PT20S"}, "", 20.0),
        ({}, '{"retry_after": 12.5}', 12.5),
        ({}, '{"retryAfter":5}', 5.0),
        ({}, '{"retry_after_ms": 500}', 0.5),
        ({}, "Retry-After: 15", 15.0),
        ({}, "Limit resets in 45 seconds", 45.0),
        ({}, "Slow down. Retry in: 5s", 5.0),
        ({}, "请10秒后再试", 10.0),
        ({}, "2分後に再試行してください", 120.0),
        ({}, "1시간 후에 다시 시도하세요", 3600.0),
        ({}, "Try again in a minute", 60.0),
        ({}, "Try again in 1 minute and 30 seconds", 90.0),
        ({}, "try again in PT1M10S", 70.0),
        ({}, "try again in 00:01:30", 90.0),
        ({}, "try again in 2 days", 172_800.0),
        ({}, "try again in a few seconds", None),
        ({}, "Too many requests", None),
        ({}, "Limit of 60s and 5 requests", None),
        ({"x-ratelimit-reset-requests": "soon"}, "", None),
    ],
)
def test_waits_that_providers_request(headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert requested_wait(headers, message) == (seconds if seconds is None else pytest.approx(seconds))


def test_a_time_without_the_clock_of_the_server_is_compared_with_that_of_this_machine() -> None:
    until = f"{time.time() + 20:.0f}"
    assert requested_wait({"X-RateLimit-Reset": until}) == pytest.approx(20, abs=5)
    assert requested_wait({"Retry-After": formatdate(time.time() + 20, usegmt=True)}) == pytest.approx(20, abs=5)
    assert requested_wait({"X-RateLimit-Reset": "1000000010"}) is None


def test_what_remains_of_a_limit() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "5s",
        "x-ratelimit-limit-tokens": "9",
    }
    assert remaining_requests(headers) == 3
    assert wait_until_reset(headers) is None
    assert remaining_requests({}) is None


class LimitedServer:
    """Accepts some requests in each window of time, which begins with the first of them; rejects the others."""

    def __init__(self, server: Server, number: int, seconds: float, says: str) -> None:
        self.accepted: list[float] = []
        self.rejected = 0
        self.number, self.seconds, self.says = number, seconds, says
        self._lock = threading.Lock()
        server.default = self.reply

    def reply(self, body: dict[str, Any]) -> Reply:
        with self._lock:
            now = time.monotonic()
            recent = [start for start in self.accepted if now - start < self.seconds]
            reset = self.seconds - (now - recent[0]) if recent else 0.0
            if len(recent) >= self.number:
                self.rejected += 1
                return self._rejection(reset)
            self.accepted.append(now)
            left = self.number - len(recent) - 1
            reset = self.seconds - (now - recent[0]) if recent else self.seconds
            reply = said(f"answer to {prompt_of(body)}")
            return reply._replace(headers=self._headers(left, reset)) if self.says == "headers" else reply

    @staticmethod
    def _headers(left: int, reset: float) -> dict[str, str]:
        return {"x-ratelimit-remaining-requests": f"{left}", "x-ratelimit-reset-requests": f"{reset:.3f}s"}

    def _rejection(self, reset: float) -> Reply:
        if self.says == "headers":
            return failed(429)._replace(headers=self._headers(0, reset))
        if self.says == "retry_after":
            return failed(429, Retry_After=f"{reset:.3f}")
        if self.says == "message":
            return failed(429, f"Rate limit reached. Please try again in {reset * 1000:.0f}ms.")
        return failed(429, "too many")


@pytest.mark.parametrize("seconds", [0.2, pytest.param(20.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("says", "max_rejected"), [("headers", 8), ("retry_after", 20), ("message", 20), ("nothing", 60)]
)
def test_a_server_that_limits_the_rate_completes_all_prompts(
    server: Server, says: str, max_rejected: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of 3 requests in some seconds, and 8 threads; only a server that does not say how long costs retries."""
    monkeypatch.setattr("transforms.language_models.rate_limiter.FIRST_BACKOFF", seconds / 40)
    limited = LimitedServer(server, 3, seconds, says)
    prompts = [f"{number}" for number in range(12)]
    model = endpoint(server, concurrency=8, retries=5 if says == "nothing" else 0)
    assert model.generate(prompts) == [completed(f"answer to {prompt}") for prompt in prompts]
    assert limited.rejected <= max_rejected


def test_one_request_at_a_time_follows_a_pause() -> None:
    rate = RateLimiter(ClientLimits(concurrency=4))
    rate.pause(0.01)
    opened, maximum, lock = 0, 0, threading.Lock()
    ready = threading.Barrier(4)

    def request() -> None:
        nonlocal opened, maximum
        ready.wait()
        with rate.acquire():
            with lock:
                opened += 1
                maximum = max(maximum, opened)
            time.sleep(0.02)
            with lock:
                opened -= 1

    threads = [threading.Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert maximum == 1
    rate.succeed()
    rate.succeed()
    with rate.acquire(), rate.acquire():
        pass
