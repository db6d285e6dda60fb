"""Fields of naming prompts for the journeys of the sample."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measurement import measure
from schemas import JOURNEYS
from transforms.naming.assignment import Journey, NamingRequest, fields_of
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import PromptFields, render_prompt
from transforms.naming.prompt_inputs import JOURNEY_COLUMNS, build_inputs, join_titles, title_requests

_ITEMS = Path(__file__).parents[1] / "samples" / "arxiv_authors" / "items.parquet"
_SEED = 0


def sample_fields(data: Path, number: int, config: NamingConfig | None = None) -> list[PromptFields]:
    """Sample the fields of distinct prompts for journeys of the sample log uniformly.

    Args:
        data: folder in which the fields of all prompts are stored; they are created if they do not exist.
        number: maximum number of prompts.
        config: selects the fields of a prompt; None: titles.
    """
    config = config or NamingConfig(method="fine_tuned")
    kept = data / f"sample-prompt-fields-{config.prompt_fields}-{config.max_items}.json"
    if not kept.exists():
        data.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(_all_fields(config)), encoding="utf-8")
    stored = [PromptFields(*map(tuple, each)) for each in json.loads(kept.read_text(encoding="utf-8"))]
    sampled = np.random.default_rng(_SEED).permutation(len(stored))[:number]
    return [stored[index] for index in sampled]


def _all_fields(config: NamingConfig) -> list[PromptFields]:
    """Return the fields of all distinct prompts, in the order of the prompts."""
    with tempfile.TemporaryDirectory(prefix="journeys-bench-") as folder:
        measure("pipelines.extract", ["--runner=FnApiRunner", f"--workspace={folder}"])
        journeys = _rows(Path(folder) / JOURNEYS.name)
    found = join_titles([title_requests(journeys, config)], [_rows(_ITEMS)], config.max_title_characters)
    alone = journeys.select(JOURNEY_COLUMNS.names).cast(JOURNEY_COLUMNS)
    rows = build_inputs([alone], [found.titled], config).to_pylist()
    found_fields = {fields_of(NamingRequest(Journey(**row)), config) for row in rows if row["titles"] or row["terms"]}
    return sorted(found_fields, key=render_prompt)


def _rows(path: Path) -> pa.RecordBatch:
    (rows,) = pq.read_table(path).combine_chunks().to_batches()
    return rows
