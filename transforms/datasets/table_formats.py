"""Recognition of folders that a table format manages.

In such a folder, the log of the table says which files are part of its current version. The other files hold deleted
and updated rows, so the folder must not be read file by file.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from transforms.datasets.file_formats import quoted
from transforms.datasets.partitions import is_hidden


@dataclasses.dataclass(frozen=True)
class TableFormat:
    """A table format, and the files by which its folders are recognized.

    Attributes:
        name: its name.
        mark: a pattern of the path of such a file, below the folder of the table.
        globs: globs of such files, relative to the folder of the table; empty where its other files show the format.
        export: a command that writes the current version of the table in `{table}` as parquet.
    """

    name: str
    mark: str
    globs: tuple[str, ...]
    export: str


_BY_SPARK = "spark.read.format('{format}').load('{{table}}').write.parquet('NEW_FOLDER')"
_BY_DUCKDB = """duckdb -c "INSTALL {extension}; LOAD {extension}; COPY (FROM {scan}('{{table}}')) TO 'NEW.parquet'\""""

TABLE_FORMATS = (
    TableFormat(
        "Delta Lake",
        r"_delta_log/[^/]+\.(?:json|parquet|crc)",
        ("_delta_log/*",),
        _BY_DUCKDB.format(extension="delta", scan="delta_scan"),
    ),
    TableFormat(
        "Apache Iceberg",
        r"metadata/(?:[^/]+\.metadata\.json(?:\.gz)?|[^/]+\.gz\.metadata\.json|version-hint\.text|snap-[^/]+\.avro)",
        ("metadata/*.metadata.json*", "metadata/version-hint.text"),
        _BY_DUCKDB.format(extension="iceberg", scan="iceberg_scan"),
    ),
    TableFormat(
        "Apache Hudi",
        r"\.hoodie/.+|\.hoodie_partition_metadata(?:\.parquet)?",
        (".hoodie/*", ".hoodie_partition_metadata*"),
        _BY_SPARK.format(format="hudi"),
    ),
    TableFormat(
        "Apache Paimon",
        r"snapshot/(?:snapshot-\d+|LATEST|EARLIEST)|schema/schema-\d+",
        ("snapshot/snapshot-*",),
        _BY_SPARK.format(format="paimon"),
    ),
    TableFormat(
        "transactional Hive",
        r"(?:(?:delta|delete_delta)_\d{7}_\d{7}|base_0\d{6})(?:_\d{4})?(?:_v\d+)?/.+|_orc_acid_version",
        (),
        "INSERT OVERWRITE DIRECTORY 'NEW_FOLDER' STORED AS PARQUET SELECT * FROM TABLE_NAME, in Hive; it is in {table}",
    ),
    TableFormat(
        "Spark streaming",
        r"_spark_metadata/.+",
        ("_spark_metadata/*",),
        "spark.read.parquet('{table}').write.parquet('NEW_FOLDER')",
    ),
    TableFormat(
        "DuckLake",
        r"ducklake-[^/]+\.parquet",
        (),
        "COPY (FROM TABLE_NAME) TO 'NEW.parquet', in DuckDB with the catalog attached; its files are in {table}",
    ),
)
"""Of each, a log or a catalog says which files count; for a streaming query of Spark, those that it committed."""

_BELOW_TABLE = re.compile(r"[^/]*=[^/]*|data|\d+|bucket-\d+|[01]{4}")
"""Names of folders inside a table: partitions, and the folders in which formats place files."""


FindFiles = Callable[[str, str], bool]
"""Whether a folder has files that match a glob, which is relative to the folder."""


class TableFormatError(ValueError):
    """A path lies in a folder that a table format manages."""

    def __init__(self, table: str, table_format: TableFormat) -> None:
        super().__init__(
            f"{table!r} is a table of {table_format.name}, whose log says which of its files are current: read file by "
            "file, deleted and updated rows would come back. Export it first: "
            f"{table_format.export.format(table=quoted(table))}"
        )


def check_listing(folder: str, paths: Iterable[str], exists: FindFiles) -> None:
    """Check that no table lies in a folder.

    Args:
        folder: the folder, without `/` at the end.
        paths: the paths of all files below it, hidden ones too.
        exists: whether a folder has files that match a glob.

    Raises:
        TableFormatError: for the first table in order of its path.
    """
    found: list[tuple[str, TableFormat]] = []
    for path in paths:
        below = path[len(folder) + 1 :]
        for table_format in TABLE_FORMATS:
            if (mark := re.search(rf"(?:^|/)(?:{table_format.mark})$", below)) is not None:
                inside = below[: mark.start()]
                if not any(map(is_hidden, inside.split("/"))):
                    found.append((posixpath.join(folder, inside).rstrip("/"), table_format))
    if found:
        table, table_format = min(found, key=lambda pair: pair[0])
        raise TableFormatError(_root(table, table_format, exists), table_format)


def _root(folder: str, table_format: TableFormat, exists: FindFiles) -> str:
    """Return the folder of the table: the one above a partition, where partitions have files of the format too."""
    main = table_format.globs[:1]
    return next((above for above in _enclosing(folder) if any(exists(above, glob) for glob in main)), folder)


def check_files(paths: Collection[str], exists: FindFiles) -> None:
    """Check that files that are given by name or by a glob are not those of a table.

    Args:
        paths: the files.
        exists: whether a folder has files that match a glob.

    Raises:
        TableFormatError: for the first table.
    """
    folders = sorted({posixpath.dirname(path) for path in paths})
    for path in paths:
        check_listing(posixpath.dirname(posixpath.dirname(path)), [path], exists)
    _check_folders({above for folder in folders for above in (folder, *_enclosing(folder))}, exists)


def check_enclosing(folder: str, exists: FindFiles) -> None:
    """Check that a folder does not lie inside a table, as one of its partitions.

    Args:
        folder: the folder, without `/` at the end.
        exists: whether a folder has files that match a glob.

    Raises:
        TableFormatError: for the first table.
    """
    _check_folders(_enclosing(folder), exists)


def _check_folders(folders: Iterable[str], exists: FindFiles) -> None:
    for folder in sorted(set(folders)):
        for table_format in TABLE_FORMATS:
            if any(exists(folder, glob) for glob in table_format.globs):
                raise TableFormatError(folder, table_format)


def _enclosing(folder: str) -> Iterator[str]:
    """Return the folders above a folder of which it may be a partition."""
    while _BELOW_TABLE.fullmatch(posixpath.basename(folder)) and posixpath.dirname(folder) not in ("", "/"):
        folder = posixpath.dirname(folder)
        yield folder
