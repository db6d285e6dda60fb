"""`python -m benchmarks.candidates`: measure names selected among candidates, with and without a shared prompt cache.

The prompts are those of journeys of the sample, with titles and terms. Both methods run alternately, in rounds. CPU
time is that of this process, which other load of the machine affects least. Names per second on two cores are those of
two such processes with one thread each. A processor without AVX-512 is measured by
`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python -m benchmarks.candidates --dtype=float32`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast, get_args

import torch
from rich.console import Console

from benchmarks.report import Lines, Metric, print_report, three_digits
from benchmarks.sample_prompts import sample_fields
from pipelines.common.models import DEFAULT_NUM_CANDIDATES, DEFAULT_SELECTION_ENCODER
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.interface import NBest
from transforms.language_models.transformers_model import TransformersModel
from transforms.naming.adapter import BUILTIN, PACKAGED_MODELS
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import PromptFields, prompt_template, render_prompt
from transforms.naming.selection import NameSelector, NameSelectorConfig
from transforms.precision.dtype import DTypeName, encoder_dtype

SHARED, COPIED = "one cache for each prompt", "one cache for each candidate"
_COLUMNS = ("method", "CPU seconds per name", "of that, selection", "wall seconds per name")
_WARM_UP = 4

_progress = Console(stderr=True, highlight=False, soft_wrap=True)


class Round(NamedTuple):
    """One measured round of one method.

    Attributes:
        cpu: CPU seconds of the process for generation and selection.
        selection: CPU seconds of selection.
        wall: wall seconds for both.
        completions: the candidates of each prompt.
        names: the selected names.
    """

    cpu: float
    selection: float
    wall: float
    completions: list[NBest]
    names: list[str]


def measure(model: TransformersModel, selector: NameSelector, fields: Sequence[PromptFields], shared: bool) -> Round:
    """Name the journeys of prompts with some fields by one of both methods."""
    prompts = [render_prompt(each) for each in fields]
    model.shares_prompts = shared
    wall, cpu = time.perf_counter(), time.process_time()
    completions = model.generate(prompts)
    generated = time.process_time()
    names = selector.select(fields, [each.completions for each in completions])
    ended = time.process_time()
    return Round(ended - cpu, ended - generated, time.perf_counter() - wall, completions, names)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.candidates", description=__doc__)
    add = parser.add_argument
    add("--prompts", type=int, default=64, help="Number of prompts.")
    add("--repeats", type=int, default=3, help="Number of rounds.")
    add("--threads", type=int, default=1, help="Number of threads of torch.")
    add("--num_candidates", type=int, default=DEFAULT_NUM_CANDIDATES, help="Number of candidates of a name.")
    add("--max_items", type=int, default=NamingConfig().max_items, help="Maximum number of titles in a prompt.")
    add("--dtype", choices=get_args(DTypeName), default="auto", help="Data type of the model.")
    default_data = Path(tempfile.gettempdir()) / "interest-journeys-benchmarks"
    add("--data", type=Path, default=default_data, help="Folder in which prompts are stored.")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    given = parse(argv)
    torch.set_num_threads(given.threads)
    naming = NamingConfig(method="fine_tuned", prompt_fields="both", max_items=given.max_items)
    fields = sample_fields(given.data, given.prompts, naming)
    folder, adapter = PACKAGED_MODELS[BUILTIN].locate()
    decoding = DecodingConfig(num_sequences=given.num_candidates)
    dtype = cast(DTypeName, given.dtype)
    template, encoder = prompt_template(naming), EncoderSpec(DEFAULT_SELECTION_ENCODER, dtype=encoder_dtype(dtype))
    model = TransformersModel(folder, adapter, template, decoding, dtype=dtype, int8_without_bfloat16=True)
    selector = NameSelectorConfig(naming, encoder).load()
    methods = {COPIED: False, SHARED: True}
    rounds: dict[str, list[Round]] = {name: [] for name in methods}
    for shared in methods.values():
        measure(model, selector, fields[:_WARM_UP], shared)
    for _ in range(given.repeats):
        for name, shared in methods.items():
            rounds[name].append(measure(model, selector, fields, shared))
            _progress.print(f"{name}: {rounds[name][-1].cpu / len(fields):.3f} CPU seconds per name")

    def median(name: str, value: str) -> float:
        return statistics.median(getattr(each, value) for each in rounds[name]) / len(fields)

    rows = [
        (name, *(three_digits(median(name, value), "s") for value in ("cpu", "selection", "wall"))) for name in methods
    ]
    first, second = (rounds[name][0] for name in methods)
    metrics = [
        Metric(f"speed, {SHARED} / {COPIED}", median(COPIED, "cpu") / median(SHARED, "cpu"), "×"),
        Metric(f"names per second on two cores, {SHARED}", 2 / median(SHARED, "cpu"), "names/s"),
        Metric("prompts with the same candidates", _equal(_texts(first), _texts(second)), "%"),
        Metric("same names", _equal(first.names, second.names), "%"),
    ]
    kind = f"{torch.backends.cpu.get_cpu_capability()}, {str(model._model.dtype).removeprefix('torch.')}"
    tables = [Lines(f"Candidates, {kind}, {len(fields)} prompts", _COLUMNS, rows), Lines.of("Metrics", metrics)]
    print_report(tables, metrics, Console(highlight=False, width=max(100, Console().width)))
    return 0


def _texts(found: Round) -> list[list[str]]:
    return [[completion.text for completion in nbest.completions] for nbest in found.completions]


def _equal(first: Sequence[object], second: Sequence[object]) -> float:
    """Compute the percentage of equal elements."""
    return 100 * sum(one == other for one, other in zip(first, second, strict=True)) / len(first)


if __name__ == "__main__":
    sys.exit(main())
