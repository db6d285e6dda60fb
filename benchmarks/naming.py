"""`python -m benchmarks.naming`: measure the speed of naming by a language model, compared with plain transformers.

The prompts are those of journeys of the sample. All methods run alternately, in rounds, so that other load of the
machine affects all of them. Names per second are medians over the rounds, without loading. On a machine with a GPU,
models with the shapes of larger ones are measured too.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch
import transformers
from rich.console import Console
from transformers import AutoTokenizer

from benchmarks.naming_rivals import Complete, PlainGenerate, WithoutSharing, texts_of
from benchmarks.report import Lines, Metric, Target, print_report, three_digits, to_markdown
from benchmarks.sample_prompts import sample_fields
from pipelines.common.models import DEFAULT_NUM_CANDIDATES, DEFAULT_SELECTION_ENCODER
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt
from transforms.language_models.spec import parse_model_spec
from transforms.language_models.transformers_model import TransformersModel
from transforms.naming.adapter import PACKAGED_MODELS
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import PromptFields, prompt_template, render_prompt
from transforms.naming.selection import NameSelectorConfig
from transforms.precision.dtype import DTypeName, cpu_has_bfloat16

_TOGETHER = 32
_WARM_UP = 4
_GIGABYTE = 1e9
_OURS, _OURS_32, _SINGLES, _ONE, _BATCHES = (
    "batches",
    "batches, 32 bits",
    "batches, one prompt per call",
    "generate(), one prompt per call",
    f"generate(), {_TOGETHER} prompts per call",
)
_CHOSEN = f"batches, selected among {DEFAULT_NUM_CANDIDATES} names"
_SHARED, _UNSHARED = "worked examples processed once", "worked examples processed with each prompt"

_progress = Console(stderr=True, highlight=False, soft_wrap=True)


class NamingMethod(NamedTuple):
    """A method of completing prompts.

    Attributes:
        name: name in the report.
        complete: prompts -> texts.
        prompts: number of prompts per round; slow methods get few.
    """

    name: str
    complete: Complete
    prompts: int


class Measured(NamedTuple):
    """One round of one method.

    Attributes:
        seconds: wall time.
        cpu_seconds: CPU time of this process, summed over all cores.
        texts: the completions.
    """

    seconds: float
    cpu_seconds: float
    texts: list[str]


class Rounds:
    """Measured rounds of several methods."""

    def __init__(self, methods: Sequence[NamingMethod], prompts: Sequence[str], repeats: int) -> None:
        self._methods = {method.name: method for method in methods}
        self._prompts = prompts
        for method in methods:
            method.complete(prompts[:_WARM_UP])  # warm-up: allocates memory, compiles kernels
        self._measured: dict[str, list[Measured]] = {method.name: [] for method in methods}
        for _ in range(repeats):
            for method in methods:
                measured = _measure(method, prompts)
                self._measured[method.name].append(measured)
                _progress.print(f"{method.name}: {method.prompts / measured.seconds:.2f} names/s")

    def rate(self, name: str) -> float:
        """Return the median number of names per second."""
        return self._methods[name].prompts / statistics.median(each.seconds for each in self._measured[name])

    def cpu_rate(self, name: str) -> float:
        """Return the median number of names per CPU second, which is least affected by other load of the machine."""
        return self._methods[name].prompts / statistics.median(each.cpu_seconds for each in self._measured[name])

    def ratio(self, first: str, second: str) -> float:
        """Compute the speed of a method relative to another: the median of the ratios within rounds."""
        numbers = self._methods[first].prompts, self._methods[second].prompts
        pairs = zip(self._measured[first], self._measured[second], strict=True)
        return statistics.median((numbers[0] / one.seconds) / (numbers[1] / other.seconds) for one, other in pairs)

    def same(self, first: str, second: str) -> float:
        """Compute the percentage of equal completions among the prompts that both methods completed."""
        pairs = list(zip(self._measured[first][0].texts, self._measured[second][0].texts, strict=False))
        return 100 * sum(one == other for one, other in pairs) / len(pairs)

    def rows(self, tokenizer: Any) -> list[tuple[str, ...]]:
        """Return a row of the report per method."""
        return [
            (
                method.name,
                f"{method.prompts}",
                three_digits(self.rate(method.name), "/s"),
                three_digits(self.cpu_rate(method.name), "/s"),
                f"{self._tokens(method, tokenizer) * self.rate(method.name):,.0f}",
            )
            for method in self._methods.values()
        ]

    def _tokens(self, method: NamingMethod, tokenizer: Any) -> float:
        """Return the mean number of tokens of a prompt and its completion, without the common prefix of all prompts."""
        texts = [*self._prompts[: method.prompts], *self._measured[method.name][0].texts]
        return sum(len(tokenize_prompt(tokenizer, text)) for text in texts) / method.prompts


_COLUMNS = ("method", "prompts", "names", "names, CPU time", "tokens per second")


def _measure(method: NamingMethod, prompts: Sequence[str]) -> Measured:
    gc.collect()
    started, cpu_started = time.perf_counter(), time.process_time()
    texts = method.complete(prompts[: method.prompts])
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return Measured(time.perf_counter() - started, time.process_time() - cpu_started, texts)


class Loader(NamedTuple):
    """The measured model, to be loaded by several implementations."""

    folder: ModelFolder
    adapter: AdapterFolder | None
    decoding: DecodingConfig

    def ours(
        self,
        around: PromptTemplate,
        dtype: DTypeName = "auto",
        kind: type[TransformersModel] = TransformersModel,
        num_sequences: int = 1,
    ) -> TransformersModel:
        """Load the model with the implementation of the project."""
        decoding = dataclasses.replace(self.decoding, num_sequences=num_sequences)
        return kind(self.folder, self.adapter, around, decoding, dtype=dtype)

    def rival(self, around: PromptTemplate, together: int) -> PlainGenerate:
        """Load the model with `generate()` of transformers."""
        return PlainGenerate(self.folder, self.adapter, around, self.decoding.max_new_tokens, together)


def measure_batches(
    loader: Loader, fields: Sequence[PromptFields], few: int, repeats: int
) -> tuple[Lines, list[Metric]]:
    """Compare with transformers, without a template around a prompt."""
    fields_by_prompt = {render_prompt(each): each for each in fields}
    prompts = list(fields_by_prompt)
    bare = PromptTemplate()
    model = loader.ours(bare)
    one = loader.rival(bare, 1)
    several = loader.ours(bare, num_sequences=DEFAULT_NUM_CANDIDATES)
    selector = NameSelectorConfig(NamingConfig(method="fine_tuned"), EncoderSpec(DEFAULT_SELECTION_ENCODER)).load()

    def selected(prompts: Sequence[str]) -> list[str]:
        own = [fields_by_prompt[prompt] for prompt in prompts]
        return selector.select(own, [each.completions for each in several.generate(prompts)])

    methods = [
        NamingMethod(_OURS, texts_of(model), len(prompts)),
        NamingMethod(_ONE, one, few),
        NamingMethod(_BATCHES, loader.rival(bare, _TOGETHER), len(prompts)),
        NamingMethod(_SINGLES, lambda prompts: [text for each in prompts for text in texts_of(model)([each])], few),
        NamingMethod(_OURS_32, texts_of(loader.ours(bare, "float32")), len(prompts)),
        NamingMethod(_CHOSEN, selected, len(prompts)),
    ]
    rounds = Rounds(methods, prompts, repeats)
    tuned = loader.adapter is not None and not torch.cuda.is_available()
    metrics = [
        Metric(_OURS, rounds.rate(_OURS), "names/s", Target(10, at_least=True) if tuned else None),
        Metric(_CHOSEN, rounds.rate(_CHOSEN), "names/s"),
        Metric(f"{_OURS} / {_ONE}", rounds.ratio(_OURS, _ONE), "×", Target(5, at_least=True)),
        Metric(f"{_OURS} / {_BATCHES}", rounds.ratio(_OURS, _BATCHES), "×"),
        Metric(f"{_OURS} / {_OURS_32}", rounds.ratio(_OURS, _OURS_32), "×"),
        Metric(f"same names, {_OURS} and {_SINGLES}", rounds.same(_OURS, _SINGLES), "%", Target(100, at_least=True)),
        Metric(f"same names, {_OURS} and {_ONE} ({one.dtype})", rounds.same(_OURS, _ONE), "%"),
        Metric(f"same names, {_OURS} and {_OURS_32}", rounds.same(_OURS, _OURS_32), "%"),
    ]
    return Lines("Batches", _COLUMNS, rounds.rows(one.tokenizer)), metrics


def measure_sharing(
    loader: Loader, fields: Sequence[PromptFields], few: int, repeats: int
) -> tuple[Lines, list[Metric]]:
    """Compare worked examples that are processed once with those that are processed with every prompt."""
    prompts = [render_prompt(each) for each in fields]
    around = prompt_template(NamingConfig(method="few_shot"))
    tokenizer = AutoTokenizer.from_pretrained(loader.folder.folder)
    tables, metrics = [], []
    for dtype in ("auto", "float32") if cpu_has_bfloat16() else ("auto",):
        shared, unshared = (loader.ours(around, dtype, kind) for kind in (TransformersModel, WithoutSharing))
        names = [f"{name}{', 32 bits' if dtype == 'float32' else ''}" for name in (_SHARED, _UNSHARED)]
        methods = [
            NamingMethod(names[0], texts_of(shared), len(prompts)),
            NamingMethod(names[1], texts_of(unshared), few),
        ]
        rounds = Rounds(methods, prompts, repeats)
        tables += rounds.rows(tokenizer)
        metrics += [
            Metric(f"{names[0]} / {names[1]}", rounds.ratio(*names), "×", Target(4, at_least=True)),
            Metric(f"same names, {names[0]} and {_UNSHARED}", rounds.same(*names), "%"),
        ]
    return Lines("Worked examples", _COLUMNS, tables), metrics


def notes(given: argparse.Namespace, loader: Loader) -> list[str]:
    """Return notes on how the metrics were measured."""
    memory = psutil.virtual_memory().total / _GIGABYTE
    adapter = f" with the adapter {loader.adapter.folder.name}" if loader.adapter else ""
    packages = f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}"
    return [
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB memory, {torch.get_num_threads()} threads.",
        f"{packages}.",
        f"{given.model}{adapter}; completions are greedy, of at most {loader.decoding.max_new_tokens} tokens.",
        f"Medians of {given.repeats} rounds; ratios are taken within a round. Loading is not counted.",
        "Names per CPU second are those that one core would generate without other load.",
        "generate() is that of transformers, with the dtype that from_pretrained selects, LoRA merged.",
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.naming", description=__doc__)
    add = parser.add_argument
    add("--model", default="smollm2", help="Decoder-only model with a chat template, as in `pipelines.name`.")
    add("--adapter", default="", help="LoRA folder for the model.")
    add("--prompts", type=int, default=256, help="Number of prompts.")
    add("--few", type=int, default=32, help="Number of prompts of slow methods.")
    add("--repeats", type=int, default=3, help="Number of rounds.")
    add(
        "--max_new_tokens",
        type=int,
        default=DecodingConfig.max_new_tokens,
        help="Maximum number of tokens of a completion.",
    )
    default_data = Path(tempfile.gettempdir()) / "interest-journeys-benchmarks"
    add("--data", type=Path, default=default_data, help="Folder in which prompts are stored.")
    add("--report", type=Path, help="Markdown file for the results.")
    given = parser.parse_args(argv)
    if not 1 <= given.few <= given.prompts:
        parser.error(f"--few must be in [1, {given.prompts}], got {given.few}")
    if given.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {given.repeats}")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; missed targets are reported but do not fail the command."""
    given = parse(argv)
    spec = parse_model_spec(given.model, given.adapter, PACKAGED_MODELS)
    loader = Loader(*spec.locate(), DecodingConfig(given.max_new_tokens))
    fields = sample_fields(given.data, given.prompts)
    tables, metrics = [], []
    for measure in (measure_batches, measure_sharing):
        table, found = measure(loader, fields, given.few, given.repeats)
        tables.append(table)
        metrics += found
    if torch.cuda.is_available():
        from benchmarks.naming_gpu import measure_shapes

        prompts = [render_prompt(each) for each in fields]
        tables.append(measure_shapes(loader.folder, prompts, given.data))
    tables.append(Lines.of("Metrics", metrics))
    print_report(tables, metrics, Console(highlight=False, width=max(100, Console().width)))
    if given.report:
        given.report.write_text(
            to_markdown("Names by a language model", tables, notes(given, loader)), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
