"""Options of `name` about the language model, the selection among candidates, and the safety model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.models import (
    DEFAULT_NUM_CANDIDATES,
    DEFAULT_SELECTION_ENCODER,
    check_adapter,
    resolve_language_model,
    resolve_name_selector,
    resolve_prompt_fields,
    resolve_safety_model,
    spec_of_names,
)
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import MAX_SEQUENCES, DecodingConfig
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.spec import GenerationSpec
from transforms.naming.adapter import BUILTIN
from transforms.naming.config import Method, NamingConfig, PromptFieldSet
from transforms.naming.safety.classifier import CombinedFilter, SafetyModel
from transforms.naming.safety.word_lists import WordLists
from transforms.naming.selection import NameSelectorConfig
from transforms.precision.dtype import DTypeName

_SELECTION = "--num_candidates and --encoder"
_SAMPLING = ("max_new_tokens", "temperature", "top_p", "seed")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the language model, its prompts, decoding, and the selection among candidates."""
    add = parser.add_argument
    add(
        "--model",
        help="Language model, for all methods but `salient`: `builtin`, the packaged model tuned for naming; "
        "`smollm2`, the same without tuning; a folder; a hub id; or an endpoint with the name of its model, "
        "`http://host:8000/v1#name`.",
    )
    add("--adapter", help="Folder of a PEFT adapter of the model: LoRA or a tuned prompt.")
    add(
        "--prompt_fields",
        choices=get_args(PromptFieldSet),
        help="Fields of a journey in the prompt. Default: those that the model was tuned with, otherwise titles.",
    )
    options.add_config(parser, NamingConfig, only=("max_items", "num_examples"))
    options.add_config(parser, DecodingConfig, only=_SAMPLING)
    add(
        "--dtype",
        default=GenerationSpec.dtype,
        choices=get_args(DTypeName),
        help="Data type of a local model. `auto`: bfloat16 where the hardware supports it, else `int8` for `builtin` "
        "and float32 for others. In bfloat16, some names may depend on the batch and on the processor. `int8`: linear "
        "layers multiply 8-bit integers, which is faster on processors.",
    )
    add(
        "--num_candidates",
        type=options.bounded_number(int, 1, MAX_SEQUENCES),
        help="Candidate names generated per journey, of which one is selected by minimum Bayes risk and similarity to "
        f"the titles. 1: no selection, faster. Default: {DEFAULT_NUM_CANDIDATES} for --model=builtin without sampling, "
        "otherwise 1.",
    )
    add(
        "--encoder",
        help="Encoder of names and titles in that selection: `minilm`, `static` (faster, less accurate), a folder, or "
        f"a hub id. Default: {DEFAULT_SELECTION_ENCODER}, in `int8` where `builtin` is.",
    )
    options.add_config(parser, ClientLimits)


def add_safety_model(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the safety model."""
    add = parser.add_argument
    add(
        "--safety_model",
        help="Text classifier that checks names in addition to the word lists: folder or hub id of transformers.",
    )
    add(
        "--safety_labels",
        type=options.comma_separated,
        default=(),
        help="Labels of the classifier that mark a name as unsafe: `toxic,threat`. Default: all labels of a "
        "multi-label classifier.",
    )
    add(
        "--safety_threshold",
        type=options.bounded_number(float, 0, 1, above=True),
        default=SafetyModel.threshold,
        help="A name is unsafe if one of these labels has at least this probability.",
    )


def method_of(args: argparse.Namespace) -> Method:
    """Return the method: as given, or the default of the model."""
    method: Method = args.method or ("fine_tuned" if args.model == BUILTIN else "salient")
    return method


def check_options(args: argparse.Namespace) -> None:
    """Check that the options agree with the method and the model.

    Raises:
        UsageError: naming the option, when one is missing or has no effect.
    """
    if args.method == "salient" and (args.model or args.adapter):
        raise UsageError("--method=salient uses no language model; give another --method, or no --model")
    if args.method == "salient" and (args.num_candidates or args.encoder):
        raise UsageError(f"{_SELECTION} need a --model that generates names")
    if args.method != "salient" and not args.model:
        raise UsageError(f"--method={args.method} needs --model")
    if args.model == BUILTIN and args.method != "fine_tuned":
        raise UsageError(f"--model={BUILTIN} needs --method=fine_tuned, got {args.method}")
    if args.method == "prompt_tuned" and is_endpoint(args.model):
        raise UsageError("--method=prompt_tuned needs --adapter, which an endpoint does not support")
    if args.method == "prompt_tuned" and not args.adapter:
        raise UsageError("--method=prompt_tuned needs --adapter, the tuned prompt")
    if args.adapter:
        check_adapter("--adapter", args.adapter, args.method)
    if args.temperature == 0 and args.top_p != DecodingConfig.top_p:
        raise UsageError("--top_p needs sampling, a --temperature above 0")
    if args.dtype != GenerationSpec.dtype and (not args.model or is_endpoint(args.model)):
        raise UsageError("--dtype needs a local --model")
    if not (args.model and is_endpoint(args.model)) and (given := options.given_options(args, ClientLimits)):
        raise UsageError(f"--{given[0]} needs a --model behind an endpoint, such as http://host:8000/v1#name")


def resolve_naming(args: argparse.Namespace) -> NamingConfig:
    """Return the configuration of naming, with the prompt fields that the model was trained on as their default.

    Raises:
        UsageError: when the record of a model's training cannot be read.
    """
    fields = args.prompt_fields or resolve_prompt_fields("--model", args.model or "", args.adapter or "")
    return options.read_config(args, NamingConfig, method=args.method, prompt_fields=fields)


def resolve_generation(
    args: argparse.Namespace, naming: NamingConfig
) -> tuple[GenerationSpec | None, NameSelectorConfig | None]:
    """Return the language model with its decoding, and the selection among its candidates; None: there is none.

    Raises:
        UsageError: naming the option, when a model or a package is unavailable.
    """
    if naming.method == "salient":
        return None, None
    number, selector = resolve_name_selector(
        _SELECTION, args.model, args.num_candidates, args.encoder, naming, args.temperature > 0, args.dtype
    )
    model = resolve_language_model("--model", args.model, args.adapter or "")
    decoding = options.read_config(args, DecodingConfig, num_sequences=number)
    limits = options.read_config(args, ClientLimits)
    return spec_of_names(model, naming, decoding, limits, args.dtype), selector


def resolve_safety(args: argparse.Namespace) -> WordLists | CombinedFilter:
    """Return the safety filter: word lists, and the classifier of `--safety_model`, if given.

    Raises:
        UsageError: naming the option, when the classifier is unavailable or an option has no effect.
    """
    if args.safety_model:
        return resolve_safety_model("--safety_model", args.safety_model, args.safety_labels, args.safety_threshold)
    if args.safety_labels or args.safety_threshold != SafetyModel.threshold:
        raise UsageError("--safety_labels and --safety_threshold need a --safety_model")
    return WordLists()


def describe_safety(safety: WordLists | CombinedFilter) -> dict[str, Any] | None:
    """Describe the classifier of a safety filter for manifests; None: there is none."""
    if isinstance(safety, WordLists):
        return None
    model = safety.model
    label = f"{Path(model.name).name}@{safety.fingerprint[:16]}"
    return {"model": label, "labels": list(model.labels), "threshold": model.threshold}
