"""Folders that a table format manages are refused, however they are named; folders that only look similar are read."""

from pathlib import Path

import pytest

from transforms.datasets.files import list_input_files, resolve_source
from transforms.datasets.table_formats import TableFormatError

TABLES = {
    "Delta Lake": ("part-0.parquet", "_delta_log/00000000000000000000.json"),
    "Apache Iceberg": ("data/date=2024-01-15/part-0.parquet", "metadata/00001-a.metadata.json"),
    "Apache Hudi": ("2024/01/part-0.parquet", ".hoodie/hoodie.properties"),
    "Apache Paimon": ("bucket-0/data-0.parquet", "snapshot/snapshot-1"),
    "transactional Hive": ("delta_0000001_0000001_0000/bucket_00000.parquet", "delta_0000001_0000001_0000/_meta"),
    "Spark streaming": ("part-0.parquet", "_spark_metadata/0"),
    "DuckLake": ("main/log/ducklake-01.parquet", "notes.txt"),
}


def table(root: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.mark.parametrize("name", TABLES)
class TestATable:
    def test_is_refused_by_its_folder_and_by_a_folder_above(self, tmp_path: Path, name: str) -> None:
        folder = table(tmp_path / "lake" / "log", TABLES[name])
        for path in (folder, f"{folder}/", tmp_path / "lake"):
            for resolve in (resolve_source, list_input_files):
                with pytest.raises(TableFormatError, match=f"{folder}.* is a table of {name}.*Export it first"):
                    resolve(str(path))

    def test_is_refused_by_the_name_of_a_file_or_a_glob(self, tmp_path: Path, name: str) -> None:
        folder = table(tmp_path / "lake" / "log", TABLES[name])
        file = folder / TABLES[name][0]
        for path in (file, file.parent / "*.parquet", f"{tmp_path}/lake/**"):
            for resolve in (resolve_source, list_input_files):
                with pytest.raises(TableFormatError, match=name):
                    resolve(str(path))

    def test_is_refused_by_one_of_its_partitions(self, tmp_path: Path, name: str) -> None:
        if name in ("DuckLake", "transactional Hive"):
            pytest.skip("its files show the format themselves")
        folder = table(tmp_path / "lake" / "log", (TABLES[name][1], "data/date=2024-01-15/part-0.parquet"))
        for resolve in (resolve_source, list_input_files):
            with pytest.raises(TableFormatError, match=f"^'{folder}' is a table of {name}"):
                resolve(str(folder / "data" / "date=2024-01-15"))


def test_a_partition_of_hudi_is_not_called_the_table(tmp_path: Path) -> None:
    folder = table(
        tmp_path / "log", (".hoodie/hoodie.properties", "2024/01/.hoodie_partition_metadata", "2024/01/a.parquet")
    )
    with pytest.raises(TableFormatError, match=f"^'{folder}' is a table of Apache Hudi"):
        resolve_source(str(folder / "2024" / "01"))


@pytest.mark.parametrize(
    "names",
    [
        ("part-0.parquet", "metadata/notes.json"),
        ("part-0.parquet", "snapshot/image.png"),
        ("part-0.parquet", "_old/_delta_log/0.json"),
        ("date=2024-01-15/part-0.parquet", "_SUCCESS", "_metadata", "_common_metadata"),
        ("delta_of_today.parquet", "base/part-0.parquet"),
        ("delta_20240115/part-0.parquet", "delta_20240116/part-0.parquet"),
        ("base_2024011/part-0.parquet", "delta_20240101_20240131/part-0.parquet"),
    ],
)
def test_other_folders_are_read(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert resolve_source(str(table(tmp_path / "log", names))).files
