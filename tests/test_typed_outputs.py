"""Every DoFn with several outputs declares their types; otherwise they would be pickled, slices with whole tables."""

import ast
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import RecordBatchCoder
from transforms.datasets.counts import Count

ROOT = Path(__file__).parents[1]


def tagged_classes(tree: ast.AST) -> Iterator[str]:
    """Names of the DoFns that yield tagged outputs, or that `beam.ParDo(...).with_outputs(...)` applies."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(bases=[ast.Attribute(attr="DoFn")]):
                if "TaggedOutput" in ast.unparse(node):
                    yield node.name
            case ast.Call(
                func=ast.Attribute(attr="with_outputs", value=ast.Call(args=[ast.Call(func=ast.Name(id=name)), *_]))
            ):
                yield name


def typed_classes(tree: ast.AST) -> Iterator[str]:
    """Names of the classes with the decorator `with_output_types` and types of tagged outputs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.keywords:
                    assert decorator.func.id in ("with_output_types", "dataclass")
                    yield node.name


@pytest.mark.parametrize("package", ["transforms", "pipelines"])
def test_types_of_all_outputs_are_declared(package: str) -> None:
    tagged: set[str] = set()
    typed: set[str] = set()
    for path in ROOT.glob(f"{package}/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tagged.update(tagged_classes(tree))
        typed.update(typed_classes(tree))
    assert tagged - typed == set()
    assert package != "transforms" or len(tagged) > 10


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class HalveBatch(beam.DoFn):
    def process(self, rows: pa.RecordBatch) -> Iterator[object]:
        yield rows.slice(0, rows.num_rows // 2)
        yield TaggedOutput("errors", rows.slice(rows.num_rows // 2))
        yield TaggedOutput("counts", (("rows", ""), rows.num_rows))


def test_declared_outputs_get_the_coder_of_their_type() -> None:
    pipeline = beam.Pipeline()
    batches = pipeline | beam.Create([None]) | beam.Map(lambda _: None).with_output_types(pa.RecordBatch)
    outputs = batches | "Halve" >> beam.ParDo(HalveBatch()).with_outputs("errors", "counts", main="rows")
    kinds = {name: beam.coders.registry.get_coder(outputs[name].element_type) for name in ("rows", "errors", "counts")}
    assert isinstance(kinds["rows"], RecordBatchCoder)
    assert isinstance(kinds["errors"], RecordBatchCoder)
    assert isinstance(kinds["counts"], beam.coders.TupleCoder)
