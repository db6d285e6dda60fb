import hashlib
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ERRORS, SALIENT_TERMS, SchemaError
from tests.transforms.beam_testing import create, run_graph
from transforms.columnar import concatenate
from transforms.datasets import writing
from transforms.datasets.coercion import file_error
from transforms.datasets.empty_outputs import EmptyOutputsCheck
from transforms.datasets.error_rate import DataError, ErrorRateCheck
from transforms.datasets.manifest import CommitError, Part, current_versions, read_manifest
from transforms.datasets.writing import (
    Commit,
    PartWriter,
    WriteDatasets,
    count_values,
    sample_errors,
    sort_rows,
    to_parquet,
)
from transforms.hashing import bucket_ids

TERMS = [[], ["a"], ["a", "b"], ["a", "b", "c", "d"]]


def salient_terms(count: int, first: int = 0) -> pa.RecordBatch:
    """Rows of `salient_terms`, in no order."""
    numbers = np.random.default_rng(count).permutation(np.arange(first, first + count)).tolist()
    rows = [
        {
            "item_id": f"item {number:06d}",
            "terms": TERMS[number % 4],
            "saliences": [1 / (place + 1 + number) for place in range(len(TERMS[number % 4]))],
        }
        for number in numbers
    ]
    return pa.RecordBatch.from_pylist(rows, SALIENT_TERMS.arrow)


class TestCountValues:
    @given(st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=12), st.data())
    def test_does_not_depend_on_slicing(self, lists: list[list[str]], data: st.DataObject) -> None:
        columns = {"id": [str(n) for n in range(len(lists))], "terms": lists}
        rows = pa.RecordBatch.from_pydict(columns, pa.schema([("id", "string"), ("terms", pa.list_(pa.string()))]))
        cut = data.draw(st.integers(0, len(lists)))
        assert count_values(rows) == 2 * len(lists) + sum(map(len, lists))
        assert count_values(rows) == count_values(rows.slice(0, cut)) + count_values(rows.slice(cut))

    def test_null_lists_hold_nothing(self) -> None:
        assert count_values(pa.record_batch({"terms": pa.array([None, ["a"], None])})) == 4


class TestInOrder:
    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 3), st.integers())),
        st.sampled_from([("text",), ("text", "number"), ("number", "text")]),
    )
    def test_sorts_with_null_last_and_ties_as_they_were(
        self, rows: list[tuple[str, int | None, int]], order: tuple[str, ...]
    ) -> None:
        names = ("text", "number", "position")
        numbered = [(text, number, position) for position, (text, number, _) in enumerate(rows)]
        arrays = [
            pa.array([row[column] for row in numbered], type_)
            for column, type_ in enumerate(("string", "int64", "int64"))
        ]

        def key(row: tuple[str, int | None, int]) -> list[tuple[bool, object]]:
            return [(row[names.index(name)] is None, row[names.index(name)]) for name in order]

        found = sort_rows(pa.RecordBatch.from_arrays(arrays, names=names), order)
        assert [tuple(row.values()) for row in found.to_pylist()] == sorted(numbered, key=key)

    def test_what_is_in_order_is_not_copied(self) -> None:
        rows = sort_rows(salient_terms(100), ("item_id",))
        assert sort_rows(rows, ("item_id",)) is rows


class TestToParquet:
    def test_row_groups_hold_about_so_many_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writing, "VALUES_PER_ROW_GROUP", 1000)
        rows = salient_terms(4000)
        file = pq.ParquetFile(pa.BufferReader(to_parquet(rows)))
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        assert sum(sizes) == 4000
        per_row = count_values(rows) / 4000
        assert all(900 <= size * per_row <= 1100 for size in sizes[:-1])
        assert file.read().equals(pa.Table.from_batches([rows]))

    @pytest.mark.parametrize("count", [0, 1])
    def test_few_rows(self, count: int) -> None:
        file = pq.ParquetFile(pa.BufferReader(to_parquet(salient_terms(count))))
        assert file.metadata.num_rows == count
        assert file.schema_arrow.equals(SALIENT_TERMS.arrow)

    def test_is_compressed(self) -> None:
        metadata = pq.ParquetFile(pa.BufferReader(to_parquet(salient_terms(10)))).metadata.row_group(0)
        assert {metadata.column(column).compression for column in range(metadata.num_columns)} == {"ZSTD"}


class TestPartWriter:
    def test_name_and_bytes_follow_from_the_rows(self, tmp_path: Path) -> None:
        rows = salient_terms(50)
        writer = PartWriter(str(tmp_path), 3)
        slices = [rows.slice(30), rows.slice(0, 10), rows.slice(10, 20)]
        name, part = writer.write(SALIENT_TERMS, 1, slices)
        assert writer.write(SALIENT_TERMS, 1, [rows]) == (name, part)
        content = (tmp_path / "salient_terms" / part.name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert part == Part(f"part-00001-of-00003-{digest[:12]}.parquet", 50, len(content), digest)
        assert [path.name for path in (tmp_path / "salient_terms").iterdir()] == [part.name]
        assert pq.read_table(pa.BufferReader(content))["item_id"].to_pylist() == sorted(rows["item_id"].to_pylist())
        assert writer.write(SALIENT_TERMS, 1, [rows.slice(1)])[1].name != part.name

    def test_rows_that_break_the_promise_are_not_written(self, tmp_path: Path) -> None:
        bad = salient_terms(5).set_column(0, SALIENT_TERMS.arrow.field(0), pa.array(["", "a", "b", "c", "d"]))
        with pytest.raises(SchemaError, match="salient_terms: empty_item_id in 1 of 5 rows"):
            PartWriter(str(tmp_path), 1).write(SALIENT_TERMS, 0, [bad])
        assert not list(tmp_path.rglob("*.parquet"))


def write(workspace: Path, parts: int, *batches: pa.RecordBatch) -> list[tuple[str, Part]]:
    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        written = {"salient_terms": create(pipeline, "Rows", list(batches))}
        return {"parts": written | WriteDatasets((SALIENT_TERMS,), PartWriter(str(workspace), parts))}

    return sorted(run_graph(build)["parts"])


def test_datasets_are_written_in_parts_by_hash(tmp_path: Path) -> None:
    rows = salient_terms(200)
    parts = write(tmp_path / "a", 4, rows)
    again = write(tmp_path / "b", 4, rows.slice(150), rows.slice(0, 1), rows.slice(1, 149))
    assert parts == again
    assert sum(part.rows for _, part in parts) == 200
    for number, (_, part) in enumerate(parts):
        items = pq.read_table(tmp_path / "a" / "salient_terms" / part.name)["item_id"].combine_chunks()
        assert part.name.startswith(f"part-0000{number}-of-00004-")
        assert set(bucket_ids(items, 4)) == {number}


class TestCommit:
    @staticmethod
    def committing(workspace: Path, rate: float = 0.5) -> Commit:
        """The last step of a job that is launched now."""
        writer, schemas = PartWriter(str(workspace), 1), (SALIENT_TERMS, ERRORS)
        versions = current_versions(str(workspace), [schema.name for schema in schemas])
        check = ErrorRateCheck(("items",), rate)
        return Commit(schemas, writer, versions, check, EmptyOutputsCheck(), {"option": 1}, "0.1.0", {"items": "x"})

    @staticmethod
    def parts(workspace: Path, items: int, bad: int) -> list[tuple[str, Part]]:
        writer = PartWriter(str(workspace), 1)
        errors = [
            file_error("items", f"{number}.parquet", None, f"reason_{number % 2}", "why") for number in range(bad)
        ]
        written = [writer.write(SALIENT_TERMS, 0, [salient_terms(items)])]
        return written + ([writer.write(ERRORS, 0, errors)] if errors else [])

    def test_each_dataset_gets_a_manifest_and_a_part(self, tmp_path: Path) -> None:
        counts = [(("items_read", ""), 3)]
        (salient, errors) = self.committing(tmp_path).process(self.parts(tmp_path, 3, 0), counts)
        assert (salient, errors) == tuple(read_manifest(str(tmp_path / name)) for name in ("salient_terms", "errors"))
        assert (salient.rows, errors.rows) == (3, 0)
        assert salient.configuration == {"option": 1}
        assert salient.inputs == {"items": "x"}
        assert salient.schema_fingerprint == SALIENT_TERMS.fingerprint
        (empty,) = errors.parts
        assert pq.read_schema(tmp_path / "errors" / empty.name).equals(ERRORS.arrow)

    def test_too_many_errors_remove_the_parts_and_shows_examples(self, tmp_path: Path) -> None:
        counts = [(("items_read", ""), 3)]
        list(self.committing(tmp_path).process(self.parts(tmp_path, 3, 0), counts))
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        refused = self.committing(tmp_path, 0.1).process(
            self.parts(tmp_path, 4, 3),
            [*counts, (("items_invalid", "reason_0"), 2), (("items_invalid", "reason_1"), 1)],
        )
        with pytest.raises(DataError) as message:
            list(refused)
        assert str(message.value).splitlines()[1:] == ["  reason_0: 0.parquet: why", "  reason_1: 1.parquet: why"]
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    def test_parts_that_the_version_before_has_too_stay(self, tmp_path: Path) -> None:
        counts = [(("items_read", ""), 3)]
        list(self.committing(tmp_path).process(self.parts(tmp_path, 3, 0), counts))
        before = sorted(path.name for path in tmp_path.rglob("*.parquet"))
        with pytest.raises(DataError):
            list(self.committing(tmp_path).process(self.parts(tmp_path, 3, 0), []))
        assert sorted(path.name for path in tmp_path.rglob("*.parquet")) == before

    def test_who_commits_second_leaves_what_the_first_has(self, tmp_path: Path) -> None:
        counts = [(("items_read", ""), 3)]
        first, second = self.committing(tmp_path), self.committing(tmp_path)
        committed = list(first.process(self.parts(tmp_path, 3, 2), counts))
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(CommitError, match=f"another run committed salient_terms to {tmp_path} since this one beg"):
            list(second.process(self.parts(tmp_path, 4, 2), counts))
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        assert committed == [read_manifest(str(tmp_path / name)) for name in ("salient_terms", "errors")]


def test_examples_are_the_first_of_each_reason() -> None:
    errors = [
        file_error("items", "a.parquet", 3, "null_title", "item_id=1"),
        file_error("items", "a.parquet", 4, "null_title", "item_id=2"),
        file_error("items", "b.parquet", None, "not_parquet", "no magic"),
        file_error("items", "c.parquet", 9, "not_parquet", "no footer"),
    ]
    assert sample_errors(concatenate(errors, ERRORS.arrow)) == {
        "null_title": "null_title: a.parquet, row 3: item_id=1",
        "not_parquet": "not_parquet: b.parquet: no magic",
    }
