"""A storage emulator as a process of its own, and a way to it on which single requests can be held or fail."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from tools.flink.toolchain import FAKE_GCS_SERVER

SECONDS_TO_START = 30
LOSE_RESPONSE = -1


def free_port() -> int:
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Emulator:
    """fake-gcs-server with its data on disk: it can be killed and started again.

    It compares generations in a lock of its own, and keeps them in attributes of its files.
    """

    def __init__(self, folder: Path) -> None:
        if not FAKE_GCS_SERVER.exists():
            pytest.fail(f"the storage emulator is not at {FAKE_GCS_SERVER}; run: make engines", pytrace=False)
        self.data = folder / "data"
        self.data.mkdir()
        self.log = folder / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._drop_what_was_not_finished()
        place = [f"-filesystem-root={self.data}", "-host=127.0.0.1", f"-port={self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [FAKE_GCS_SERVER, "-backend=filesystem", "-scheme=http", "-log-level=warn", *place],
                stdout=log,
                stderr=log,
            )
        give_up = time.monotonic() + SECONDS_TO_START
        while not self._responds():
            if self.process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"the storage emulator does not start: {self.log.read_text()}")
            time.sleep(0.02)

    def _responds(self) -> bool:
        with contextlib.suppress(OSError), urlopen(f"{self.url}/storage/v1/b", timeout=1) as response:
            return bool(response.status == 200)
        return False

    def kill(self) -> None:
        """Ends it at once, in the middle of whatever it does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def _drop_what_was_not_finished(self) -> None:
        """A real store shows an object with the end of its upload; this one may leave content without attributes."""
        for path in list(self.data.glob("*/**/*")):
            if path.is_file() and path.suffix != ".metadata" and not _has_attributes(path):
                path.unlink()

    def make_bucket(self, name: str) -> str:
        """Makes a bucket and gives its URL."""
        self._post("storage/v1/b?project=test", json.dumps({"name": name}).encode())
        return f"gs://{name}"

    def put(self, url: str, content: bytes) -> str:
        """Writes an object and gives its URL."""
        bucket, _, name = url.removeprefix("gs://").partition("/")
        self._post(f"upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}", content)
        return url

    def _post(self, path: str, content: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        with urlopen(HttpRequest(f"{self.url}/{path}", content, headers), timeout=10) as response:
            assert response.status == 200

    def files(self, url: str) -> dict[str, bytes]:
        """The objects below a URL, by the rest of their names, as they lie on the disk."""
        folder = self.data / url.removeprefix("gs://")
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".metadata"
        }


def _has_attributes(path: Path) -> bool:
    try:
        os.getxattr(path, "user.metadata")
    except OSError:
        return path.with_name(f"{path.name}.metadata").exists()
    return True


@contextlib.contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """An emulator that has started, and is ended with this context."""
    emulator = Emulator(folder)
    emulator.start()
    try:
        yield emulator
    finally:
        if emulator.process is not None:
            emulator.kill()


class Request(NamedTuple):
    """A request on its way to the emulator."""

    method: str
    path: str
    body: bytes

    def uploads(self, name: str) -> bool:
        """Whether it writes an object in whose name this occurs."""
        return "/upload/" in self.path and (name in self.path or name.encode() in self.body[:1000])


class Proxy:
    """A server before the emulator.

    Attributes:
        rule: what to do with a request: 0 passes it on, LOSE_RESPONSE also does so but then closes the connection, any
            other number is the response. It may also wait.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.rule: Callable[[Request], int] = lambda _: 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = proxy.rule(Request(self.command, self.path, body))
                if status > 0:
                    error = {"error": {"code": status, "message": "the proxy says no"}}
                    self.reply(status, {}, json.dumps(error).encode())
                    return
                try:
                    passed_on = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=30)
                    passed_on.request(self.command, self.path, body, dict(self.headers))
                    response = passed_on.getresponse()
                    content = response.read()
                    passed_on.close()
                except (OSError, http.client.HTTPException):
                    status = LOSE_RESPONSE
                if status == LOSE_RESPONSE:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.reply(response.status, dict(response.getheaders()), content)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.forward
                raise AttributeError(name)

            def reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # a client that goes away is no failure

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextlib.contextmanager
def running_proxy(emulator: Emulator) -> Iterator[Proxy]:
    """A proxy that listens, and ends with this context."""
    proxy = Proxy(emulator)
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        thread.join()
        proxy.server.server_close()


class Hold:
    """A rule that stops the n-th request of a kind until it is released."""

    def __init__(self, which: Callable[[Request], bool], number: int = 1) -> None:
        self.which = which
        self.left = number
        self.reached = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> int:
        with self.lock:
            self.left -= self.which(request)
            stop = self.left == 0 and not self.reached.is_set()
            if stop:
                self.reached.set()
        if stop:
            self.released.wait(200)
        return 0
