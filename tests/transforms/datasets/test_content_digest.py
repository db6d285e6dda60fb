"""A digest of files changes with their content and their paths, not with their order."""

from pathlib import Path

import pytest

from transforms.datasets.content_digest import content_digest
from transforms.datasets.files import InputFile
from transforms.datasets.storage import StorageError, base


def written(folder: Path, **contents: bytes) -> list[InputFile]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [InputFile(str(folder / name), len(content)) for name, content in contents.items()]


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    files = written(tmp_path, a=b"1", b=b"2")
    assert content_digest(files) == content_digest(files[::-1])


def test_content_of_the_same_size_makes_a_difference(tmp_path: Path) -> None:
    before = content_digest(written(tmp_path, a=b"1", b=b"2"))
    assert content_digest(written(tmp_path, a=b"1", b=b"3")) != before


def test_content_that_moves_to_another_file_makes_a_difference(tmp_path: Path) -> None:
    before = content_digest(written(tmp_path, a=b"1", b=b"2"))
    assert content_digest(written(tmp_path, a=b"2", b=b"1")) != before


def test_a_file_of_several_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = written(tmp_path, a=b"abcdefg")
    whole = content_digest(files)
    monkeypatch.setattr(base, "_CHUNK_BYTES", 3)
    assert content_digest(files) == whole


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        content_digest([InputFile(str(tmp_path / "gone"), 1)])
