"""Runs a piece of a graph in this process and gives back what came out."""

import pickle
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def _save(elements: list[Any], path: str) -> None:
    Path(path).write_bytes(pickle.dumps(elements))


def run_graph(build: Callable[[beam.Pipeline], Mapping[str, beam.PCollection]]) -> dict[str, list[Any]]:
    """The elements of each collection that `build` names, in no order."""
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(FnApiRunner()) as pipeline:
            for name, collection in build(pipeline).items():
                path = str(Path(folder) / name)
                collection | f"List[{name}]" >> beam.combiners.ToList() | f"Save[{name}]" >> beam.Map(_save, path)
        return {path.name: pickle.loads(path.read_bytes()) for path in Path(folder).iterdir()}


def create(pipeline: beam.Pipeline, label: str, batches: list[pa.RecordBatch]) -> beam.PCollection:
    """Record batches as a collection, each in its own bundle."""
    return pipeline | label >> beam.Create(batches).with_output_types(pa.RecordBatch)
