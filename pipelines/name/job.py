"""What `name` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any, get_args

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    checkpoint_dir,
    default_num_parts,
    prepare_workspace,
    resolve_dataset,
    resolve_input,
)
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import (
    DEFAULT_NUM_CANDIDATES,
    DEFAULT_SELECTION_ENCODER,
    check_adapter,
    check_word_lists,
    model_label,
    resolve_language_model,
    resolve_name_selector,
    resolve_prompt_fields,
    resolve_safety_model,
)
from schemas import ERRORS, GENERATIONS, ITEMS, JOURNEY_NAMES, JOURNEYS, METRICS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import MAX_SEQUENCES, DecodingConfig
from transforms.language_models.dtype import DTypeName
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.spec import GenerationSpec
from transforms.naming.adapter import BUILTIN
from transforms.naming.config import MAX_FEW_SHOT_EXAMPLES, Method, NamingConfig, PromptFieldSet
from transforms.naming.prompt import prompt_template
from transforms.naming.safety.classifier import CombinedFilter, SafetyModel
from transforms.naming.safety.word_lists import WordLists
from transforms.naming.selection import NameSelectorConfig
from transforms.progress import Progress

_SAMPLE = Path(__file__).parent.parent.parent / "samples" / "arxiv_authors" / "items.parquet"


def _add_choice(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--candidates",
        type=options.bounded_number(int, 1, MAX_SEQUENCES),
        help="Names that the model thinks of, of which one is chosen by what they and the titles have in common. 1: "
        f"its first thought, which is faster. Without it: {DEFAULT_NUM_CANDIDATES} for `--model=builtin`, unless names "
        "are drawn, otherwise 1.",
    )
    add(
        "--encoder",
        help="What makes vectors for that choice: `minilm`, `static`, which is faster and less exact, a folder, or a "
        f"hub id. Without it: {DEFAULT_SELECTION_ENCODER}.",
    )


def _add_endpoint_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    bounded_number = options.bounded_number
    add(
        "--endpoint_timeout",
        type=bounded_number(float, 0, 86_400, above=True),
        default=ClientLimits.timeout,
        help="Seconds that a request to an endpoint waits for a reply.",
    )
    add(
        "--endpoint_concurrency",
        type=bounded_number(int, 1, 1000),
        default=ClientLimits.concurrency,
        help="Requests to an endpoint that each process of a worker has open at a time.",
    )
    add(
        "--endpoint_requests_per_second",
        type=bounded_number(float, 0, 100_000, above=True),
        default=ClientLimits.requests_per_second,
        help="Requests to an endpoint that each process of a worker begins in a second. Without it: no limit.",
    )
    add(
        "--endpoint_retries",
        type=bounded_number(int, 0, 100),
        default=ClientLimits.retries,
        help="How often a request to an endpoint is made again while the server is busy, broken or out of reach.",
    )


def _add_safety_model(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--safety_model", help="Classifier that names must pass, beside word lists: folder or hub id of transformers.")
    add(
        "--safety_labels",
        type=options.comma_separated,
        default=(),
        help="Its labels that mean a name is unsafe: `toxic,threat`. Without it: all, where a text may have several.",
    )
    add(
        "--safety_threshold",
        type=options.bounded_number(float, 0, 1, above=True),
        default=SafetyModel.threshold,
        help="A name is unsafe where one of these labels has at least this probability.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class NameJob(Job):
    """One run, checked: everything that the graph is built from.

    Attributes:
        journeys: what is named.
        items: the catalogue.
        generations: answers of an earlier run; None: there are none.
        item_columns: other names of columns in the catalogue.
        naming: how journeys are named.
        asked: the language model, and what it is asked for; None for `salient`.
        model: what the model is called in the datasets; empty for `salient`.
        selector: selects one of several candidates of the model; None: the most probable one is taken.
        safety: what decides whether a name may be written.
        parts: number of parts of each dataset.
    """

    name = "name"
    description = (
        "Names the journeys of each user: from their terms, or by a language model that reads titles of their items."
    )

    journeys: Source
    items: Source
    generations: Source | None
    item_columns: dict[str, str]
    naming: NamingConfig
    asked: GenerationSpec | None
    model: str
    selector: NameSelectorConfig | None
    safety: WordLists | CombinedFilter
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        bounded_number = options.bounded_number
        add("--journeys", default="workspace", help="Workspace that holds `journeys`, as `extract` writes it.")
        add("--items", help="Catalogue: parquet file, folder or glob. Without it: the sample.")
        add("--workspace", default="names", help="Folder or bucket prefix in which the datasets are written.")
        add(
            "--previous",
            help="Workspace of a run before: what its model answered is not asked again. Without it: `--workspace`.",
        )
        add(
            "--method",
            choices=get_args(Method),
            help="Where names come from: a journey's terms, or a language model, and how that was taught. Without it: "
            "fine_tuned for `--model=builtin`, otherwise salient.",
        )
        add(
            "--model",
            help="Language model, for all methods but `salient`: `builtin`, which was taught to name; `smollm2`, the "
            "same before that; a folder; a hub id; or an endpoint with the model's name there, "
            "`http://host:8000/v1#name`.",
        )
        add("--adapter", help="Folder of a PEFT adapter for the model: LoRA or soft prompts.")
        add(
            "--metadata",
            choices=get_args(PromptFieldSet),
            help="What the model is told of a journey. Without it: what it was taught with, as its `tuning.json` says; "
            "otherwise titles.",
        )
        add(
            "--max_items",
            type=bounded_number(int, 1, 1000),
            default=NamingConfig.max_items,
            help="Items of a journey whose titles are told, spread over its time.",
        )
        add(
            "--examples",
            type=bounded_number(int, 0, MAX_FEW_SHOT_EXAMPLES),
            default=NamingConfig.examples,
            help="Worked examples before each question of `few_shot`.",
        )
        add(
            "--max_new_tokens",
            type=bounded_number(int, 1, 1000),
            default=DecodingConfig.max_new_tokens,
            help="The model's answers are cut after so many tokens.",
        )
        add(
            "--temperature",
            type=bounded_number(float, 0, 10),
            default=DecodingConfig.temperature,
            help="0: the likeliest name; above: names are drawn, the more evenly the higher.",
        )
        add(
            "--top_p",
            type=bounded_number(float, 0, 1, above=True),
            default=DecodingConfig.top_p,
            help="Where names are drawn: from the likeliest tokens that together have this probability.",
        )
        add(
            "--seed",
            type=bounded_number(int, 0),
            default=DecodingConfig.seed,
            help="Where names are drawn: of all draws.",
        )
        add(
            "--precision",
            default=GenerationSpec.dtype,
            choices=get_args(DTypeName),
            help="Bits that a model on this machine reckons in. `auto`: 16 where it multiplies them itself, else 32.",
        )
        _add_choice(parser)
        _add_endpoint_limits(parser)
        _add_safety_model(parser)
        options.add_item_columns(parser)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> NameJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.name.graph import build_name

        build_name(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.name.summary import print_name
        from transforms.language_models.checkpoint import GenerationCheckpoint

        if self.asked is not None:
            GenerationCheckpoint(self.checkpoint_dir).clear()
        print_name(self, seconds)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return outputs(self.naming.method)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The prompts that a language model completes."""
        return {} if self.asked is None else {"prompts": ProgressStep("prompts completed")}

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """Prompts, where a language model completes them."""
        return () if self.asked is None else ("prompts",)

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        return {
            "parts": self.parts,
            "naming": dataclasses.asdict(self.naming),
            "model": self.model,
            "candidates": self.asked.decoding.num_sequences if self.asked else 0,
            "selector": self.selector.fingerprint() if self.selector else "",
            "safety_model": _told_safety(self.safety),
        }

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {ITEMS.name: self.items, JOURNEYS.name: self.journeys, GENERATIONS.name: self.generations}

    @property
    def checkpoint_dir(self) -> str:
        """The folder in which answers are kept until the job is committed."""
        return checkpoint_dir(self.workspace)


def _told_safety(safety: WordLists | CombinedFilter) -> dict[str, Any] | None:
    """What a classifier is called, by the last part of its path, and which of its words count."""
    if isinstance(safety, WordLists):
        return None
    model = safety.model
    model_label = f"{Path(model.name).name}@{safety.fingerprint[:16]}"
    return {"model": model_label, "labels": list(model.labels), "threshold": model.threshold}


def outputs(method: Method) -> tuple[DatasetSchema, ...]:
    """The datasets that are written, names last; a model's answers where one is asked."""
    answers = () if method == "salient" else (GENERATIONS,)
    return (*answers, ERRORS, METRICS, JOURNEY_NAMES)


def plan(args: argparse.Namespace) -> NameJob:
    """Checks a command line against the world: finds inputs and the model, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    check_word_lists("names are")
    args.method = args.method or ("fine_tuned" if args.model == BUILTIN else NamingConfig.method)
    _check_model(args)
    safety = _safety(args)
    if args.items is None and not _SAMPLE.is_file():
        raise UsageError("the sample is not part of the installed package; give --items")
    items = resolve_input("--items", args.items or str(_SAMPLE))
    journeys = resolve_dataset("--journeys", args.journeys, JOURNEYS)
    workspace = absolute_path(args.workspace)
    check_not_nested(workspace, [("--items", items), ("--journeys", journeys)])
    prompt_fields = args.prompt_fields or resolve_prompt_fields("--model", args.model or "", args.adapter or "")
    naming = NamingConfig(args.method, prompt_fields, args.max_items, examples=args.examples)
    asked, selector = _asked(args, naming)
    return NameJob(
        journeys=journeys,
        items=items,
        generations=_find_generations(args, workspace) if asked else None,
        workspace=workspace,
        expected_versions=prepare_workspace(workspace, outputs(naming.method)),
        item_columns=args.item_columns,
        naming=naming,
        asked=asked,
        model=model_label(asked) if asked else "",
        selector=selector,
        safety=safety,
        parts=default_num_parts(journeys),
        max_error_rate=args.max_error_rate,
    )


def _check_model(args: argparse.Namespace) -> None:
    """Refuses a method without what it needs, and with what is not for it."""
    if args.method == "salient" and (args.model or args.adapter):
        raise UsageError("--method=salient asks no language model; give another --method, or no --model")
    if args.method == "salient" and (args.candidates or args.encoder):
        raise UsageError("--candidates and --encoder are for names that a --model thinks of")
    if args.method != "salient" and not args.model:
        raise UsageError(f"--method={args.method} needs --model")
    if args.model == BUILTIN and args.method != "fine_tuned":
        raise UsageError(f"--model={BUILTIN} goes with --method=fine_tuned, got {args.method}")
    if args.method == "prompt_tuned" and is_endpoint(args.model):
        raise UsageError("--method=prompt_tuned needs --adapter, which goes with no endpoint")
    if args.method == "prompt_tuned" and not args.adapter:
        raise UsageError("--method=prompt_tuned needs --adapter, the tuned prompt")
    if args.adapter:
        check_adapter("--adapter", args.adapter, args.method)
    if args.temperature == 0 and args.top_p != DecodingConfig.top_p:
        raise UsageError("--top_p is for names that are drawn, with a --temperature above 0")
    if args.precision != GenerationSpec.dtype and (not args.model or is_endpoint(args.model)):
        raise UsageError("--precision is for a --model that this machine loads")
    _check_endpoint_limits(args)


def _check_endpoint_limits(args: argparse.Namespace) -> None:
    if args.model and is_endpoint(args.model):
        return
    for field in dataclasses.fields(ClientLimits):
        if getattr(args, f"endpoint_{field.name}") != field.default:
            raise UsageError(
                f"--endpoint_{field.name} is for a --model behind an endpoint, such as http://host:8000/v1#name"
            )


def _asked(args: argparse.Namespace, naming: NamingConfig) -> tuple[GenerationSpec | None, NameSelectorConfig | None]:
    if naming.method == "salient":
        return None, None
    drawn = args.temperature > 0
    number, selector = resolve_name_selector(
        "--candidates and --encoder", args.model, args.candidates, args.encoder, naming, drawn
    )
    model = resolve_language_model("--model", args.model, args.adapter or "")
    decoding = DecodingConfig(args.max_new_tokens, args.temperature, args.top_p, args.seed, number)
    limits = ClientLimits(
        args.endpoint_timeout,
        args.endpoint_concurrency,
        args.endpoint_requests_per_second,
        args.endpoint_retries,
    )
    return GenerationSpec(model, prompt_template(naming), decoding, limits, args.precision), selector


def _safety(args: argparse.Namespace) -> WordLists | CombinedFilter:
    if args.safety_model:
        return resolve_safety_model("--safety_model", args.safety_model, args.safety_labels, args.safety_threshold)
    if args.safety_labels or args.safety_threshold != SafetyModel.threshold:
        raise UsageError("--safety_labels and --safety_threshold are for a --safety_model")
    return WordLists()


def _find_generations(args: argparse.Namespace, workspace: str) -> Source | None:
    """The answers of --previous; or those of --workspace, where it has any."""
    if args.previous:
        return resolve_dataset("--previous", args.previous, GENERATIONS)
    try:
        return resolve_dataset("--workspace", workspace, GENERATIONS)
    except UsageError:
        return None
