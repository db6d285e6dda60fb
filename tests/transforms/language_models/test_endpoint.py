"""A model behind an endpoint, against a real server on this machine."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.transforms.beam_testing import create, run_graph
from tests.transforms.language_models.completions import completed, no_completion
from tests.transforms.language_models.endpoint_server import CLOSED, Reply, Server, failed, said, serving
from transforms.columnar import concatenate
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.endpoint_dialect import Dialect
from transforms.language_models.endpoint_limits import retry_after
from transforms.language_models.endpoint_name import KEY_VARIABLE
from transforms.language_models.generate import PROMPTS, GenerateTexts
from transforms.language_models.interface import NBest
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.rate_limiter import FIRST_BACKOFF, MAX_BACKOFF, backoff
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.model_files import ModelUnavailableError

KEY = "sk-very/secret+0123456789"
DIALOGUE = PromptTemplate("Name it.", (("red pot", "Pots"), ("blue car", "Cars")))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.language_models.rate_limiter.FIRST_BACKOFF", 0.01)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def endpoint(server: Server, template: PromptTemplate | None = None, key: str = "", **limits: Any) -> OpenAIEndpoint:
    return OpenAIEndpoint(
        server.url, "toy", template, None, ClientLimits(**{"timeout": 10.0, "retries": 2} | limits), key
    )


def body_of(decoding: DecodingConfig, prompt: str) -> dict[str, Any]:
    return Dialect().body("toy", DIALOGUE, decoding, prompt, decoding.max_new_tokens)


def cut(text: str | None, **message: Any) -> Reply:
    """A chat completion that reached the maximum number of tokens."""
    return Reply({"choices": [{"message": {"content": text, **message}, "finish_reason": "length"}]})


class TestAsking:
    def test_completions_come_in_the_order_of_the_prompts(self, server: Server) -> None:
        prompts = [f"question {number}" for number in range(40)]
        server.script = {prompt: [said(f"answer to {prompt}", 0.05)] for prompt in prompts[::7]}
        assert endpoint(server).generate(prompts) == [completed(f"answer to {prompt}") for prompt in prompts]
        assert endpoint(server).generate([]) == []

    def test_what_is_sent(self, server: Server) -> None:
        decoding = DecodingConfig(max_new_tokens=7, temperature=0.5, top_p=0.9, seed=3)
        OpenAIEndpoint(server.url, "owner/toy", DIALOGUE, decoding).generate(["grüne Kanne"])
        (body,) = server.bodies
        assert server.paths == ["/v1/chat/completions"]
        assert body.pop("seed") in range(2**31)
        assert body == {
            "model": "owner/toy",
            "messages": [
                {"role": "system", "content": "Name it."},
                {"role": "user", "content": "red pot"},
                {"role": "assistant", "content": "Pots"},
                {"role": "user", "content": "blue car"},
                {"role": "assistant", "content": "Cars"},
                {"role": "user", "content": "grüne Kanne"},
            ],
            "max_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
        }
        assert "top_p" not in body_of(DecodingConfig(), "q")
        assert body_of(DecodingConfig(temperature=1.0), "q")["top_p"] == 1.0

    def test_a_seed_depends_on_the_prompt_and_the_seed_alone(self, server: Server) -> None:
        def seeds(seed: int, *prompts: str) -> dict[str, int]:
            bodies = [body_of(DecodingConfig(seed=seed), prompt) for prompt in prompts]
            return {body["messages"][-1]["content"]: body["seed"] for body in bodies}

        assert seeds(0, "a", "b")["b"] == seeds(0, "b")["b"]
        assert len({*seeds(0, "a", "b").values(), *seeds(1, "a", "b").values()}) == 4

    @pytest.mark.parametrize(
        ("text", "completion"),
        [
            ("Tea pots", "Tea pots"),
            ("\n\nTea pots\nand more\n", "Tea pots\nand more"),
            ("<think>\nWhat is it?\n</think>\n\nTea pots", "Tea pots"),
        ],
    )
    def test_the_whole_text_without_reasoning_is_the_completion(
        self, server: Server, text: str, completion: str
    ) -> None:
        server.script = {"q": [said(text)]}
        assert endpoint(server).generate(["q"]) == [completed(completion)]

    def test_no_cookie_is_kept(self, server: Server) -> None:
        server.script = {"q": [said("a")._replace(headers={"Set-Cookie": "session=1"})]}
        asking = endpoint(server)
        assert asking.generate(["q"]) == asking.generate(["q"]) == [completed("a")]
        assert not any("Cookie" in headers for headers in server.headers)


class TestFailing:
    @pytest.mark.parametrize(
        ("reply", "reported"),
        [
            (failed(500), "status 500: out of order"),
            (Reply("<html>\n  busy\n</html>", 503), "status 503: <html> busy </html>"),
            (failed(408), "status 408: out of order"),
            (CLOSED, "no reply: RemoteDisconnected"),
            (Reply("so{sorry"), "the reply is not JSON"),
            (Reply(""), "the reply is not JSON"),
            (Reply([]), "the reply is not a chat completion"),
            (Reply({"choices": []}), "the reply is not a chat completion"),
            (Reply({"choices": [{"text": "old"}]}), "the reply is not a chat completion"),
            (said([7]), "the reply is not a chat completion"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_may_pass_is_tried_again(self, server: Server, reply: Reply, reported: str) -> None:
        server.script = {"passes": [reply, said("at last")], "stays": [reply]}
        responses = endpoint(server, retries=1).generate(["before", "passes", "stays", "after"])
        assert responses == [
            completed("answer to before"),
            completed("at last"),
            no_completion(f"{reported}, after 2 tries"),
            completed("answer to after"),
        ]
        assert server.tries == {"before": 1, "passes": 2, "stays": 2, "after": 1}

    def test_a_server_that_limits_the_rate_for_ever_is_given_up(self, server: Server) -> None:
        server.default = lambda _: failed(429)
        assert endpoint(server, retries=1).generate(["q"]) == [no_completion("status 429: out of order, after 2 tries")]

    @pytest.mark.parametrize("content", [None, " \n"])
    def test_an_empty_completion_is_requested_again(self, server: Server, content: str | None) -> None:
        server.script = {"passes": [said(content), said("at last")], "stays": [said(content)]}
        assert endpoint(server, retries=1).generate(["passes", "stays"]) == [
            completed("at last"),
            NBest((), "an empty completion, after 2 tries", "blank"),
        ]

    def test_a_server_that_hangs_is_not_waited_for(self, server: Server) -> None:
        server.script = {"passes": [said("too late", 2.5), said("at last")], "stays": [said("too late", 2.5)]}
        responses = endpoint(server, timeout=0.75, retries=1).generate(["before", "passes", "stays", "after"])
        assert responses == [
            completed("answer to before"),
            completed("at last"),
            no_completion("no reply within 0.75 seconds, after 2 tries"),
            completed("answer to after"),
        ]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_what_the_server_refuses_is_not_tried_again(self, server: Server, status: int) -> None:
        server.script = {"bad": [failed(status, "too long")]}
        bad, good = endpoint(server).generate(["bad", "good"])
        assert bad == no_completion(f"status {status}" + ("" if status == 401 else ": too long"))
        assert good == completed("answer to good")
        assert server.tries["bad"] == 1

    def test_without_retries_each_prompt_is_put_once(self, server: Server) -> None:
        server.script = {"q": [failed(500)]}
        assert endpoint(server, retries=0).generate(["q"]) == [no_completion("status 500: out of order")]
        assert server.tries["q"] == 1

    def test_a_server_that_is_not_there_fails_each_prompt_in_the_same_words(self) -> None:
        with socket.socket() as taken:  # bound, but not listening
            taken.bind(("127.0.0.1", 0))
            asking = OpenAIEndpoint(f"http://127.0.0.1:{taken.getsockname()[1]}", "toy", limits=ClientLimits(retries=1))
            responses = asking.generate(["a", "b"])
            assert responses == [no_completion("no reply: Connection refused, after 2 tries")] * 2
            with pytest.raises(
                ModelUnavailableError, match=r"language model toy at http://127.*: no reply: Connection refused"
            ):
                asking.ping()

    def test_what_no_one_foresaw_costs_its_prompt_alone(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        asking = endpoint(server, key=KEY)
        request = asking._session.request

        def raising(*given: Any, **named: Any) -> requests.Response:
            if named["json"]["messages"][-1]["content"] == "odd":
                raise RuntimeError(f"0x7f {KEY}")
            return request(*given, **named)

        monkeypatch.setattr(asking._session, "request", raising)
        assert asking.generate(["odd", "good"]) == [
            no_completion("the request fails with RuntimeError"),
            completed("answer to good"),
        ]

    def test_redirects_are_followed_but_not_forever(self, server: Server) -> None:
        server.script = {
            "moved": [Reply("", 307, {"Location": f"{server.url}/elsewhere"}), said("found")],
            "round": [Reply("", 307, {"Location": f"{server.url}/round"})],
        }
        assert endpoint(server).generate(["moved", "round"]) == [
            completed("found"),
            no_completion("too many redirects"),
        ]


class TestPace:
    def test_never_more_at_once_than_allowed(self, server: Server) -> None:
        server.default = lambda _: said("a", 0.02)
        asking = endpoint(server, concurrency=3)
        callers = [threading.Thread(target=asking.generate, args=([f"{n} {m}" for m in range(10)],)) for n in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(server.bodies) == 20
        assert 2 <= server.maximum_open <= 3

    def test_never_faster_than_allowed(self, server: Server) -> None:
        started = time.monotonic()
        endpoint(server, requests_per_second=20).generate([f"{number}" for number in range(9)])
        assert max(server.times) - started >= 8 / 20 - 0.02
        assert len(server.bodies) == 9

    def test_all_wait_as_long_as_the_server_requests(self, server: Server) -> None:
        server.script = {"q": [failed(429, Retry_After="1"), said("at last")]}
        asking = endpoint(server, concurrency=1)
        assert asking.generate(["q", "other"]) == [completed("at last"), completed("answer to other")]
        assert server.times[1] - server.times[0] >= 0.98

    def test_a_very_long_wait_is_a_failure(self, server: Server) -> None:
        server.script = {"q": [failed(429, "quota", Retry_After="3600")]}
        reported = "status 429: quota; the server requests a wait of 3600 seconds"
        assert endpoint(server).generate(["q", "other"]) == [no_completion(reported), completed("answer to other")]
        assert server.tries["q"] == 1

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Retry-After": "7"}, 7.0),
            ({"Retry-After": "0.5"}, 0.5),
            ({"Retry-After": "-1"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
            ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:49 GMT"}, 10.0),
            ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:59 -0100"}, 0.0),
        ],
    )
    def test_the_wait_that_a_server_requests(self, headers: dict[str, str], seconds: float | None) -> None:
        response = requests.Response()
        response.headers.update(headers)
        assert retry_after(response.headers) == seconds

    def test_waits_grow_and_differ_by_prompt_but_not_by_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("transforms.language_models.rate_limiter.FIRST_BACKOFF", FIRST_BACKOFF)
        for attempt in range(1, 100):
            full = min(FIRST_BACKOFF * 2.0 ** (attempt - 1), MAX_BACKOFF)
            assert full / 2 <= backoff(attempt, "q") <= full
        assert len({backoff(1, f"{number}") for number in range(20)}) == 20
        assert backoff(2, "tea \ud800") == backoff(2, "tea \ud800")


class TestKey:
    def test_the_key_is_sent_and_never_printed(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        monkeypatch.setenv(KEY_VARIABLE, f" {KEY}\n")
        padded = "x" * 190 + KEY
        server.script = {
            "repeats": [failed(400, f"wrong: {KEY}")],
            "cut": [failed(400, padded)],
            "raw": [Reply(f"no {KEY}", 500)],
            "denied": [failed(401, f"wrong key: {KEY[:12]}...")],
        }
        spec = GenerationSpec(parse_model_spec(f"{server.url}#toy"), limits=ClientLimits(retries=1))
        model = spec.load()
        responses = model.generate(["good", *server.script])
        assert responses[:2] == [completed("answer to good"), no_completion("status 400: wrong: ***")]
        assert responses[-1] == no_completion("status 401")
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        assert "sk-" not in f"{responses} {caplog.text} {spec!r} {model!r}"

    def test_without_a_key_none_is_sent(self, server: Server) -> None:
        endpoint(server).generate(["q"])
        assert not any("Authorization" in headers for headers in server.headers)

    def test_the_key_does_not_follow_to_another_host(self, server: Server) -> None:
        with serving() as other:
            server.script = {"q": [Reply("", 307, {"Location": f"{other.url.replace('127.0.0.1', 'localhost')}/chat"})]}
            assert endpoint(server, key=KEY).generate(["q"]) == [completed("answer to q")]
            assert not any("Authorization" in headers for headers in other.headers)

    def test_a_key_that_cannot_be_sent_is_reported_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY_VARIABLE, "sk-one\nsk-two")
        with pytest.raises(ModelUnavailableError, match=f"{KEY_VARIABLE} contains characters") as raised:
            OpenAIEndpoint("http://host", "toy")
        assert "sk-" not in str(raised.value)


class TestReaching:
    @pytest.mark.parametrize("reply", [Reply({"data": []}), failed(404), failed(405), failed(403), failed(500)])
    def test_any_word_of_a_server_will_do(self, server: Server, reply: Reply) -> None:
        server.models = reply
        endpoint(server).ping()
        assert server.paths == ["/v1/models"]

    def test_it_is_done_once_before_the_first_prompt(self, server: Server) -> None:
        model = GenerationSpec(parse_model_spec(f"{server.url}#toy")).load()
        assert model.generate([]) == []
        assert server.paths == []
        assert model.generate(["a"]) + model.generate(["b"]) == [completed("answer to a"), completed("answer to b")]
        assert server.paths == ["/v1/models", *["/v1/chat/completions"] * 2]

    def test_a_server_that_is_not_there_is_looked_for_again_by_the_next_chunk(self, server: Server) -> None:
        model = GenerationSpec(parse_model_spec(f"{server.url}#toy"), limits=ClientLimits(retries=0)).load()
        server.models = CLOSED
        with pytest.raises(ModelUnavailableError, match="no reply: RemoteDisconnected"):
            model.generate(["a"])
        server.models = Reply({})
        assert model.generate(["a"]) == [completed("answer to a")]

    def test_a_server_that_is_not_ready_is_reported(self, server: Server) -> None:
        server.models = failed(503, "loading")
        with pytest.raises(ModelUnavailableError, match=r"toy at http.*: status 503: loading, after 3 tries"):
            endpoint(server).ping()

    def test_a_key_that_is_not_taken_is_reported(self, server: Server) -> None:
        server.models = failed(401, f"wrong key {KEY}")
        with pytest.raises(
            ModelUnavailableError, match=rf"status 401: the key in .* {KEY_VARIABLE} is rejected"
        ) as raised:
            endpoint(server, key=KEY).ping()
        assert KEY not in str(raised.value)


def test_prompts_of_a_graph(server: Server) -> None:
    server.script = {"q3": [failed(400, "no")]}
    spec = GenerationSpec(parse_model_spec(f"{server.url}#toy"), DIALOGUE)
    rows = [{"content_hash": f"{number:064x}", "prompt": f"q{number}", "sources": []} for number in range(6)]
    batch = concatenate([], PROMPTS).from_pylist(rows, PROMPTS)

    def build(pipeline: Any) -> dict[str, Any]:
        generated = create(pipeline, "Create", [batch]) | GenerateTexts(spec, buckets=2)
        return {"generations": generated.generations, "errors": generated.errors}

    out = run_graph(build)
    texts = [text for rows in out["generations"] for text in rows["text"].to_pylist()]
    assert sorted(texts) == [f"answer to q{number}" for number in range(6) if number != 3]
    assert [rows["payload"].to_pylist() for rows in out["errors"]] == [["status 400: no\nq3"]]
    assert max(server.tries.values()) == 1


class TestName:
    @pytest.mark.parametrize(
        ("text", "url", "model"),
        [
            ("http://host:8000/v1#toy", "http://host:8000/v1", "toy"),
            ("HTTPS://host/v1/#owner/toy:7b", "https://host/v1", "owner/toy:7b"),
            ("http://[::1]:80#toy", "http://[::1]:80", "toy"),
            ("http://host/v1/chat/completions#toy", "http://host/v1", "toy"),
        ],
    )
    def test_an_endpoint_is_known_by_its_address(self, text: str, url: str, model: str) -> None:
        spec = parse_model_spec(text)
        assert spec == ModelSpec("endpoint", model, url=url)
        assert str(spec) == f"{model} at {url}"
        assert not GenerationSpec(spec).is_shared()

    @pytest.mark.parametrize(
        ("text", "reported"),
        [
            ("http://host:8000/v1", "the name of the model is missing; allowed is http://host:port/v1#name-of-model"),
            ("http://host:8000/v1#", "the name of the model is missing; allowed is http"),
            ("http://#toy", "the host is missing; allowed is http"),
            ("http://host:port/v1#toy", "Port could not be cast"),
            ("http://[host/v1#toy", "Invalid IPv6 URL; allowed is http"),
        ],
    )
    def test_a_wrong_address_is_reported(self, text: str, reported: str) -> None:
        with pytest.raises(ValueError, match=r"^no endpoint") as refused:
            parse_model_spec(text)
        assert repr(text) in str(refused.value)
        assert reported in str(refused.value)

    @pytest.mark.parametrize(
        "text", ["http://me:secret@host#toy", "http://me:secret@host:p#toy", "http://h?k=secret#t"]
    )
    def test_secrets_in_an_address_are_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(ValueError, match=f"set its key in {KEY_VARIABLE}") as refused:
            parse_model_spec(text)
        assert "secret" not in str(refused.value)

    def test_an_adapter_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"no adapter '\./mine': it cannot be applied to the model of an endpoint"):
            parse_model_spec("http://host#toy", "./mine")

    def test_other_names_are_refused_with_endpoints_among_what_is_allowed(self) -> None:
        with pytest.raises(ValueError, match="http://host:port/v1#name-of-model"):
            parse_model_spec("nothing")

    def test_what_an_endpoint_is_called_stays_when_it_moves(self) -> None:
        def fingerprint(text: str, **limits: Any) -> str:
            return GenerationSpec(parse_model_spec(text), DIALOGUE, limits=ClientLimits(**limits)).fingerprint()

        here = fingerprint("http://host:8000/v1#toy")
        assert here == fingerprint("https://other/v1#toy", retries=0, timeout=1.0)
        assert here != fingerprint("http://host:8000/v1#toy2")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("timeout", 0.0, r"in \(0, 86400\]"),
        ("timeout", float("nan"), r"in \(0, 86400\]"),
        ("concurrency", 0, r"in \[1, 1000\]"),
        ("requests_per_second", 0.0, r"in \(0, 100000\]"),
        ("requests_per_second", float("inf"), r"in \(0, 100000\]"),
        ("retries", -1, r"in \[0, 100\]"),
    ],
)
def test_wrong_limits_are_refused(name: str, value: float, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be {allowed}, got {value}"):
        ClientLimits(**{name: value})
