from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, is_stateful_dofn

from tests import beam_caches

STATE = beam.DoFn.StateParam(ReadModifyWriteStateSpec("state", beam.coders.BytesCoder()))


class Stateful(beam.DoFn):
    def process(self, row: Any, state: Any = STATE) -> Any:
        yield row


def graph(options: PipelineOptions) -> bytes:
    """The graph that a runner gets, with functions that are pickled by value and refer to submodules."""
    pipeline = beam.Pipeline(options=options)
    rows = pipeline | beam.Create([("a", 1), ("b", 2)])
    rows | "Double" >> beam.MapTuple(lambda key, value, factor=2: (key, value * factor))
    rows | "Window" >> beam.WindowInto(beam.transforms.window.FixedWindows(60)) | beam.GroupByKey()
    rows | "Name" >> beam.Map(lambda row: beam.io.filesystems.FileSystems.join(row[0], "x"))
    return bytes(pipeline.to_runner_api().SerializeToString(deterministic=True))


def test_a_graph_is_the_same_with_and_without_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--direct_num_workers=3"]
    found = [graph(PipelineOptions(options)) for _ in range(2)]
    monkeypatch.setattr(beam_caches.core, "get_function_args_defaults", beam_caches._arguments_of)
    monkeypatch.setattr(beam_caches.userstate, "get_dofn_specs", beam_caches._specs_of)
    monkeypatch.setattr(PipelineOptions, "view_as", beam_caches._view_of)
    monkeypatch.setattr(beam_caches.cloudpickle, "_find_imported_submodules", beam_caches._submodules_of)
    assert found == [graph(PipelineOptions(options))] * 2


def test_views_share_their_values() -> None:
    first, second = PipelineOptions(["--direct_num_workers=3"]), PipelineOptions([])
    first.view_as(StandardOptions).runner = "DirectRunner"
    first.view_as(StandardOptions).view_as(DirectOptions).direct_num_workers = 4
    assert first.view_as(StandardOptions).runner == first.get_all_options()["runner"] == "DirectRunner"
    assert first.view_as(DirectOptions).direct_num_workers == 4
    assert second.view_as(StandardOptions).runner is None
    assert second.view_as(DirectOptions).direct_num_workers == 1


def test_states_are_those_of_each_function() -> None:
    for _ in range(2):
        assert is_stateful_dofn(Stateful())
        assert not is_stateful_dofn(beam.DoFn())
