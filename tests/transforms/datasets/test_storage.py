import fcntl
import io
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from apache_beam.io.localfilesystem import LocalFileSystem

from tests.transforms.datasets.racing import check_that_one_wins_each_round
from transforms.datasets.storage import (
    LocalStorage,
    Storage,
    StorageError,
    VersionConflictError,
    VersionedFile,
    open_storage,
)

ROUNDS, WRITERS = 20, 6
HOLD_THE_LOCK = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


class Bucket(Storage):
    """The generic implementation, on a file system without folders."""


@pytest.fixture(params=[LocalStorage, Storage, Bucket], ids=lambda kind: kind.__name__)
def storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """The storage of local paths, and what all other file systems but Google's go through, on the same disk."""
    if request.param is Bucket:
        monkeypatch.setattr(LocalFileSystem, "has_dirs", lambda _: False)
    made: Storage = request.param()
    return made


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestWrite:
    def test_makes_the_folder_and_replaces_the_file(self, tmp_path: Path, storage: Storage) -> None:
        path = tmp_path / "a" / "b" / "file"
        for content in (b"first", b"second"):
            storage.write(str(path), content)
            assert path.read_bytes() == content
            assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("storage", [LocalStorage, Storage], indirect=True)
    def test_leaves_what_was_there_when_it_fails(self, tmp_path: Path, storage: Storage) -> None:
        path = tmp_path / "file"
        storage.write(str(path), b"first")
        with files_up_to(1000), pytest.raises(StorageError, match=rf"cannot write '{path}': .*File too large"):
            storage.write(str(path), b"x" * 2000)
        assert path.read_bytes() == b"first"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("storage", [Bucket], indirect=True)
    def test_an_upload_that_fails_is_not_finished(
        self, tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Upload(io.BytesIO):
            def write(self, content: object) -> int:
                raise ConnectionResetError("lost")

        upload = Upload()
        monkeypatch.setattr(LocalFileSystem, "create", lambda *_, **__: upload)
        with pytest.raises(StorageError, match="lost"):
            storage.write(str(tmp_path / "file"), b"content")
        assert not upload.closed

    def test_a_file_in_the_place_of_the_folder_is_an_error(self, tmp_path: Path, storage: Storage) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StorageError, match=f"cannot write '{tmp_path}/file/below': "):
            storage.write(str(tmp_path / "file" / "below"), b"")
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


class TestRead:
    def test_content_or_none(self, tmp_path: Path, storage: Storage) -> None:
        (tmp_path / "file").write_bytes(b"content")
        assert storage.read(str(tmp_path / "file")) == VersionedFile(b"content")
        assert storage.read(str(tmp_path / "nowhere")) is None
        assert storage.read(str(tmp_path / "file" / "below")) is None

    def test_what_cannot_be_read_is_an_error(self, tmp_path: Path, storage: Storage) -> None:
        with pytest.raises(StorageError, match=f"cannot read '{tmp_path}': .*directory"):
            storage.read(str(tmp_path))


class TestReplace:
    def test_makes_changes_and_deletes(self, tmp_path: Path, storage: Storage) -> None:
        path = tmp_path / "folder" / "file"
        first = storage.replace(str(path), b"first", None)
        assert first == storage.read(str(path)) == VersionedFile(b"first")
        second = storage.replace(str(path), b"second", first)
        assert second == storage.read(str(path)) == VersionedFile(b"second")
        assert storage.replace(str(path), None, second) is None
        assert not list(path.parent.iterdir())

    @pytest.mark.parametrize("content", [b"mine", None])
    @pytest.mark.parametrize("expected", [None, VersionedFile(b"older")])
    def test_not_what_somebody_else_wrote(
        self, tmp_path: Path, storage: Storage, expected: VersionedFile | None, content: bytes | None
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"theirs")
        with pytest.raises(VersionConflictError, match=str(path)):
            storage.replace(str(path), content, expected)
        assert path.read_bytes() == b"theirs"
        assert list(tmp_path.iterdir()) == [path]

    def test_what_is_so_already_is_fine(self, tmp_path: Path, storage: Storage) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"same")
        assert storage.replace(str(path), b"same", None) == VersionedFile(b"same")
        assert storage.replace(str(tmp_path / "gone"), None, VersionedFile(b"older")) is None

    def test_of_many_local_writers_one_wins_each_round(self, tmp_path: Path) -> None:
        check_that_one_wins_each_round(LocalStorage(), str(tmp_path / "file"), ROUNDS, WRITERS)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_a_lock_ends_with_its_process(self, tmp_path: Path) -> None:
        path, storage = tmp_path / "file", LocalStorage()
        lock = tmp_path / ".file.lock"
        holder = subprocess.Popen([sys.executable, "-c", HOLD_THE_LOCK, str(lock)], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        with holder, holder.stdout:
            assert holder.stdout.readline() == b"held\n"
            waiting = threading.Thread(target=storage.replace, args=(str(path), b"content", None))
            waiting.start()
            waiting.join(0.2)
            assert waiting.is_alive()
            assert not path.exists()
            holder.send_signal(signal.SIGKILL)
            waiting.join(10)
        assert path.read_bytes() == b"content"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_lock_whose_file_its_holder_removed_is_none(self, tmp_path: Path) -> None:
        path, storage = tmp_path / "file", LocalStorage()
        lock = tmp_path / ".file.lock"
        with lock.open("w") as holder:
            fcntl.flock(holder, fcntl.LOCK_EX)
            waiting = threading.Thread(target=storage.replace, args=(str(path), b"content", None))
            waiting.start()
            waiting.join(0.2)
            lock.unlink()
            with lock.open("w") as next_holder:
                fcntl.flock(next_holder, fcntl.LOCK_EX)
                fcntl.flock(holder, fcntl.LOCK_UN)
                waiting.join(0.2)
                assert waiting.is_alive()
            waiting.join(10)
        assert path.read_bytes() == b"content"


class TestDelete:
    def test_what_is_gone_already_is_fine(self, tmp_path: Path, storage: Storage) -> None:
        (tmp_path / "a").write_bytes(b"")
        storage.delete([str(tmp_path / "a"), str(tmp_path / "b")])
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("storage", [LocalStorage], indirect=True)
    def test_a_folder_is_not_deleted(self, tmp_path: Path, storage: Storage) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(StorageError, match=f"cannot delete '{tmp_path}/folder': "):
            storage.delete([str(tmp_path / "folder")])


def test_paths_of_a_scheme_go_through_beam() -> None:
    assert type(open_storage("/tmp/file")) is type(open_storage("file")) is LocalStorage
    assert type(open_storage("s3://bucket/file")) is Storage


@pytest.mark.parametrize("path", ["hdfs://host/file", "nosuch://bucket/file"])
def test_what_beam_cannot_do_is_reported_in_a_line(path: str) -> None:
    with pytest.raises(StorageError, match=f"cannot use '{path}': .+") as message:
        open_storage(path)
    assert len(str(message.value).splitlines()) == 1
