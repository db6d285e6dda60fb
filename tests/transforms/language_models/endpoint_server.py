"""A real server of chat completions, in this process, whose responses follow a script."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What the server sends: text, or what is made into JSON, after a wait; or nothing."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    seconds: float = 0.0
    closes: bool = False


def said(text: Any, seconds: float = 0.0) -> Reply:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    return Reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}, seconds=seconds)


def failed(status: int, message: str = "out of order", **headers: str) -> Reply:
    """An error in OpenAI's words; `retry_after` becomes Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": {"message": message, "type": "made"}}, status, named)


CLOSED = Reply(None, closes=True)


class Server(ThreadingHTTPServer):
    """Echoes the prompt, except if `script` has replies to a prompt, one after the other.

    The last one is given again and again. The requests are recorded, and how many requests were open at once.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list[Reply]] = {}
        self.models = Reply({"object": "list", "data": []})
        self.default: Callable[[dict[str, Any]], Reply] = lambda body: said(f"answer to {prompt_of(body)}")
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        self.tries: Counter[str] = Counter()
        self.maximum_open = 0
        self._open = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self._open += 1
            self.maximum_open = max(self.maximum_open, self._open)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def reply(self, body: dict[str, Any]) -> Reply:
        prompt = prompt_of(body)
        with self._lock:
            self.bodies.append(body)
            self.times.append(time.monotonic())
            tried = self.tries[prompt]
            self.tries[prompt] += 1
        replies = self.script.get(prompt)
        return replies[min(tried, len(replies) - 1)] if replies else self.default(body)

    def handle_error(self, *_: Any) -> None:
        """Clients that went away are no news."""


def prompt_of(body: dict[str, Any]) -> str:
    text: str = body["messages"][-1]["content"]
    return text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._keep()
        self._send(self.server.models)

    def do_POST(self) -> None:
        self._keep()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.counted():
            reply = self.server.reply(body)
            time.sleep(reply.seconds)
        self._send(reply)

    def _keep(self) -> None:
        self.server.paths.append(self.path)
        self.server.headers.append(dict(self.headers))

    def _send(self, reply: Reply) -> None:
        if reply.closes:
            self.close_connection = True
            return
        content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server that is there as long as the block runs."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
