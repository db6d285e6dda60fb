"""The form of delimited text by its first rows: delimiters, escapes, lines before the first row, and encodings."""

from pathlib import Path

import pytest

from transforms.datasets.reading import UnreadableFileError
from transforms.ingestion.blocks import column_names, read_blocks
from transforms.ingestion.delimited import ESCAPE, find_delimiter, find_escape
from transforms.ingestion.encodings import extends_ascii, likely_utf16
from transforms.ingestion.layout import Delimited

ROWS = "u1,i1,One thing\nu2,i2,Two things\n"
EXPECTED = [("u1", "i1", "One thing"), ("u2", "i2", "Two things")]


def read(path: Path, format_: Delimited) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for block in read_blocks(str(path), format_, ()) for row in block.rows.to_pylist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b;title, with, commas, in it\n1;2;x\n3;4;y\n", ";"),
        ("sep=;\na;b\n1;2\n", ";"),
        ('"sep=|"\na|b\n1|2\n', "|"),
        ("sep=;;;\na;b,c,d\n1;2\n", ";"),
        ("# exported, by, many\na\tb\n1\t2\n", "\t"),
        ("a::b::c\n1::x,y::z\n", "::"),
        ("1;1,5;x\n2;2,5;y\n", ";"),
        ('a,b\n"1;2;3",4\n', ","),
        ("a\n1\n", ","),
    ],
)
def test_the_delimiter_separates_rows_into_equally_many_fields(text: str, expected: str) -> None:
    assert find_delimiter(text.encode()) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ('u1,"The \\"best\\", of all"\n', ESCAPE),
        ('u1,"The \\"best\\" of all"\n', ESCAPE),
        ("u1,The best\\, of all\n", ESCAPE),
        ('u1,"C:\\"\nu2,"C:\\folder"\n', ""),
        ('u1,"The ""best"", of all"\n', ""),
        ("u1,C:\\folder\n", ""),
        ("u1,C:\\,x\n", ESCAPE),
    ],
)
def test_backslashes_escape_where_more_rows_can_be_read(rows: str, expected: str) -> None:
    assert find_escape([f"user,title\n{rows}".encode()], ",") == expected


@pytest.mark.parametrize(
    "text",
    [
        f"user,item,title\n{ROWS}",
        f"\n\r\nuser,item,title\n{ROWS}",
        f"sep=,\r\nuser,item,title\n{ROWS}",
        f"# exported 2024\n# by, someone\n\nuser,item,title\n{ROWS}",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lines_before_the_names_and_byte_order_marks_are_skipped(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode(encoding))
    assert column_names(str(path), Delimited()) == ("user", "item", "title")
    assert read(path, Delimited()) == EXPECTED
    path.write_bytes(text.replace("user,item,title\n", "").encode(encoding))
    assert read(path, Delimited(names=("user", "item", "title"))) == EXPECTED


def test_names_may_begin_like_a_comment_or_contain_line_ends_and_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('#user,"item\nid","title, text"\n' + ROWS)
    assert column_names(str(path), Delimited()) == ("#user", "item\nid", "title, text")
    assert read(path, Delimited()) == EXPECTED


def test_fields_in_quotes_count_as_one_of_the_given_names(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('u1,"One thing, or two"\n')
    format_ = Delimited(names=("user", "title"))
    assert column_names(str(path), format_) == ("user", "title")
    assert read(path, format_) == [("u1", "One thing, or two")]


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("latin-1", "Café"),
        ("cp1251", "Кино"),
        ("utf-16-le", "Café 映画"),
        ("utf-16-be", "Café"),
        ("shift_jis", "表示|ソ, 十"),
        ("gb18030", "电影|昡"),
    ],
)
def test_names_of_another_encoding(tmp_path: Path, encoding: str, title: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(f'user|"{title}"\nu1|x\n'.encode(encoding))
    assert column_names(str(path), Delimited("|", encoding=encoding)) == ("user", title)


@pytest.mark.parametrize("encoding", ["shift_jis", "gb18030", "utf-16-le"])
def test_characters_of_several_bytes_do_not_separate_fields(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("user|title\nu1|表ソ十\nu2|昡|\n".encode(encoding, "ignore").replace(b"||", b"|"))
    assert read(path, Delimited("|", encoding=encoding))[0] == ("u1", "表ソ十")


def test_names_that_are_not_utf8_are_refused_with_the_option(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("user,título\nu1,x\n".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match="give --encoding=cp1252, by which it is 'título'"):
        column_names(str(path), Delimited())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1\x15\x04\x00", "this is parquet, not text; give --format=parquet"),
        (b"PK\x03\x04\x14\x00", "a zip archive or a spreadsheet"),
        (b"SQLite format 3\x00", "this is SQLite"),
        (b"<!DOCTYPE html>\n<html>", "a page of HTML or XML"),
        ("user,item\nu1,i1\n".encode("utf-16-le"), "give --encoding=utf-16-le"),
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b'user,"item\n' + b"u1,i1\n" * 50_000, "line 1 has a quote without an end"),
    ],
)
def test_what_is_no_delimited_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message):
        column_names(str(path), Delimited())


def test_text_may_begin_with_the_letters_of_a_format(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("PARENT,ORC\n1,2\n")
    assert column_names(str(path), Delimited()) == ("PARENT", "ORC")


@pytest.mark.parametrize("block", [16, 1 << 20])
def test_escapes_and_nulls_of_mysql(tmp_path: Path, block: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text('user,title\nu1,"The \\"best\\", of all"\nu2,\\N\nu3,"a \\\\N"\nu4,"x"\n')
    blocks = read_blocks(str(path), Delimited(escape=ESCAPE), ("user", "title"), max(block, 64))
    assert [row for each in blocks for row in each.rows["title"].to_pylist()] == [
        'The "best", of all',
        None,
        "a \\N",
        "x",
    ]


def test_rows_that_all_have_another_number_of_fields_are_bad(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user\n1,2\n3,4\n")
    blocks = list(read_blocks(str(path), Delimited(), ()))
    assert [row.position for each in blocks for row in each.bad] == [0, 1]
    assert sum(each.rows.num_rows for each in blocks) == 0


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("latin-1", True), ("cp1252", True), ("koi8-r", True), ("utf-16", False), ("shift_jis", False), ("cp037", False)],
)
def test_encodings_whose_fields_can_be_separated_first(encoding: str, expected: bool) -> None:
    assert extends_ascii(encoding) is expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("user,item\n".encode("utf-16-be"), "utf-16-be"),
        (b"user,item\n", ""),
        (b"u\x00ser,item\n", ""),
        (b"\x00" * 20, ""),
        (b"", ""),
    ],
)
def test_utf16_is_recognized_by_its_zeros(content: bytes, expected: str) -> None:
    assert likely_utf16(content) == expected
