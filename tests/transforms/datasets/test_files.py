from pathlib import Path

import pytest

from transforms.datasets.files import (
    InputFile,
    InputNotFoundError,
    absolute_path,
    check_writable,
    list_input_files,
    resolve_source,
)
from transforms.datasets.manifest import Manifest, Part
from transforms.datasets.storage import StorageError
from transforms.datasets.storage.local import LocalStorage


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder as many tools write to it."""
    root = tmp_path / "_top" / "log"
    names = (
        "b.parquet",
        "a.pq",
        "notes.txt",
        "_SUCCESS",
        "_draft.parquet",
        ".b.parquet.crc",
        "day=2/x.parquet",
        "day=1/x.parquet",
        "day=1/deep/er/x.parquet",
        "_temporary/x.parquet",
        ".git/x.parquet",
        "day=2/.x.parquet",
        "table.parquet/part-0.parquet",
        "empty/readme",
    )
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * len(name))
    return root


ALL = [
    "a.pq",
    "b.parquet",
    "day=1/deep/er/x.parquet",
    "day=1/x.parquet",
    "day=2/x.parquet",
    "table.parquet/part-0.parquet",
]


def found(tree: Path, path: str) -> list[str]:
    return [str(Path(file.path).relative_to(tree)) for file in resolve_source(f"{tree}{path}").files]


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("", ALL),
        ("/", ALL),
        ("/b.parquet", ["b.parquet"]),
        ("/_draft.parquet", ["_draft.parquet"]),
        ("/_temporary", ["_temporary/x.parquet"]),
        ("/table.parquet", ["table.parquet/part-0.parquet"]),
        ("/notes.txt", ["notes.txt"]),
        ("/*.parquet", ["b.parquet"]),
        ("/day=?/*.parquet", ["day=1/x.parquet", "day=2/x.parquet"]),
        ("/day=[1]/*.parquet", ["day=1/x.parquet"]),
        ("/day=1/**", ["day=1/deep/er/x.parquet", "day=1/x.parquet"]),
        ("/.git/*.parquet", [".git/x.parquet"]),
    ],
)
def test_find(tree: Path, path: str, files: list[str]) -> None:
    assert found(tree, path) == files


def test_sizes_and_absolute_paths(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    source = resolve_source("day=2")
    assert source.path == str(tree / "day=2")
    assert source.files == (InputFile(str(tree / "day=2" / "x.parquet"), len("day=2/x.parquet")),)
    assert resolve_source(".").size == sum(map(len, ALL))
    assert resolve_source("../log/b.parquet").path == str(tree / "b.parquet")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere", "no such file or folder"),
        ("/nowhere/*.parquet", "no file matches"),
        ("/*.csv", "no file matches"),
        ("/empty", "which contains 1 files"),
        ("/notes.txt/below", "no such file or folder"),
    ],
)
def test_nothing_there(tree: Path, path: str, message: str) -> None:
    with pytest.raises(InputNotFoundError, match=message):
        resolve_source(f"{tree}{path}")


def test_a_file_system_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nosuch"):
        resolve_source("nosuch://bucket/log")


def test_a_manifest_says_what_a_folder_is(tree: Path) -> None:
    parts = (Part("day=1/x.parquet", 1, 15, ""), Part("not/written/yet.parquet", 2, 99, ""))
    manifest = Manifest("interactions", "f", parts, {}, "1", {})
    (tree / "_manifest.json").write_text(manifest.to_json())
    source = resolve_source(str(tree))
    assert source.manifest == manifest
    assert source.files == tuple(InputFile(f"{tree}/{part.name}", part.bytes) for part in parts)
    assert found(tree, "/*.parquet") == ["b.parquet"]


def test_only_paths_of_this_machine_are_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert absolute_path("gs://bucket/log") == "gs://bucket/log"
    assert absolute_path("log") == f"{tmp_path}/log"
    assert absolute_path("~/log") == "/home/somebody/log"
    assert absolute_path("/a/../b") == "/b"


class TestCheckWritable:
    def test_makes_the_folder_and_leaves_nothing_in_it(self, tmp_path: Path) -> None:
        check_writable(str(tmp_path / "a" / "b"))
        assert not list((tmp_path / "a" / "b").iterdir())

    @pytest.mark.parametrize("folder", ["file", "file/below", "glob*", "glob?", "glob[1]"])
    def test_an_unwritable_folder_is_reported(self, tmp_path: Path, folder: str) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OSError, match="cannot write in"):
            check_writable(str(tmp_path / folder))
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_glob_may_name_folders(tmp_path: Path) -> None:
    for day in (1, 2):
        folder = tmp_path / f"date=2024-01-0{day}"
        folder.mkdir()
        (folder / "rows.parquet").touch()
        (folder / "_SUCCESS").touch()
    found = resolve_source(f"{tmp_path}/date=*")
    assert [Path(file.path).parent.name for file in found.files] == ["date=2024-01-01", "date=2024-01-02"]


def test_files_of_any_format_are_listed(tree: Path) -> None:
    def names(path: Path | str) -> list[str]:
        return [str(Path(file.path).relative_to(tree)) for file in list_input_files(str(path))]

    assert set(names(tree)) == {*ALL, "notes.txt", "empty/readme"}
    assert names(tree / "notes.txt") == ["notes.txt"]
    assert names(tree / "*.txt") == ["notes.txt"]
    assert names(tree / "empt*") == ["empty/readme"]
    assert names(tree / "_draft.parquet") == ["_draft.parquet"]
    for missing in (tree / "none", tree / "none*"):
        with pytest.raises(InputNotFoundError, match="none"):
            list_input_files(str(missing))


PARQUET = b"PAR1 content PAR1"


def put(root: Path, *names: str, content: bytes = PARQUET) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


class TestNothingIsPassedOverSilently:
    @pytest.mark.parametrize(
        "name",
        ["b.PARQUET", "b.parq", "b.parquet.gzip", "b.parquet.snappy", "20240102_0001_abcde", "000000000000", "b.dat"],
    )
    def test_parquet_of_any_name_is_read(self, tmp_path: Path, name: str) -> None:
        put(tmp_path, "a.parquet", name)
        assert len(resolve_source(str(tmp_path)).files) == 2
        (tmp_path / "a.parquet").unlink()
        assert found(tmp_path, "") == [name]

    def test_other_files_are_named(self, tmp_path: Path) -> None:
        put(tmp_path, "a.parquet", "a.parquet.bak", "a.parquet~", "_SUCCESS", ".a.parquet.crc")
        put(tmp_path, "day-2.csv", "readme", content=b"text of some length")
        source = resolve_source(str(tmp_path))
        assert [file.path for file in source.files] == [f"{tmp_path}/a.parquet"]
        assert [Path(path).name for path in source.passed_over] == [
            "a.parquet.bak",
            "a.parquet~",
            "day-2.csv",
            "readme",
        ]

    def test_among_many_files_of_one_suffix_some_are_looked_at(self, tmp_path: Path) -> None:
        put(tmp_path, *(f"{number:03}" for number in range(100)))
        assert len(resolve_source(str(tmp_path)).files) == 100
        put(tmp_path, *(f"{number:03}" for number in range(0, 100, 2)), content=b"text of some length")
        assert len(resolve_source(str(tmp_path)).files) == 50

    @pytest.mark.parametrize("name", ["_dt=2024-01-02/b.parquet", "_x=y.parquet", "day=1/_hour=2/b.parquet"])
    def test_partitions_may_begin_with_an_underscore(self, tmp_path: Path, name: str) -> None:
        put(tmp_path, "a.parquet", name, "_temporary/c.parquet", "._dt=1/c.parquet")
        assert set(found(tmp_path, "")) == {"a.parquet", name}
        assert {file.path for file in list_input_files(str(tmp_path))} == {
            f"{tmp_path}/a.parquet",
            f"{tmp_path}/{name}",
        }

    @pytest.mark.parametrize("glob", ["", "/*/*.parquet", "/**"])
    def test_links_to_folders_are_followed(self, tmp_path: Path, glob: str) -> None:
        put(tmp_path, "elsewhere/deep/b.parquet", "elsewhere/b.parquet", "log/day-1/a.parquet")
        (tmp_path / "log" / "day-2").symlink_to(tmp_path / "elsewhere")
        expected = ["day-1/a.parquet", "day-2/b.parquet", *([] if glob == "/*/*.parquet" else ["day-2/deep/b.parquet"])]
        assert found(tmp_path / "log", glob) == expected

    def test_links_to_what_is_listed_do_not_repeat_it(self, tmp_path: Path) -> None:
        put(tmp_path, "log/day-1/a.parquet", "log/.versions/3/b.parquet")
        log = tmp_path / "log"
        (log / "latest").symlink_to(log / "day-1")
        (log / "latest.parquet").symlink_to(log / "day-1" / "a.parquet")
        (log / "day-1" / "up").symlink_to(log)
        (log / "current").symlink_to(log / ".versions" / "3")
        assert found(log, "") == ["current/b.parquet", "day-1/a.parquet"]

    def test_a_link_to_nothing_is_no_reason_to_read_less(self, tmp_path: Path) -> None:
        put(tmp_path, "a.parquet")
        (tmp_path / "b.parquet").symlink_to(tmp_path / "gone")
        assert found(tmp_path, "") == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("name", ["log[2024]", "what?", "stars*", "a[b", "_hidden[1]"])
def test_a_path_that_exists_is_no_glob(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"{name}/a.parquet", f"{name}.parquet", "log2/b.parquet", "whatx/b.parquet")
    for path, expected in ((name, f"{name}/a.parquet"), (f"{name}.parquet", f"{name}.parquet")):
        assert found(tmp_path, f"/{path}") == [expected]
        assert [file.path for file in list_input_files(f"{tmp_path}/{path}")] == [f"{tmp_path}/{expected}"]


def test_a_file_that_cannot_be_probed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be a part of the log: it must not be passed over as a file of another format."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1" * 4)
    (tmp_path / "000001_0").write_bytes(b"PAR1" * 4)

    def fail(storage: LocalStorage, path: str) -> None:
        raise OSError("connection reset")

    monkeypatch.setattr(LocalStorage, "open", fail)
    with pytest.raises(StorageError, match=r"cannot read '.*000001_0': .*connection reset"):
        resolve_source(str(tmp_path))
