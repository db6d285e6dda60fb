"""Rival: the same job as a program for one machine. Polars reads, joins and sorts; the kernel is the project's own.

`python -m benchmarks.single_process --interactions LOG --items CATALOGUE --output FILE`
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.catalogue_terms import salient_terms
from schemas import TIMESTAMP
from transforms.journeys.catalogue import Catalogue, pack_catalogue, unpack_catalogue
from transforms.journeys.explaining_terms import explain_journeys
from transforms.journeys.histories import Histories
from transforms.journeys.icpc import IcpcConfig, extract_journeys
from transforms.journeys.rows import journey_rows
from transforms.journeys.stages import ExtractConfig


class SortedLog(NamedTuple):
    """All histories, ready for the kernel.

    Attributes:
        histories: of all users.
        items: int32, shape (events,): the number of each event's item.
        catalogue: the items and terms.
    """

    histories: Histories
    items: npt.NDArray[np.int32]
    catalogue: Catalogue


def sorted_log(interactions: Path, items: Path) -> SortedLog:
    """Reads log and catalogue, joins them, sorts, and cuts each history to its last interactions."""
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(pq.read_table(items))]))
    numbers = {"item_id": catalogue.item_ids, "item": np.arange(len(catalogue.item_ids), dtype=np.int32)}
    log = (
        pl.scan_parquet(interactions / "*.parquet")
        .select("user_id", "item_id", "timestamp")
        .join(pl.LazyFrame(numbers), on="item_id")
        .select("user_id", "timestamp", "item")
        .sort("user_id", "timestamp", "item")
        .collect()
    )
    users = log["user_id"].rle().struct.unnest()
    lengths = users["len"].to_numpy().astype(np.int64)
    kept_lengths = np.minimum(lengths, ExtractConfig.max_history)
    if kept_lengths.sum() < len(log):
        log = log.select("timestamp", "item").filter(pl.Series(_last(lengths, kept_lengths)))
    return SortedLog(
        Histories(
            user_ids=users["value"].to_arrow().cast(pa.string()),
            offsets=np.concatenate([[0], np.cumsum(kept_lengths)]),
            events=pa.record_batch({"timestamp": log["timestamp"].to_arrow().cast(TIMESTAMP)}),
            truncated=kept_lengths < lengths,
            removed=lengths - kept_lengths,
        ),
        log["item"].to_numpy(),
        catalogue,
    )


def _last(lengths: npt.NDArray[np.int64], kept_lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which elements of runs are among the last `kept_lengths` of their run."""
    return np.arange(lengths.sum()) >= np.repeat(np.cumsum(lengths) - kept_lengths, lengths)


def run(interactions: Path, items: Path, output: Path) -> None:
    """Writes the journeys of a log."""
    log = sorted_log(interactions, items)
    journeys = extract_journeys(log.histories.offsets, log.items, log.catalogue.term_vectors, IcpcConfig())
    terms = explain_journeys(journeys, log.histories.offsets, log.items, log.catalogue, IcpcConfig())
    rows = journey_rows(journeys, terms, log.histories, log.items, log.catalogue)
    pq.write_table(pa.Table.from_batches([rows]), output, compression="zstd")


def main() -> None:
    """Runs the job that the command line describes."""
    parser = argparse.ArgumentParser(prog="single_process", description=__doc__)
    parser.add_argument("--interactions", type=Path, required=True, help="Folder of parquet files.")
    parser.add_argument("--items", type=Path, required=True, help="Parquet file.")
    parser.add_argument("--output", type=Path, required=True, help="File for the journeys.")
    given = parser.parse_args()
    run(given.interactions, given.items, given.output)


if __name__ == "__main__":
    main()
