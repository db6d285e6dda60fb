"""What `tune` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from pipelines import options as reading
from pipelines.inputs import (
    check_apart,
    check_word_lists,
    find_encoder,
    find_own,
    find_several,
    in_one,
    open_workspace,
    told_inputs,
)
from schemas import COLLECTIONS, EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES, DatasetSchema
from transforms.datasets.files import Source, absolute
from transforms.encoders.spec import EncoderSource
from transforms.naming.config import NamingConfig
from transforms.naming.example_set.config import ExampleConfig
from transforms.salience.config import SalienceConfig

PROGRAM = "tune"
TASKS = ("naming",)
OUTPUTS = (EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES)


class TuneOptions(reading.JobOptions):
    """Makes a language model better at a task; at naming, by collections that people made and named."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--task", required=True, choices=TASKS, help="What a model is to become better at.")
        add(
            "--collections",
            required=True,
            type=reading.comma_separated,
            help="`collections`: playlists, curated lists, or interests that people told of in interviews. Parquet "
            "file, folder or glob, or several with commas between them.",
        )
        reading.add_collection_columns(parser)
        add("--workspace", default="tuned", help="Folder or bucket prefix in which the datasets are written.")
        add(
            "--previous",
            help="Workspace of a run before: texts that it encoded are not encoded again. Without it: `--workspace`.",
        )
        add(
            "--encoder",
            default="static",
            help="Encoder of names and titles: `static` is fast, `minilm` is better; or a folder, or a hub id.",
        )
        _add_choice_of_examples(parser)
        reading.add_error_rate(parser)


def _add_choice_of_examples(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number = reading.number
    add(
        "--min_titles",
        type=number(int, 2),
        default=ExampleConfig.min_titles,
        help="Collections with fewer distinct titles are left out.",
    )
    add(
        "--max_name_sources",
        type=number(int, 1),
        default=ExampleConfig.max_name_sources,
        help="Names that more sources use are left out: they mean nothing alone.",
    )
    add(
        "--min_continuity",
        type=number(float, -1, 1),
        default=ExampleConfig.min_continuity,
        help="Least mean cosine of two titles of a collection.",
    )
    add(
        "--min_relevance",
        type=number(float, -1, 1),
        default=ExampleConfig.min_relevance,
        help="Least cosine of a name with the mean of the titles.",
    )
    add(
        "--held_out",
        type=number(float, 0, 1),
        default=ExampleConfig.held_out,
        help="Share of the sources that is kept for evaluation.",
    )
    add(
        "--validation",
        type=number(float, 0, 1),
        default=ExampleConfig.validation,
        help="Share of the sources by which training is ended.",
    )
    add(
        "--max_source_share",
        type=number(float, 0, 1, open_low=True),
        default=ExampleConfig.max_source_share,
        help="Sources with a larger share of all collections are for training alone.",
    )
    add(
        "--most_of_source",
        type=number(int, 1),
        default=ExampleConfig.most_of_source,
        help="Most training examples of one source.",
    )
    add(
        "--most_examples",
        type=number(int, 1),
        default=ExampleConfig.most_examples,
        help="Most training examples of all sources. Without it: no limit.",
    )


@dataclasses.dataclass(frozen=True)
class Job:
    """One run, checked: everything that the graph is built from.

    Attributes:
        collections: what examples are made of.
        embeddings: those of an earlier run; None: there are none.
        workspace: where the datasets go.
        versions: which versions of the datasets are there now, to be replaced.
        collection_columns: other names of columns in the collections.
        encoder: what makes vectors.
        examples: which collections become examples, and what each is for.
        naming: how long a name may be.
        salience: how the terms of items are found.
        max_error_rate: largest share of unusable rows of an input.
    """

    collections: Source
    embeddings: Source | None
    workspace: str
    versions: dict[str, str | None]
    collection_columns: dict[str, str]
    encoder: EncoderSource
    examples: ExampleConfig
    naming: NamingConfig
    salience: SalienceConfig
    max_error_rate: float

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return OUTPUTS

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        return {
            "examples": dataclasses.asdict(self.examples),
            "naming": dataclasses.asdict(self.naming),
            "salience": self.salience.described(),
            "encoder": str(self.encoder),
            "encoder_fingerprint": self.encoder.fingerprint(),
        }

    @property
    def sources(self) -> dict[str, Source]:
        """What is read, by the name of the dataset, in the order in which it is read."""
        named = {COLLECTIONS.name: self.collections, EMBEDDINGS.name: self.embeddings}
        return {name: source for name, source in named.items() if source}

    @property
    def inputs(self) -> dict[str, Any]:
        """What the datasets are computed from, for their manifests."""
        return told_inputs(self.sources)


def plan(own: argparse.Namespace) -> Job:
    """Checks a command line against the world: finds inputs and the encoder, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    check_word_lists("names and titles are")
    examples = _example_config(own)
    collections = find_several("--collections", own.collections)
    workspace = absolute(own.workspace)
    check_apart(workspace, [("--collections", source) for source in collections])
    encoder = find_encoder("--encoder", own.encoder)
    return Job(
        collections=in_one(collections),
        embeddings=_find_embeddings(own, workspace),
        workspace=workspace,
        versions=open_workspace(workspace, OUTPUTS),
        collection_columns=own.collection_columns,
        encoder=encoder,
        examples=examples,
        naming=NamingConfig(),
        salience=SalienceConfig(),
        max_error_rate=own.max_error_rate,
    )


def _example_config(own: argparse.Namespace) -> ExampleConfig:
    names = [field.name for field in dataclasses.fields(ExampleConfig)]
    try:
        return ExampleConfig(**{name: getattr(own, name) for name in names})
    except ValueError as error:
        raise reading.UsageError(f"--{error}") from error


def _find_embeddings(own: argparse.Namespace, workspace: str) -> Source | None:
    """The vectors of --previous; or those of --workspace, where it has any."""
    if own.previous:
        return find_own("--previous", own.previous, EMBEDDINGS)
    try:
        return find_own("--workspace", workspace, EMBEDDINGS)
    except reading.UsageError:
        return None
