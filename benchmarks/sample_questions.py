"""What a language model is asked about the journeys of the sample."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measurement import measure
from schemas import JOURNEYS
from transforms.naming.assignment import Journey, NamingRequest, build_prompt
from transforms.naming.config import NamingConfig
from transforms.naming.prompt_inputs import JOURNEY_COLUMNS, build_inputs, join_titles, title_requests

_ITEMS = Path(__file__).parents[1] / "samples" / "arxiv_authors" / "items.parquet"
_SEED = 0


def sample_questions(data: Path, number: int) -> list[str]:
    """Distinct questions about journeys of the sample, drawn evenly.

    Args:
        data: folder in which all questions are kept; they are made where they are not there.
        number: how many are wanted; there may be fewer.
    """
    kept = data / "sample-questions.json"
    if not kept.exists():
        data.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(_all_questions()), encoding="utf-8")
    questions: list[str] = json.loads(kept.read_text(encoding="utf-8"))
    drawn = np.random.default_rng(_SEED).permutation(len(questions))[:number]
    return [questions[place] for place in drawn]


def _all_questions() -> list[str]:
    with tempfile.TemporaryDirectory(prefix="journeys-bench-") as folder:
        measure("pipelines.extract", ["--runner=FnApiRunner", f"--workspace={folder}"])
        journeys = _rows(Path(folder) / JOURNEYS.name)
    config = NamingConfig(method="fine_tuned")
    found = join_titles([title_requests(journeys, config)], [_rows(_ITEMS)], config.max_title_characters)
    alone = journeys.select(JOURNEY_COLUMNS.names).cast(JOURNEY_COLUMNS)
    rows = build_inputs([alone], [found.titled], config).to_pylist()
    questions = {build_prompt(NamingRequest(Journey(**row)), config) for row in rows}
    return sorted(questions - {""})


def _rows(path: Path) -> pa.RecordBatch:
    (rows,) = pq.read_table(path).combine_chunks().to_batches()
    return rows
