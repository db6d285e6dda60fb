import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from apache_beam.io.filesystem import FileMetadata
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.datasets.test_storage import files_up_to
from transforms.datasets import commit as committing
from transforms.datasets import manifest as manifests
from transforms.datasets.commit import commit, discard_parts
from transforms.datasets.manifest import MANIFEST_NAME, CommitError, Manifest, Part, current_versions, read_manifest
from transforms.datasets.storage import LocalStorage, Storage, StorageError, VersionedFile

DATASETS = ("errors", "journeys")
Versions = dict[str, str | None]


def written(workspace: Path, dataset: str, *contents: str) -> Manifest:
    """The manifest of a dataset whose parts have been written, each named after its content."""
    (workspace / dataset).mkdir(parents=True, exist_ok=True)
    for content in contents:
        (workspace / dataset / f"part-{content}.parquet").write_text(content)
    parts = tuple(Part(f"part-{content}.parquet", 1, len(content), content) for content in contents)
    return Manifest(dataset, "fingerprint", parts, {"length": "x" * 500}, "1", {})


def both(workspace: Path, *contents: str) -> list[Manifest]:
    return [written(workspace, name, *contents) for name in DATASETS]


def launched(workspace: Path) -> Versions:
    """What a job that is launched now finds."""
    return current_versions(str(workspace), DATASETS)


def commit_alone(workspace: Path, after: list[Manifest]) -> None:
    commit(str(workspace), after, launched(workspace))


def current(workspace: Path) -> list[Manifest | None]:
    return [read_manifest(str(workspace / name)) for name in DATASETS]


def names(workspace: Path, dataset: str) -> list[str]:
    return sorted(path.name for path in (workspace / dataset).iterdir())


def files(workspace: Path) -> dict[str, bytes]:
    return {str(path.relative_to(workspace)): path.read_bytes() for path in workspace.rglob("*") if path.is_file()}


class Watched(LocalStorage):
    """A storage that reports each operation before it is done, and does not do those that raise."""

    def __init__(self, record: Callable[[str, str], None]) -> None:
        self.record = record
        self.plain = LocalStorage()

    def list_files(self, pattern: str) -> list[FileMetadata]:
        self.record("list", pattern)
        return self.plain.list_files(pattern)

    def read(self, path: str) -> VersionedFile | None:
        self.record("read", path)
        return self.plain.read(path)

    def replace(self, path: str, content: bytes | None, expected: VersionedFile | None) -> VersionedFile | None:
        self.record("replace", path)
        return self.plain.replace(path, content, expected)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.record("delete", path)
            self.plain.delete([path])


def watched(monkeypatch: pytest.MonkeyPatch, storage: Storage) -> None:
    for module in (committing, manifests):
        monkeypatch.setattr(module, "open_storage", lambda _: storage)


class TestCommit:
    def test_readers_see_the_new_version_and_its_parts_alone_stay(self, tmp_path: Path) -> None:
        commit_alone(tmp_path, both(tmp_path, "a", "b"))
        (tmp_path / "journeys" / "part-another-job.parquet").write_text("not listed by anybody")
        second = both(tmp_path, "b", "cc")
        commit_alone(tmp_path, second)
        assert current(tmp_path) == second
        assert names(tmp_path, "errors") == [MANIFEST_NAME, "part-b.parquet", "part-cc.parquet"]
        assert names(tmp_path, "journeys") == [
            MANIFEST_NAME,
            "part-another-job.parquet",
            "part-b.parquet",
            "part-cc.parquet",
        ]

    def test_a_second_attempt_changes_nothing(self, tmp_path: Path) -> None:
        commit_alone(tmp_path, both(tmp_path, "old"))
        versions, after = launched(tmp_path), both(tmp_path, "a", "b")
        commit(str(tmp_path), after, versions)
        before = files(tmp_path)
        commit(str(tmp_path), after, versions)
        assert files(tmp_path) == before

    def test_a_second_attempt_finishes_what_the_first_began(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit_alone(tmp_path, both(tmp_path, "old"))
        versions, after = launched(tmp_path), both(tmp_path, "new")
        (tmp_path / "errors" / MANIFEST_NAME).write_text(after[0].to_json())
        commit(str(tmp_path), after, versions)
        assert current(tmp_path) == after

    @pytest.mark.parametrize("change", [{"name": "part-gone.parquet"}, {"bytes": 7}])
    def test_a_part_that_is_not_what_was_written_stops_all_datasets(
        self, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        before = both(tmp_path, "a")
        commit_alone(tmp_path, before)
        after = both(tmp_path, "bb")
        wrong = dataclasses.replace(after[1], parts=(dataclasses.replace(after[1].parts[0], **change),))
        with pytest.raises(CommitError, match=r"journeys/part-.*parquet' is not the \d bytes that were written"):
            commit_alone(tmp_path, [after[0], wrong])
        assert current(tmp_path) == before

    def test_what_is_no_manifest_is_not_replaced(self, tmp_path: Path) -> None:
        versions, after = launched(tmp_path), both(tmp_path, "a")
        (tmp_path / "journeys" / MANIFEST_NAME).write_text("somebody's notes")
        with pytest.raises(CommitError, match=r"journeys/_manifest.json': not a manifest.*; nothing was committed"):
            commit(str(tmp_path), after, versions)
        assert read_manifest(str(tmp_path / "errors")) is None
        assert (tmp_path / "journeys" / MANIFEST_NAME).read_text() == "somebody's notes"

    @pytest.mark.parametrize("there", [True, False])
    def test_not_over_a_version_that_came_or_went_since_the_launch(self, tmp_path: Path, there: bool) -> None:
        if there:
            versions = launched(tmp_path)
            commit_alone(tmp_path, both(tmp_path, "theirs"))
        else:
            commit_alone(tmp_path, both(tmp_path, "theirs"))
            versions = launched(tmp_path)
            (tmp_path / "journeys" / MANIFEST_NAME).unlink()
        before, name = current(tmp_path), "errors" if there else "journeys"
        message = f"another run committed {name} to {tmp_path} since this one began; nothing was committed"
        with pytest.raises(CommitError, match=message):
            commit(str(tmp_path), both(tmp_path, "ours"), versions)
        assert current(tmp_path) == before

    def test_parts_that_cannot_be_removed_are_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(operation: str, path: str) -> None:
            if operation == "delete":
                raise StorageError("refused")

        commit_alone(tmp_path, both(tmp_path, "a"))
        after = both(tmp_path, "bb")
        watched(monkeypatch, Watched(refuse))
        with caplog.at_level(logging.WARNING):
            commit_alone(tmp_path, after)
        assert current(tmp_path) == after
        assert f"Unused parts remain in {tmp_path}/journeys: refused" in caplog.messages


class TestPuttingBack:
    @pytest.fixture(params=[True, False], ids=["over a version", "over none"])
    def before(self, request: pytest.FixtureRequest, tmp_path: Path) -> list[Manifest | None]:
        if request.param:
            commit_alone(tmp_path, both(tmp_path, "a"))
        return current(tmp_path)

    @pytest.mark.parametrize("arrives", [True, False])
    @pytest.mark.parametrize("failing", DATASETS)
    def test_a_manifest_that_cannot_be_written_leaves_the_versions_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[Manifest], failing: str, arrives: bool
    ) -> None:
        refused: list[str] = []

        class Refusing(LocalStorage):
            def replace(self, path: str, content: bytes | None, expected: VersionedFile | None) -> VersionedFile | None:
                if path == str(tmp_path / failing / MANIFEST_NAME) and not refused:
                    refused.append(path)
                    if arrives:  # and only the reply is lost
                        super().replace(path, content, expected)
                    raise StorageError("refused")
                return super().replace(path, content, expected)

        after = both(tmp_path, "bb")
        watched(monkeypatch, Refusing())
        with pytest.raises(StorageError, match=r"^refused$"):
            commit_alone(tmp_path, after)
        assert refused
        assert current(tmp_path) == before

    def test_a_part_that_another_job_removed_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[Manifest]
    ) -> None:
        after = both(tmp_path, "bb")

        def remove(operation: str, path: str) -> None:
            if operation == "replace" and "journeys" in path:
                (tmp_path / "errors" / "part-bb.parquet").unlink(missing_ok=True)

        watched(monkeypatch, Watched(remove))
        with pytest.raises(CommitError, match=r"errors/part-bb.parquet' is not the 2 bytes .*; nothing was committed"):
            commit_alone(tmp_path, after)
        assert current(tmp_path) == before

    def test_not_over_what_somebody_else_wrote(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        theirs = both(tmp_path, "theirs")

        def interfere(operation: str, path: str) -> None:
            if operation == "replace" and "journeys" in path:
                for manifest in theirs:
                    (tmp_path / manifest.dataset / MANIFEST_NAME).write_text(manifest.to_json())

        watched(monkeypatch, Watched(interfere))
        with pytest.raises(CommitError, match="another run committed journeys"):
            commit_alone(tmp_path, both(tmp_path, "ours"))
        assert current(tmp_path) == theirs

    def test_a_failed_rollback_is_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        commit_alone(tmp_path, both(tmp_path, "a"))
        after, broken = both(tmp_path, "bb"), threading.Event()

        def break_down(operation: str, path: str) -> None:
            if operation == "replace" and "journeys" in path:
                broken.set()
            if broken.is_set():
                raise StorageError("gone away")

        watched(monkeypatch, Watched(break_down))
        message = "^gone away; the previous version of journeys, errors could not be restored$"
        with pytest.raises(StorageError, match=message):
            commit_alone(tmp_path, after)
        monkeypatch.undo()
        commit_alone(tmp_path, after)
        assert current(tmp_path) == after

    def test_a_disk_that_is_full(self, tmp_path: Path) -> None:
        before = both(tmp_path, "a")
        commit_alone(tmp_path, before)
        after = both(tmp_path, "bb")
        after[1] = dataclasses.replace(after[1], code_version="1" * 5000)
        with (
            files_up_to(4000),
            pytest.raises(StorageError, match=f"cannot write '{tmp_path}/journeys/{MANIFEST_NAME}'"),
        ):
            commit_alone(tmp_path, after)
        assert current(tmp_path) == before
        assert not list(tmp_path.rglob(".*"))


class TestDiscard:
    def test_parts_that_a_current_version_lists_stay(self, tmp_path: Path) -> None:
        versions = launched(tmp_path)
        commit_alone(tmp_path, both(tmp_path, "theirs", "shared"))
        before = files(tmp_path)
        discard_parts(str(tmp_path), both(tmp_path, "ours", "shared"), versions)
        assert files(tmp_path) == before

    def test_a_commit_that_has_only_begun_is_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        versions, theirs = launched(tmp_path), both(tmp_path, "shared")
        looks: list[float] = []

        def finish(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:
                (tmp_path / "journeys" / MANIFEST_NAME).write_text(theirs[1].to_json())

        (tmp_path / "errors" / MANIFEST_NAME).write_text(theirs[0].to_json())
        monkeypatch.setattr(committing.time, "sleep", finish)
        discard_parts(str(tmp_path), both(tmp_path, "ours", "shared"), versions)
        assert len(looks) == 3
        assert names(tmp_path, "journeys") == [MANIFEST_NAME, "part-shared.parquet"]

    def test_but_not_for_ever(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        versions, theirs = launched(tmp_path), both(tmp_path, "theirs")
        (tmp_path / "errors" / MANIFEST_NAME).write_text(theirs[0].to_json())
        waited: list[float] = []
        monkeypatch.setattr(committing.time, "sleep", waited.append)
        discard_parts(str(tmp_path), both(tmp_path, "ours", "theirs"), versions)
        assert 5 < sum(waited) < 20
        assert names(tmp_path, "errors") == [MANIFEST_NAME, "part-theirs.parquet"]
        assert names(tmp_path, "journeys") == ["part-ours.parquet", "part-theirs.parquet"]

    def test_a_failing_file_system_hides_no_other_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: str, __: str) -> None:
            raise StorageError("gone away")

        versions, ours = launched(tmp_path), both(tmp_path, "ours")
        watched(monkeypatch, Watched(fail))
        discard_parts(str(tmp_path), ours, versions)


def run_job(workspace: Path, after: list[Manifest], versions: Versions) -> bool:
    """The last step of a job; whether it committed."""
    try:
        commit(str(workspace), after, versions)
    except CommitError:
        discard_parts(str(workspace), after, versions)
        return False
    return True


class TestTwoJobs:
    """Both write a part that the other writes, too, and one of the version before."""

    def start(self, workspace: Path) -> tuple[Versions, list[Manifest], list[Manifest]]:
        commit_alone(workspace, both(workspace, "old", "kept"))
        versions = launched(workspace)
        return versions, both(workspace, "aaa", "shared", "kept"), both(workspace, "bb", "shared", "kept")

    def orphans(self, workspace: Path, winner: list[Manifest]) -> set[str]:
        """Checks that the winner's version is whole; gives the files that it does not list."""
        assert current(workspace) == winner
        listed = {f"{manifest.dataset}/{part.name}" for manifest in winner for part in manifest.parts}
        left = set(files(workspace)) - {f"{name}/{MANIFEST_NAME}" for name in DATASETS}
        assert listed <= left
        return left - listed

    def test_one_while_the_other_waits_at_any_point(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The job that waits is stopped before each of its operations in turn, until there is none left."""
        results = []
        for point in range(100):
            with TemporaryDirectory() as folder, monkeypatch.context() as patch:
                workspace = Path(folder)
                versions, ours, theirs = self.start(workspace)
                operations: list[str] = []
                others: list[bool] = []

                def record(operation: str, _: str) -> None:
                    if len(operations) == point and not others:  # noqa: B023, called within this round
                        others.append(False)  # noqa: B023
                        others[0] = run_job(workspace, theirs, versions)  # noqa: B023
                    operations.append(operation)  # noqa: B023

                waited: list[float] = []
                patch.setattr(committing.time, "sleep", waited.append)
                watched(patch, Watched(record))
                won = run_job(workspace, ours, versions)
                if not others:
                    break
                results.append((won, others[0]))
                orphans = self.orphans(workspace, ours if won else theirs)
                assert bool(orphans) == bool(waited), "only of a job that waited in vain may parts be left"
        assert len(results) > 10
        assert set(results) == {(True, False), (False, True)}

    @settings(max_examples=60)
    @given(st.lists(st.booleans(), max_size=60))
    def test_step_by_step_in_any_order(self, order: list[bool]) -> None:
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            workspace = Path(folder)
            versions, ours, theirs = self.start(workspace)
            turn, won = threading.Condition(), dict[str, bool]()

            def record(_: str, __: str) -> None:
                me = threading.current_thread().name
                with turn:
                    turn.wait_for(lambda: not order or bool(won) or str(order[0]) == me, 10)
                    if order and str(order[0]) == me:
                        order.pop(0)
                    turn.notify_all()

            def run(after: list[Manifest]) -> None:
                result = run_job(workspace, after, versions)
                with turn:
                    won[threading.current_thread().name] = result
                    turn.notify_all()

            patch.setattr(committing, "_POLL_SECONDS", 0.01)
            patch.setattr(committing, "_POLL_ATTEMPTS", 1000)
            watched(patch, Watched(record))
            jobs = [
                threading.Thread(target=run, args=(after,), name=str(name))
                for name, after in ((True, ours), (False, theirs))
            ]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()
            assert sorted(won.values()) == [False, True]
            assert not self.orphans(workspace, ours if won["True"] else theirs)
