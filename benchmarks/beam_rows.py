"""Rival: the same job as a straightforward Beam program, one Python row at a time.

`python -m benchmarks.beam_rows --interactions LOG --items CATALOGUE --output FOLDER`
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io import ReadFromParquet, WriteToParquet
from apache_beam.options.pipeline_options import PipelineOptions

from benchmarks.catalogue_terms import salient_terms
from benchmarks.plain_icpc import PlainJourney, Terms, plain_journeys
from benchmarks.plain_terms import plain_terms
from schemas import JOURNEYS
from transforms.journeys.icpc import IcpcConfig
from transforms.journeys.stages import ExtractConfig

Row = dict[str, Any]
Visit = tuple[datetime.datetime, str]

_CONFIG = IcpcConfig()
_MAX_HISTORY = ExtractConfig.max_history
_WRITTEN = pa.schema([field for field in JOURNEYS.arrow if field.name != "journey_id"])


def terms_of_items(items: list[Row]) -> Iterator[tuple[str, Terms]]:
    """Each item with its salient terms."""
    for row in salient_terms(pa.Table.from_pylist(items)).to_pylist():
        yield row["item_id"], dict(zip(row["terms"], row["saliences"], strict=True))


def key_by_user(row: Row, terms: dict[str, Terms]) -> Iterator[tuple[str, Visit]]:
    """An interaction under its user; none for an item that is not in the catalogue."""
    if row["item_id"] in terms:
        yield row["user_id"], (row["timestamp"], row["item_id"])


def journeys_of_user(user: tuple[str, Iterable[Visit]], terms: dict[str, Terms]) -> Iterator[Row]:
    """Rows of journeys for all that one user did."""
    user_id, visits = user
    history = sorted(set(visits))[-_MAX_HISTORY:]
    journeys = plain_journeys(((item, terms[item]) for _, item in history), _CONFIG)

    def size_then_recency(journey: PlainJourney) -> tuple[int, float, int]:
        return -len(journey.items), -history[journey.events[-1]][0].timestamp(), journey.opened

    for rank, journey in enumerate(sorted(journeys, key=size_then_recency), start=1):
        members = [history[event][1] for event in journey.events]
        explaining = plain_terms(members, (item for _, item in history), terms, _CONFIG)
        times = [history[event][0] for event in journey.events]
        yield {
            "user_id": user_id,
            "rank": rank,
            "size": len(journey.items),
            "item_ids": members,
            "timestamps": times,
            "terms": [term for term, _ in explaining],
            "weights": [weight for _, weight in explaining],
            "first_timestamp": times[0],
            "last_timestamp": times[-1],
        }


def build(pipeline: beam.Pipeline, interactions: str, items: str, output: str) -> None:
    """Adds the whole job to a pipeline."""
    terms = (
        pipeline
        | "ReadItems" >> ReadFromParquet(items)
        | "AllItems" >> beam.combiners.ToList()
        | "Terms" >> beam.FlatMap(terms_of_items)
    )
    _ = (
        pipeline
        | "ReadInteractions"
        >> ReadFromParquet(f"{interactions}/*.parquet", columns=["user_id", "item_id", "timestamp"])
        | "KeyByUser" >> beam.FlatMap(key_by_user, beam.pvalue.AsDict(terms))
        | "GroupByUser" >> beam.GroupByKey()
        | "Journeys" >> beam.FlatMap(journeys_of_user, beam.pvalue.AsDict(terms))
        | "Write" >> WriteToParquet(f"{output}/part", _WRITTEN, codec="zstd", file_name_suffix=".parquet")
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the job that a command line describes."""
    parser = argparse.ArgumentParser(prog="beam_rows", description=__doc__)
    parser.add_argument("--interactions", required=True, help="Folder of parquet files.")
    parser.add_argument("--items", required=True, help="Parquet file.")
    parser.add_argument("--output", required=True, help="Folder for the journeys.")
    given = parser.parse_args(argv)
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        build(pipeline, given.interactions, given.items, given.output)


if __name__ == "__main__":
    main()
