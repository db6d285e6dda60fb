"""A log with obvious journeys, and its sweep."""

import pyarrow as pa

from tests.transforms.journeys.events import Event, events, salient_terms
from transforms.journeys.catalogue import Catalogue, pack_catalogue, unpack_catalogue
from transforms.journeys.config import ExtractConfig, IcpcConfig, SweepConfig
from transforms.journeys.histories import build_histories
from transforms.journeys.interactions import EVENTS
from transforms.journeys.sweep import sweep

ITEMS = [{"tea": 1.0}, {"tea": 1.0}, {"tea": 1.0}, {"chess": 1.0}, {"chess": 1.0}, {"rope": 1.0}, {}]
CATALOGUE = unpack_catalogue(pack_catalogue([salient_terms(ITEMS)]))
LOG = [
    *(("a", time, item) for time, item in enumerate([0, 1, 2, 3, 4, 4, 5])),  # tea 3, chess 2, rope 1
    *(("b", time, item) for time, item in enumerate([0, 0, 1, 6])),  # tea 2, one without terms
    *(("c", time, item) for time, item in enumerate([3, 4, 5])),  # chess 2, rope 1
    ("d", 0, 6),
]


def config(**changes: float | None) -> ExtractConfig:
    """Journeys by terms of two items or more."""
    return ExtractConfig(IcpcConfig(min_size=2), sweep=SweepConfig(**changes))


def sweep_log(log: list[Event], catalogue: Catalogue, config: ExtractConfig) -> pa.RecordBatch:
    """Run `sweep` on a log."""
    histories = build_histories([events(log)], EVENTS, 1000)
    return sweep(histories.offsets, histories.events["item"].to_numpy(), catalogue, config)
