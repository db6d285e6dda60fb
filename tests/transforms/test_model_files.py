import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from transforms.model_files import (
    ModelUnavailableError,
    build_once,
    cache_dir,
    download_snapshot,
    file_sha256,
    package_dir,
)


def fill(folder: Path) -> None:
    (folder / "weights").write_bytes(b"made")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_sum_of_a_file_follows_it(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for content in (b"", b"one", b"other"):
        path.write_bytes(content)
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()
    path.write_bytes(b"third")
    os.utime(path, ns=(1, 1))
    assert file_sha256(path) == hashlib.sha256(b"third").hexdigest()


def test_the_sum_of_a_file_that_stays_is_computed_once(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    state = path.stat()
    before = file_sha256(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file_sha256(path) == before


def test_the_folder_of_a_package_that_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_of_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('it is not imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert package_dir("package_of_weights") == package
    assert package_dir("no_such_package_of_weights") is None


def test_a_package_that_is_blocked_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "package_of_weights", None)
    assert package_dir("package_of_weights") is None


def test_where_things_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for cache, expected in ((str(tmp_path / "cache"), tmp_path / "cache"), ("", tmp_path / "home" / ".cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        assert cache_dir("models") == expected / "interest-journeys" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir("models") == tmp_path / "home" / ".cache" / "interest-journeys" / "models"


def test_a_hub_without_its_client_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelUnavailableError, match="from a model hub, install it"):
        download_snapshot("owner/name", ["*.json"], "install it")


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    calls = []

    def make(folder: Path) -> None:
        calls.append(names(folder))
        fill(folder)

    for _ in range(2):
        assert build_once(tmp_path / "cache" / "model", make) == tmp_path / "cache" / "model"
    assert calls == [[]]
    assert names(tmp_path / "cache") == ["model", "model.lock"]
    assert names(tmp_path / "cache" / "model") == ["weights"]


def test_making_that_fails_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def break_off(folder: Path) -> None:
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_once(tmp_path / "model", break_off)
    assert names(tmp_path) == ["model.lock"]
    build_once(tmp_path / "model", fill)
    assert names(tmp_path / "model") == ["weights"]


def test_no_process_sees_a_partial_folder(tmp_path: Path) -> None:
    seen = []

    def make(folder: Path) -> None:
        fill(folder)
        seen.append((tmp_path / "model").exists())
        (folder / "more").write_bytes(b"made")

    build_once(tmp_path / "model", make)
    assert seen == [False]
    assert names(tmp_path / "model") == ["more", "weights"]


def test_who_comes_at_the_same_time_waits(tmp_path: Path) -> None:
    calls: list[Path] = []
    found: list[list[str]] = []

    def make(folder: Path) -> None:
        calls.append(folder)
        time.sleep(0.05)  # time enough for the others to come
        fill(folder)

    threads = [
        threading.Thread(target=lambda: found.append(names(build_once(tmp_path / "model", make)))) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert found == [["weights"]] * 4


def test_the_lock_of_a_process_that_died_is_released(tmp_path: Path) -> None:
    code = (
        "import os, pathlib\n"
        "from transforms.model_files import build_once\n"
        f"build_once(pathlib.Path({str(tmp_path / 'model')!r}), lambda folder: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert len(names(tmp_path)) == 2  # the lock, and what was begun
    build_once(tmp_path / "model", fill)
    assert names(tmp_path / "model") == ["weights"]
