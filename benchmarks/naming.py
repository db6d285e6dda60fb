"""`python -m benchmarks.naming`: how fast a language model names journeys, beside transformers alone, in one run.

Questions are those about journeys of the sample. All ways are asked in turn, in rounds, so that what else the machine
does meets all of them; names a second are medians of the rounds, after loading. On a machine with a GPU, models of the
shapes of larger ones are measured too.
"""

from __future__ import annotations

import argparse
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

from benchmarks.naming_rivals import Answers, PlainGenerate, WithoutSharing, texts_of
from benchmarks.report import Figure, Lines, Target, print_report, three_digits, to_markdown
from benchmarks.sample_questions import sample_questions
from pipelines.common.models import DEFAULT_NUM_CANDIDATES, DEFAULT_SELECTION_ENCODER
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.choosing import Choosing
from transforms.language_models.dtype import DTypeName, cpu_has_bfloat16
from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.loading import locate_adapter, locate_model
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt
from transforms.language_models.spec import DecodingConfig, parse_model_spec
from transforms.language_models.transformers_model import TransformersModel
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import prompt_template
from transforms.naming.selection import NameSelectorConfig

_TOGETHER = 32
_WARM_UP = 4
_GIGABYTE = 1e9
_OURS, _OURS_32, _SINGLES, _ONE, _BATCHES = (
    "batches",
    "batches, 32 bits",
    "batches, one question a call",
    "generate(), one question a call",
    f"generate(), {_TOGETHER} questions a call",
)
_CHOSEN = f"batches, chosen among {DEFAULT_NUM_CANDIDATES} names"
_SHARED, _UNSHARED = "worked examples read once", "worked examples read with each question"

_progress = Console(stderr=True, highlight=False, soft_wrap=True)


class NamingMethod(NamedTuple):
    """A way to have questions answered.

    Attributes:
        name: what the report calls it.
        answer: questions -> texts.
        questions: how many of the questions it is asked in a round: slow ways are asked few.
    """

    name: str
    answer: Answers
    questions: int


class Measured(NamedTuple):
    """One round of one way.

    Attributes:
        seconds: wall time.
        cpu_seconds: what this process had of all cores.
        texts: the answers.
    """

    seconds: float
    cpu_seconds: float
    texts: list[str]


class Rounds:
    """What was measured of some ways."""

    def __init__(self, ways: Sequence[NamingMethod], questions: Sequence[str], repeats: int) -> None:
        self._ways = {way.name: way for way in ways}
        self._questions = questions
        for way in ways:
            way.answer(questions[:_WARM_UP])  # memory is taken, kernels are made
        self._measured: dict[str, list[Measured]] = {way.name: [] for way in ways}
        for _ in range(repeats):
            for way in ways:
                measured = _measure(way, questions)
                self._measured[way.name].append(measured)
                _progress.print(f"{way.name}: {way.questions / measured.seconds:.2f} names/s")

    def rate(self, name: str) -> float:
        """Names a second, the median."""
        return self._ways[name].questions / statistics.median(each.seconds for each in self._measured[name])

    def cpu_rate(self, name: str) -> float:
        """Names in a second of one core's time, the median: suffers least from what else the machine does."""
        return self._ways[name].questions / statistics.median(each.cpu_seconds for each in self._measured[name])

    def ratio(self, first: str, second: str) -> float:
        """How many times as fast one way is as another: the median over the rounds, each by itself."""
        numbers = self._ways[first].questions, self._ways[second].questions
        pairs = zip(self._measured[first], self._measured[second], strict=True)
        return statistics.median((numbers[0] / one.seconds) / (numbers[1] / other.seconds) for one, other in pairs)

    def same(self, first: str, second: str) -> float:
        """Share of questions that both were asked and answered with one text, in percent."""
        pairs = list(zip(self._measured[first][0].texts, self._measured[second][0].texts, strict=False))
        return 100 * sum(one == other for one, other in pairs) / len(pairs)

    def rows(self, tokenizer: Any) -> list[tuple[str, ...]]:
        """A line of the report for each way."""
        return [
            (
                way.name,
                f"{way.questions}",
                three_digits(self.rate(way.name), "/s"),
                three_digits(self.cpu_rate(way.name), "/s"),
                f"{self._tokens(way, tokenizer) * self.rate(way.name):,.0f}",
            )
            for way in self._ways.values()
        ]

    def _tokens(self, way: NamingMethod, tokenizer: Any) -> float:
        """Tokens of a question and its answer, on average; what stands before all questions is not counted."""
        texts = [*self._questions[: way.questions], *self._measured[way.name][0].texts]
        return sum(len(tokenize_prompt(tokenizer, text)) for text in texts) / way.questions


_COLUMNS = ("way", "questions", "names", "names, CPU time", "tokens a second")


def _measure(way: NamingMethod, questions: Sequence[str]) -> Measured:
    gc.collect()
    started, cpu_started = time.perf_counter(), time.process_time()
    texts = way.answer(questions[: way.questions])
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return Measured(time.perf_counter() - started, time.process_time() - cpu_started, texts)


class Loader(NamedTuple):
    """The model that is measured, in its several ways."""

    folder: ModelFolder
    adapter: AdapterFolder | None
    decoding: DecodingConfig

    def ours(
        self, around: PromptTemplate, dtype: DTypeName = "auto", kind: type[TransformersModel] = TransformersModel
    ) -> TransformersModel:
        """As the project has it."""
        return kind(self.folder, self.adapter, around, self.decoding, dtype=dtype)

    def rival(self, around: PromptTemplate, together: int) -> PlainGenerate:
        """As transformers has it."""
        return PlainGenerate(self.folder, self.adapter, around, self.decoding.max_new_tokens, together)


def measure_batches(loader: Loader, questions: Sequence[str], few: int, repeats: int) -> tuple[Lines, list[Figure]]:
    """Ours beside transformers, without anything around a question."""
    bare = PromptTemplate()
    model = loader.ours(bare)
    one = loader.rival(bare, 1)
    choice = NameSelectorConfig(
        NamingConfig(method="fine_tuned"), EncoderSpec(DEFAULT_SELECTION_ENCODER), DEFAULT_NUM_CANDIDATES
    )
    ways = [
        NamingMethod(_OURS, texts_of(model), len(questions)),
        NamingMethod(_ONE, one, few),
        NamingMethod(_BATCHES, loader.rival(bare, _TOGETHER), len(questions)),
        NamingMethod(_SINGLES, lambda asked: [text for each in asked for text in texts_of(model)([each])], few),
        NamingMethod(_OURS_32, texts_of(loader.ours(bare, "float32")), len(questions)),
        NamingMethod(_CHOSEN, texts_of(Choosing(model, choice.load(), choice.candidates)), len(questions)),
    ]
    rounds = Rounds(ways, questions, repeats)
    tuned = loader.adapter is not None and not torch.cuda.is_available()
    figures = [
        Figure(_OURS, rounds.rate(_OURS), "names/s", Target(10, at_least=True) if tuned else None),
        Figure(_CHOSEN, rounds.rate(_CHOSEN), "names/s"),
        Figure(f"{_OURS} / {_ONE}", rounds.ratio(_OURS, _ONE), "×", Target(5, at_least=True)),
        Figure(f"{_OURS} / {_BATCHES}", rounds.ratio(_OURS, _BATCHES), "×"),
        Figure(f"{_OURS} / {_OURS_32}", rounds.ratio(_OURS, _OURS_32), "×"),
        Figure(f"same names, {_OURS} and {_SINGLES}", rounds.same(_OURS, _SINGLES), "%", Target(100, at_least=True)),
        Figure(f"same names, {_OURS} and {_ONE} ({one.dtype})", rounds.same(_OURS, _ONE), "%"),
        Figure(f"same names, {_OURS} and {_OURS_32}", rounds.same(_OURS, _OURS_32), "%"),
    ]
    return Lines("Batches", _COLUMNS, rounds.rows(one.tokenizer)), figures


def measure_sharing(loader: Loader, questions: Sequence[str], few: int, repeats: int) -> tuple[Lines, list[Figure]]:
    """Worked examples before each question: read once, or again and again."""
    around = prompt_template(NamingConfig(method="few_shot"))
    tokenizer = AutoTokenizer.from_pretrained(loader.folder.folder)
    tables, figures = [], []
    for dtype in ("auto", "float32") if cpu_has_bfloat16() else ("auto",):
        shared, unshared = (loader.ours(around, dtype, kind) for kind in (TransformersModel, WithoutSharing))
        names = [f"{name}{', 32 bits' if dtype == 'float32' else ''}" for name in (_SHARED, _UNSHARED)]
        ways = [
            NamingMethod(names[0], texts_of(shared), len(questions)),
            NamingMethod(names[1], texts_of(unshared), few),
        ]
        rounds = Rounds(ways, questions, repeats)
        tables += rounds.rows(tokenizer)
        figures += [
            Figure(f"{names[0]} / {names[1]}", rounds.ratio(*names), "×", Target(4, at_least=True)),
            Figure(f"same names, {names[0]} and {_UNSHARED}", rounds.same(*names), "%"),
        ]
    return Lines("Worked examples", _COLUMNS, tables), figures


def notes(given: argparse.Namespace, loader: Loader) -> list[str]:
    """What a reader of the figures must know."""
    memory = psutil.virtual_memory().total / _GIGABYTE
    adapter = f" with the adapter {loader.adapter.folder.name}" if loader.adapter else ""
    packages = f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}"
    return [
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB memory, {torch.get_num_threads()} threads.",
        f"{packages}.",
        f"{given.model}{adapter}; answers are greedy, of at most {loader.decoding.max_new_tokens} tokens.",
        f"Medians of {given.repeats} rounds; ratios are taken within a round. Loading is not counted.",
        "Names in CPU time are what one core would name alone, if nothing else ran.",
        "generate() is that of transformers, with weights of the type that from_pretrained chooses, LoRA merged.",
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.naming", description=__doc__)
    add = parser.add_argument
    add("--model", default="smollm2", help="A decoder with a chat template, as `pipelines.name` takes it.")
    add("--adapter", default="", help="Folder of LoRA for it.")
    add("--questions", type=int, default=256, help="Journeys that are asked about.")
    add("--few", type=int, default=32, help="Journeys that slow ways are asked about.")
    add("--repeats", type=int, default=3, help="Rounds.")
    add(
        "--max_new_tokens",
        type=int,
        default=DecodingConfig.max_new_tokens,
        help="Answers are cut after so many tokens.",
    )
    default_data = Path(tempfile.gettempdir()) / "interest-journeys-benchmarks"
    add("--data", type=Path, default=default_data, help="Folder in which questions are kept.")
    add("--report", type=Path, help="Markdown file for the figures.")
    given = parser.parse_args(argv)
    if not 1 <= given.few <= given.questions:
        parser.error(f"--few must be in [1, {given.questions}], got {given.few}")
    if given.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {given.repeats}")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and reports; missed targets are told, but are no failure."""
    given = parse(argv)
    spec = parse_model_spec(given.model, given.adapter)
    loader = Loader(locate_model(spec), locate_adapter(spec), DecodingConfig(given.max_new_tokens))
    questions = sample_questions(given.data, given.questions)
    tables, figures = [], []
    for measure in (measure_batches, measure_sharing):
        table, found = measure(loader, questions, given.few, given.repeats)
        tables.append(table)
        figures += found
    if torch.cuda.is_available():
        from benchmarks.naming_gpu import measure_shapes

        tables.append(measure_shapes(loader.folder, questions, given.data))
    tables.append(Lines.of("Figures", figures))
    print_report(tables, figures, Console(highlight=False, width=max(100, Console().width)))
    if given.report:
        given.report.write_text(
            to_markdown("Names by a language model", tables, notes(given, loader)), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
