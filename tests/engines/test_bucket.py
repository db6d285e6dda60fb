"""The whole of `extract` on gs://, against an emulator that compares generations and can be killed.

What a local disk shows as well is tested in `tests/transforms/datasets/test_commit.py` and `test_storage.py`.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from pipelines.common.command_line import parse_command_line
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob, output_schemas
from schemas import JOURNEYS
from tests.engines.bucket import LOSE_RESPONSE, Emulator, Hold, Proxy, Request, running_emulator, running_proxy
from tests.engines.conftest import Workspaces
from tests.pipelines.logs import ITEMS, LOG, parquet
from tests.transforms.datasets.racing import check_that_one_wins_each_round
from transforms.datasets.files import InputNotFoundError, resolve_source
from transforms.datasets.manifest import MANIFEST_NAME, Manifest
from transforms.datasets.reading import read_dataset
from transforms.datasets.storage import StorageError, VersionConflictError, open_storage

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
SECONDS = 120
"""Far more than a run takes; a run that waits for ever shall fail."""

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("emulator")) as started:
        yield started


@pytest.fixture
def proxy(emulator: Emulator) -> Iterator[Proxy]:
    with running_proxy(emulator) as started:
        yield started


@pytest.fixture
def bucket(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own, and this process talking to the emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
    return emulator.make_bucket(f"test-{uuid.uuid4().hex}")


@pytest.fixture
def inputs(emulator: Emulator, bucket: str) -> list[str]:
    """The options for a small log and its catalogue in the bucket."""
    log = emulator.put(f"{bucket}/log/day=1/rows.parquet", parquet(LOG))
    items = emulator.put(f"{bucket}/items.parquet", parquet(ITEMS))
    return [f"--interactions={log.removesuffix('/day=1/rows.parquet')}", f"--items={items}", "--parts=4"]


def started(url: str, *options: str, runner: str = "FnApiRunner") -> subprocess.Popen[str]:
    """The real command, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.extract", f"--runner={runner}", *options],
        cwd=ROOT,
        env=os.environ | {"STORAGE_EMULATOR_HOST": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    with process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except BaseException:
            process.kill()
            raise
        return process.returncode, out, err


def extract(*options: str) -> None:
    """Runs the command in this process, where it must succeed."""
    assert run_job(ExtractJob, ["--runner=FnApiRunner", *options]) == 0


def expected_files(folder: Path, *options: str) -> Files:
    """The files of a run with the same options on a local disk."""
    extract(f"--workspace={folder}", *options)
    return files_below(folder)


def files_below(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_inputs(files: Files) -> dict[str, Any]:
    """Parts as they are, manifests without what they say of paths."""
    return {
        name: _without_paths(json.loads(content)) if name.endswith(MANIFEST_NAME) else content
        for name, content in files.items()
    }


def _without_paths(manifest: dict[str, Any]) -> dict[str, Any]:
    options = dict(manifest["configuration"].get("options", {}))
    for name in ("interactions", "items"):
        options.pop(name, None)
    return manifest | {"inputs": None, "configuration": manifest["configuration"] | {"options": options}}


def check_equal(files: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Name the files that differ: a difference of their bytes, which pytest would compute, takes minutes."""
    assert files.keys() == expected.keys()
    differing = [name for name in files if files[name] != expected[name]]
    assert not differing


class TestSameBytes:
    @pytest.mark.parametrize("sample", ["online_retail", "arxiv_authors"])
    def test_as_on_a_local_disk(self, emulator: Emulator, bucket: str, workspaces: Workspaces, sample: str) -> None:
        for file in (SAMPLES / sample).iterdir():
            emulator.put(f"{bucket}/{file.stem}/{file.name}", file.read_bytes())
        remote = (f"--interactions={bucket}/interactions", f"--items={bucket}/items/*.parquet")
        code, printed, err = ended(started(emulator.url, *remote, f"--workspace={bucket}/a/b", runner="DirectRunner"))
        assert code == 0, err
        expected = files_below(workspaces(sample))
        check_equal(without_inputs(emulator.files(f"{bucket}/a/b")), without_inputs(expected))
        assert f"Written to {bucket}/a/b: salient_terms, histories, journeys, metrics, errors" in printed
        assert "journeys of user " in printed

    def test_continued(self, emulator: Emulator, bucket: str, inputs: list[str], tmp_path: Path) -> None:
        """By `--previous` into another workspace, and then into its own."""
        _, items, parts = inputs
        logs = {"before": LOG.slice(0, LOG.num_rows // 2), "after": LOG.slice(LOG.num_rows // 2)}
        for name, log in logs.items():
            emulator.put(f"{bucket}/{name}/rows.parquet", parquet(log))
        extract(f"--interactions={bucket}/before", items, parts, "--max_terms=2", f"--workspace={bucket}/first")
        for previous, workspace in (("first", "second"), ("first", "first")):
            following = [f"--interactions={bucket}/after", items, parts, f"--previous={bucket}/{previous}"]
            expected = expected_files(tmp_path / workspace, *following)
            extract(*following, f"--workspace={bucket}/{workspace}")
            check_equal(emulator.files(f"{bucket}/{workspace}"), expected)


class TestTwoWriters:
    @pytest.mark.parametrize("held", ["part-", MANIFEST_NAME])
    def test_the_first_to_commit_wins(
        self, emulator: Emulator, proxy: Proxy, bucket: str, inputs: list[str], tmp_path: Path, held: str
    ) -> None:
        """The second is stopped before its first part, or after it saw that no other run had committed."""
        workspace = f"--workspace={bucket}/out"
        extract(*inputs, workspace, "--max_terms=1")
        expected = expected_files(tmp_path / "out", *inputs, "--max_terms=2")
        proxy.rule = hold = Hold(lambda request: request.uploads(held))
        second = started(proxy.url, *inputs, workspace)
        try:
            assert hold.reached.wait(SECONDS)
            extract(*inputs, workspace, "--max_terms=2")
        finally:
            hold.released.set()
        code, _, err = ended(second)
        assert code == 1
        assert (
            f"extract failed: another run committed salient_terms to {bucket}/out since this one began; "
            "nothing was committed\n"
        ) in err
        check_equal(emulator.files(f"{bucket}/out"), expected)

    def test_of_many_writers_one_wins_each_round(self, bucket: str) -> None:
        path = f"{bucket}/file"
        check_that_one_wins_each_round(open_storage(path), path, rounds=20, writers=6)


class TestStorage:
    """The requirements of `tests/transforms/datasets/test_storage.py` for other storages."""

    def test_the_digest_of_a_file_changes_with_its_content(self, emulator: Emulator, bucket: str) -> None:
        path = emulator.put(f"{bucket}/log.parquet", b"1")
        storage = open_storage(path)
        before = storage.content_digest(path)
        emulator.put(path, b"2")
        assert storage.content_digest(path) != before
        emulator.put(path, b"1")
        assert storage.content_digest(path) == before
        with pytest.raises(StorageError, match="cannot read"):
            storage.content_digest(f"{bucket}/gone.parquet")

    def test_replace(self, emulator: Emulator, bucket: str) -> None:
        path = f"{bucket}/folder/file"
        storage = open_storage(path)
        assert storage.read(path) is None
        first = storage.replace(path, b"first", None)
        assert first == storage.read(path)
        second = storage.replace(path, b"second", first)
        assert second == storage.read(path)
        for content, expected in ((b"third", None), (b"third", first), (None, first)):
            with pytest.raises(VersionConflictError, match=path):
                storage.replace(path, content, expected)
            assert emulator.files(bucket) == {"folder/file": b"second"}
        assert storage.replace(path, b"second", first) == second
        assert storage.replace(path, None, second) is None
        assert storage.replace(path, None, second) is None
        assert emulator.files(bucket) == {}

    def test_write_list_and_delete(self, emulator: Emulator, bucket: str) -> None:
        storage = open_storage(bucket)
        large = os.urandom(9 << 20)
        for content in (b"", large):
            storage.write(f"{bucket}/a/b.parquet", content)
            assert emulator.files(bucket) == {"a/b.parquet": content}
        emulator.put(f"{bucket}/a/", b"")
        for pattern in ("a/b.parquet", "a/*", "a/**", "**", "?/b.*"):
            (file,) = storage.list_files(f"{bucket}/{pattern}")
            assert (file.path, file.size_in_bytes) == (f"{bucket}/a/b.parquet", len(large))
        assert storage.open(f"{bucket}/a/b.parquet").read() == large
        storage.delete([f"{bucket}/a/b.parquet", f"{bucket}/a/gone"])
        assert storage.list_files(f"{bucket}/**") == []

    @pytest.mark.parametrize("content", [b"second", None])
    def test_a_response_that_is_lost(
        self, emulator: Emulator, proxy: Proxy, bucket: str, monkeypatch: pytest.MonkeyPatch, content: bytes | None
    ) -> None:
        """The client repeats its request, and then learns that the file is not the one it expects."""
        path = f"{bucket}/file"
        before = open_storage(path).replace(path, b"first", None)
        lost: list[Request] = []

        def lose_once(request: Request) -> int:
            if request.method in ("POST", "DELETE") and not lost:
                lost.append(request)
                return LOSE_RESPONSE
            return 0

        proxy.rule = lose_once
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        storage = open_storage(path)
        after = storage.replace(path, content, before)
        assert lost
        assert after == storage.read(path)
        assert (after.content if after else None) == content

    def test_a_server_that_stays_away(self, emulator: Emulator, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        path = emulator.put(f"{bucket}/file", b"content")
        storage: Any = open_storage(path)
        monkeypatch.setattr(storage, "_retry", storage._retry.with_timeout(2))
        emulator.kill()
        try:
            for attempt in (lambda: storage.read(path), lambda: storage.write(path, b"new")):
                with pytest.raises(StorageError, match=rf"cannot (read|write) '{path}': no response: .*refused"):
                    attempt()
        finally:
            emulator.start()
        assert storage.read(path) is not None


class TestCutOff:
    """A client that dies in the middle of an upload leaves nothing that anybody could read."""

    BYTES = 3 << 20

    def check(self, emulator: Emulator, bucket: str) -> None:
        assert emulator.files(bucket) == {}
        assert open_storage(bucket).list_files(f"{bucket}/**") == []
        with pytest.raises(InputNotFoundError, match=f"no such file or folder: '{bucket}/log'"):
            resolve_source(f"{bucket}/log")

    def test_resumable(self, emulator: Emulator, bucket: str) -> None:
        program = f"""
import os, signal
from google.cloud import storage
blob = storage.Client.create_anonymous_client().bucket("{bucket.removeprefix("gs://")}").blob("log/x.parquet")
blob.chunk_size = 1 << 20
upload = blob.open("wb")
upload.write(b"x" * {self.BYTES})
os.kill(os.getpid(), signal.SIGKILL)
"""
        process = subprocess.run([sys.executable, "-c", program], check=False, timeout=SECONDS)
        assert process.returncode < 0
        self.check(emulator, bucket)

    def test_in_one_request(self, emulator: Emulator, bucket: str) -> None:
        place = urlsplit(emulator.url)
        metadata = json.dumps({"name": "log/x.parquet"})
        head = (
            f"POST /upload/storage/v1/b/{bucket.removeprefix('gs://')}/o?uploadType=multipart HTTP/1.1\r\n"
            f"Host: {place.netloc}\r\nContent-Length: {self.BYTES}\r\n"
            'Content-Type: multipart/related; boundary="=="\r\n\r\n'
            f"--==\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n--==\r\nContent-Type: text/plain\r\n\r\n"
        )
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(head.encode() + b"x" * (self.BYTES // 2))
        time.sleep(0.5)
        self.check(emulator, bucket)


class Reader:
    """Reads the journeys through their manifest, again and again, as somebody who serves them does.

    A version may be replaced, and its parts removed, while it is read: then the new one is read.
    """

    def __init__(self, workspace: str) -> None:
        self.folder = f"{workspace}/{JOURNEYS.name}"
        self.rows: list[int] = []
        self.failures: list[Exception] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.read)

    def read(self) -> None:
        while not self.stop.is_set():
            try:
                version = resolve_source(self.folder)
                self.rows.append(read_dataset(JOURNEYS, version).num_rows)
            except Exception as error:
                if resolve_source(self.folder) == version:
                    self.failures.append(error)
            self.stop.wait(0.05)

    def reads(self, more: int) -> None:
        """Waits until it has read some times more."""
        until, give_up = len(self.rows) + more, time.monotonic() + SECONDS
        while len(self.rows) < until:
            assert not self.failures
            assert time.monotonic() < give_up
            time.sleep(0.01)

    def __enter__(self) -> "Reader":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


class TestServerThatFails:
    def test_killed_in_the_middle_of_a_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with running_emulator(tmp_path) as emulator, running_proxy(emulator) as proxy:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
            bucket = emulator.make_bucket("bucket")
            log = emulator.put(f"{bucket}/log.parquet", parquet(LOG))
            items = emulator.put(f"{bucket}/items.parquet", parquet(ITEMS))
            options = [f"--interactions={log}", f"--items={items}", "--parts=4"]
            extract(*options, f"--workspace={bucket}/out", "--max_terms=1")
            before = emulator.files(f"{bucket}/out")
            expected = expected_files(tmp_path / "out", *options)
            proxy.rule = hold = Hold(lambda request: request.uploads("part-"), number=5)
            with Reader(f"{bucket}/out") as reader:
                job = started(proxy.url, *options, f"--workspace={bucket}/out")
                assert hold.reached.wait(SECONDS)
                reader.reads(2)
                emulator.kill()
                hold.released.set()
                time.sleep(1)
                half = emulator.files(f"{bucket}/out")
                emulator.start()
                code, _, err = ended(job)
                reader.reads(2)
            assert before.items() < half.items()
            assert not reader.failures
            assert code == 0, err
            check_equal(emulator.files(f"{bucket}/out"), expected)
            extract(*options, f"--workspace={bucket}/out")
            check_equal(emulator.files(f"{bucket}/out"), expected)

    @pytest.mark.parametrize("refused", ["part-", MANIFEST_NAME])
    def test_refuses_in_the_middle_of_a_run(
        self,
        emulator: Emulator,
        proxy: Proxy,
        bucket: str,
        inputs: list[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        refused: str,
    ) -> None:
        workspace = f"--workspace={bucket}/out"
        extract(*inputs, workspace, "--max_terms=1")
        before = emulator.files(f"{bucket}/out")
        uploads: list[Request] = []

        def refuse_the_third(request: Request) -> int:
            if request.uploads(refused):
                uploads.append(request)
            return 403 if request.uploads(refused) and len(uploads) == 3 else 0

        proxy.rule = refuse_the_third
        with monkeypatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
            assert run_job(ExtractJob, [*inputs, workspace, "--runner=FnApiRunner"]) == 1
        (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("extract failed: "))
        assert line.startswith(f"extract failed: cannot write '{bucket}/out/")
        assert refused in line
        assert line.endswith("': the proxy says no")
        left = emulator.files(f"{bucket}/out")
        assert before.items() <= left.items()
        with_manifest = [f"{schema.name}/{MANIFEST_NAME}" for schema in output_schemas(None)]
        assert {name: left[name] for name in with_manifest} == {name: before[name] for name in with_manifest}
        extract(*inputs, workspace)
        expected = expected_files(tmp_path / "out", *inputs)
        assert emulator.files(f"{bucket}/out").items() >= expected.items()


class TestMessages:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                ["--interactions=gs://nowhere-at-all/log", "--items={bucket}/items.parquet"],
                "--interactions: cannot list 'gs://nowhere-at-all/log/**': there is no such bucket or file",
            ),
            (
                ["--interactions={bucket}/log", "--items={bucket}/nothing/"],
                "--items: no such file or folder: '{bucket}/nothing/'",
            ),
            (
                ["--interactions={bucket}/log/day=*/x*", "--items={bucket}/items.parquet"],
                "--interactions: no file matches '{bucket}/log/day=*/x*'",
            ),
            (
                ["--workspace=gs://nowhere-at-all/out"],
                "--workspace: cannot write in 'gs://nowhere-at-all/out': there is no such bucket or file",
            ),
            (["--workspace=gs://"], "--workspace: cannot write in 'gs://': "),
            (["--workspace={bucket}/log/out"], "--workspace: '{bucket}/log/out' lies inside --interactions"),
            (["--previous={bucket}/nothing"], "--previous: no such file or folder: '{bucket}/nothing/histories'"),
            (["--stop_words={bucket}/words"], "--stop_words: cannot read '{bucket}/words': there is no such file"),
        ],
    )
    def test_what_is_not_there(
        self, bucket: str, inputs: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str
    ) -> None:
        given = [option.format(bucket=bucket) for option in options]
        assert run_job(ExtractJob, [*inputs, f"--workspace={bucket}/out", *given]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"extract: {message.format(bucket=bucket)}")
        assert len(error.splitlines()) == 1

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (401, "Google requires credentials (Anonymous credentials cannot be refreshed.): run `gcloud auth "),
            (403, "the proxy says no\n"),
        ],
    )
    def test_what_is_not_allowed(
        self,
        proxy: Proxy,
        bucket: str,
        inputs: list[str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        status: int,
        message: str,
    ) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        for method, start in (("GET", f"--interactions: cannot read '{bucket}/log"), ("POST", "--workspace: cannot ")):
            proxy.rule = lambda request, method=method: status if request.method == method else 0  # type: ignore[misc]
            assert run_job(ExtractJob, [*inputs, f"--workspace={bucket}/out"]) == 2
            err = capsys.readouterr().err
            assert err.startswith(f"extract: {start}")
            assert message in err

    def test_stop_words_from_a_bucket(self, emulator: Emulator, bucket: str, inputs: list[str]) -> None:
        words = emulator.put(f"{bucket}/words.txt", "alpine Ünd\n".encode())
        argv = [*inputs, f"--workspace={bucket}/out", f"--stop_words={words}"]
        args, _ = parse_command_line(ExtractJob, argv)
        assert ExtractJob.from_options(args).salience.stop_words == {"alpine", "ünd"}

    def test_examples_of_what_cannot_be_used(
        self, emulator: Emulator, bucket: str, inputs: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = LOG.set_column(0, "user_id", pa.array([None, *LOG["user_id"].to_pylist()[1:]]))
        emulator.put(f"{bucket}/log/day=2/rows.parquet", parquet(bad))
        options = [*inputs, f"--workspace={bucket}/out", "--max_error_rate=0", "--runner=FnApiRunner"]
        assert run_job(ExtractJob, options) == 1
        assert f"null_user_id: {bucket}/log/day=2/rows.parquet, row 0: " in capsys.readouterr().err
        emulator.put(f"{bucket}/log/day=3/rows.parquet", b"no parquet")
        assert run_job(ExtractJob, options) == 2
        error = capsys.readouterr().err
        assert "more than --max_error_rate=0 allows" in error
        assert f"{bucket}/log/day=3/rows.parquet: " in error
        assert emulator.files(f"{bucket}/out") == {}


def test_a_manifest_in_a_bucket_says_what_a_folder_is(emulator: Emulator, bucket: str) -> None:
    manifest = Manifest("interactions", "f", (), {}, "1", {})
    emulator.put(f"{bucket}/log/{MANIFEST_NAME}", manifest.to_json().encode())
    emulator.put(f"{bucket}/log/other.parquet", b"x")
    assert resolve_source(f"{bucket}/log/").manifest == manifest
    assert resolve_source(f"{bucket}/log").files == ()
    assert [file.path for file in resolve_source(f"{bucket}/log/*.parquet").files] == [f"{bucket}/log/other.parquet"]
