import dataclasses
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from apache_beam.io.localfilesystem import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

from transforms.datasets.manifest import (
    MANIFEST_NAME,
    CommitError,
    Manifest,
    Part,
    commit,
    read_manifest,
    remove_parts,
    write_atomically,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(0, 2**62)
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.floats(allow_nan=False, allow_infinity=False)
)
MANIFESTS = st.builds(
    Manifest,
    dataset=TEXT,
    schema_fingerprint=TEXT,
    parts=st.lists(st.builds(Part, TEXT, NUMBERS, NUMBERS, TEXT), max_size=4).map(tuple),
    configuration=st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)),
    code_version=TEXT,
    inputs=st.dictionaries(TEXT, TEXT),
)


def written(workspace: Path, dataset: str, *contents: str) -> Manifest:
    """The manifest of a dataset whose parts have been written, each named after its content."""
    (workspace / dataset).mkdir(parents=True, exist_ok=True)
    for content in contents:
        (workspace / dataset / f"part-{content}.parquet").write_text(content)
    parts = tuple(Part(f"part-{content}.parquet", 1, len(content), content) for content in contents)
    return Manifest(dataset, "fingerprint", parts, {"length": "x" * 500}, "1", {})


def current(workspace: Path, dataset: str) -> Manifest | None:
    return read_manifest(str(workspace / dataset))


def names(workspace: Path, dataset: str) -> list[str]:
    return sorted(path.name for path in (workspace / dataset).iterdir())


@given(MANIFESTS)
def test_round_trip(manifest: Manifest) -> None:
    read = Manifest.from_json(manifest.to_json())
    assert read == manifest
    assert read.digest == manifest.digest
    assert read.rows == sum(part.rows for part in manifest.parts)


def test_digest_names_the_version() -> None:
    manifest = Manifest("journeys", "f", (Part("a", 1, 2, "c"),), {"x": 1, "a": 2}, "1", {})
    assert manifest.digest == dataclasses.replace(manifest, configuration={"a": 2, "x": 1}).digest
    for changed in ({"parts": ()}, {"configuration": {}}, {"code_version": "2"}, {"inputs": {"a": "b"}}):
        assert dataclasses.replace(manifest, **changed).digest != manifest.digest


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"rows": 1}', '{"rows": 0, "parts": [], "more": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(text)
    with pytest.raises(ValueError, match=f"{tmp_path}.*not a manifest"):
        read_manifest(str(tmp_path))


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(str(tmp_path)) is None
    assert read_manifest(str(tmp_path / "nowhere")) is None


class TestCommit:
    def test_readers_see_the_new_version_and_its_parts_alone_stay(self, tmp_path: Path) -> None:
        commit(str(tmp_path), [written(tmp_path, "journeys", "a", "b")])
        write_atomically(str(tmp_path / "journeys" / "part-another-job.parquet"), b"not listed by anybody")
        second = written(tmp_path, "journeys", "b", "cc")
        commit(str(tmp_path), [second])
        assert current(tmp_path, "journeys") == second
        assert names(tmp_path, "journeys") == [
            MANIFEST_NAME,
            "part-another-job.parquet",
            "part-b.parquet",
            "part-cc.parquet",
        ]

    def test_the_same_version_again_changes_nothing(self, tmp_path: Path) -> None:
        manifest = written(tmp_path, "journeys", "a", "b")
        commit(str(tmp_path), [manifest])
        before = names(tmp_path, "journeys")
        commit(str(tmp_path), [manifest])
        assert names(tmp_path, "journeys") == before

    @pytest.mark.parametrize("change", [{"name": "part-gone.parquet"}, {"bytes": 7}])
    def test_a_part_that_is_not_what_was_written_stops_all_datasets(
        self, tmp_path: Path, change: dict[str, str | int]
    ) -> None:
        before = [written(tmp_path, name, "a") for name in ("errors", "journeys")]
        commit(str(tmp_path), before)
        after = [written(tmp_path, name, "bb") for name in ("errors", "journeys")]
        wrong = dataclasses.replace(after[1], parts=(dataclasses.replace(after[1].parts[0], **change),))
        with pytest.raises(CommitError, match=r"journeys/part-.*parquet' is not the \d bytes that were written"):
            commit(str(tmp_path), [after[0], wrong])
        assert [current(tmp_path, manifest.dataset) for manifest in before] == before
        assert names(tmp_path, "errors") == [MANIFEST_NAME, "part-a.parquet", "part-bb.parquet"]

    def test_what_is_no_manifest_is_not_replaced(self, tmp_path: Path) -> None:
        after = [written(tmp_path, name, "a") for name in ("errors", "journeys")]
        (tmp_path / "journeys" / MANIFEST_NAME).write_text("somebody's notes")
        with pytest.raises(CommitError, match=r"journeys/_manifest.json': not a manifest.*; nothing was committed"):
            commit(str(tmp_path), after)
        assert current(tmp_path, "errors") is None
        assert (tmp_path / "journeys" / MANIFEST_NAME).read_text() == "somebody's notes"

    @pytest.mark.parametrize("had_versions", [True, False])
    @pytest.mark.parametrize("failing", ["errors", "journeys"])
    def test_a_failing_rename_leaves_the_version_before_of_all_datasets(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, had_versions: bool
    ) -> None:
        datasets = ("errors", "journeys")
        before = [written(tmp_path, name, "a") for name in datasets]
        if had_versions:
            commit(str(tmp_path), before)
        after = [written(tmp_path, name, "bb") for name in datasets]
        with (
            refused_once(monkeypatch, str(tmp_path / failing / MANIFEST_NAME)),
            pytest.raises(OSError, match="refused"),
        ):
            commit(str(tmp_path), after)
        assert [current(tmp_path, name) for name in datasets] == (before if had_versions else [None, None])
        for name in datasets:
            parts = ["part-a.parquet", "part-bb.parquet"]
            assert names(tmp_path, name) == ([MANIFEST_NAME, *parts] if had_versions else parts)

    def test_a_disk_that_is_full_leaves_the_version_before_of_all_datasets(self, tmp_path: Path) -> None:
        before = [written(tmp_path, name, "a") for name in ("errors", "journeys")]
        commit(str(tmp_path), before)
        after = [written(tmp_path, name, "bb") for name in ("errors", "journeys")]
        after[1] = dataclasses.replace(after[1], code_version="1" * 5000)
        with files_up_to(4000), pytest.raises(OSError, match=f"cannot write '{tmp_path}/journeys/{MANIFEST_NAME}'"):
            commit(str(tmp_path), after)
        assert [current(tmp_path, manifest.dataset) for manifest in before] == before
        assert not list(tmp_path.rglob(".*"))


@contextmanager
def refused_once(monkeypatch: pytest.MonkeyPatch, destination: str) -> Iterator[None]:
    """A file system that refuses to rename to `destination`, the first time."""
    rename = LocalFileSystem.rename
    refused = []

    def refuse(self: LocalFileSystem, sources: list[str], destinations: list[str]) -> None:
        for source, target in zip(sources, destinations, strict=True):
            if target == destination and not refused:
                refused.append(target)
            else:
                rename(self, [source], [target])
        if refused and refused[0] in destinations:
            raise OSError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "rename", refuse)
        yield
    assert refused


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestWriteAtomically:
    def test_makes_the_folder_and_replaces_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "file"
        for content in (b"first", b"second"):
            write_atomically(str(path), content)
            assert path.read_bytes() == content
            assert list(path.parent.iterdir()) == [path]

    def test_leaves_what_was_there_when_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "file"
        write_atomically(str(path), b"first")
        with refused_once(monkeypatch, str(path)), pytest.raises(OSError, match="refused"):
            write_atomically(str(path), b"second")
        assert path.read_bytes() == b"first"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_in_the_place_of_the_folder_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OSError, match=f"cannot write '{tmp_path}/file/below'"):
            write_atomically(str(tmp_path / "file" / "below"), b"")


def test_removing_parts_that_are_gone_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    remove_parts(str(tmp_path), [Part("a", 0, 0, ""), Part("b", 0, 0, "")])
    assert not list(tmp_path.iterdir())
