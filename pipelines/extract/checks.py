"""Checks of the options of `extract` that concern several options, and choices that depend on the inputs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple, cast

from pipelines.common.command_line import UsageError
from pipelines.common.inputs import default_num_parts, find_dataset, resolve_dataset, resolve_input
from pipelines.common.models import resolve_encoder, unsuitable_for_packaged
from pipelines.common.options import read_config
from schemas import EMBEDDINGS, HISTORIES
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.datasets.storage import open_storage
from transforms.encoders.interface import EncoderSource
from transforms.journeys.config import (
    MAX_HISTORY_BY_VECTORS,
    BayesianConfig,
    ExtractConfig,
    IcpcConfig,
    Join,
    SweepConfig,
)
from transforms.salience.text import normalise

BY_TERMS = ("threshold", "assign")
"""Settings that have an effect only where journeys are formed by terms."""
BY_VECTORS = ("merge_threshold", "merge_fraction", "min_coherence")
"""Settings that have an effect only where journeys are formed by vectors."""
_BROADCAST_BYTES = 256 << 20
_VECTOR_GROWTH = 8
"""Size of an item with a vector (some 400 bytes) relative to its text in a file (some 50 bytes)."""


def check_sample(args: argparse.Namespace, sample: Path) -> None:
    """Check that log and catalogue are given together, or that there is a sample.

    Raises:
        UsageError: when they are not.
    """
    if (args.interactions is None) != (args.items is None):
        raise UsageError("--interactions and --items belong together: give both, or neither for the sample")
    if args.interactions is None and not sample.is_dir():
        raise UsageError("the sample is not part of the installed package; give --interactions and --items")


class ChosenEncoder(NamedTuple):
    """The encoder of a run.

    Attributes:
        encoder: the encoder; None: no text is encoded.
        note: why the packaged encoder is not used where it is the default; empty otherwise.
    """

    encoder: EncoderSource | None
    note: str = ""


def choose_encoder(args: argparse.Namespace, items: Source, columns: ColumnOptions) -> ChosenEncoder:
    """Return the given encoder, or by default the packaged one if it covers the words of the catalogue.

    Args:
        args: the options.
        items: the catalogue.
        columns: how its columns are read.

    Raises:
        UsageError: when the encoder is not available, or the packaged one covers too few words and options are given
            that need vectors.
    """
    if args.encoder:
        return ChosenEncoder(resolve_encoder("--encoder", args.encoder))
    if args.item_embeddings or args.cluster_by == "terms":
        return ChosenEncoder(None)
    packaged = resolve_encoder("--encoder", "static")
    if args.cluster_by == "vectors":
        return ChosenEncoder(packaged)
    unsuitable = unsuitable_for_packaged(items, columns)
    if unsuitable is None:
        return ChosenEncoder(packaged)
    for name in (*BY_VECTORS, "scorer"):
        if getattr(args, name) not in (None, "statistical"):
            raise UsageError(
                f"--{name} needs vectors, but {unsuitable.why}: give --encoder, or --cluster_by=vectors to use the "
                "packaged one"
            )
    return ChosenEncoder(None, f"Journeys are formed by terms, because {unsuitable.why}. {unsuitable.advice}")


def check_clustering(args: argparse.Namespace) -> None:
    """Reject options that exclude one another, and options without an effect.

    Raises:
        UsageError: naming the option.
    """
    _check_exclusive(args, "encoder", "item_embeddings")
    if args.cluster_by == "terms":
        for name in ("encoder", "item_embeddings"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name} is for journeys that are formed by vectors, not with --cluster_by=terms")
    _check_exclusive(args, "scorer", "salient_terms")
    for name in ("threshold", "merge_threshold"):
        _check_exclusive(args, "target_journeys_per_user", name)
    if args.encoder in (None, "static") and args.embeddings is not None:
        raise UsageError("--embeddings is for an --encoder other than the packaged one, whose vectors are not stored")
    if args.item_embeddings is None and args.embedding_columns:
        raise UsageError("--embedding_columns is for --item_embeddings, which is not given")
    by_vectors = args.cluster_by != "terms"
    if args.scorer == "learned" and (not by_vectors or args.item_embeddings):
        raise UsageError("--scorer=learned needs an encoder")
    for name in BY_TERMS if by_vectors else BY_VECTORS:
        if getattr(args, name) is not None:
            other = "terms: give --cluster_by=terms" if by_vectors else "vectors, not with --cluster_by=terms"
            raise UsageError(f"--{name} is for journeys that are formed by {other}")
    if by_vectors and args.max_history > MAX_HISTORY_BY_VECTORS:
        raise UsageError(
            f"--max_history must be at most {MAX_HISTORY_BY_VECTORS} for journeys that are formed by vectors, whose "
            f"memory grows with its square, got {args.max_history}"
        )


def _check_exclusive(args: argparse.Namespace, first: str, second: str) -> None:
    if getattr(args, first) is not None and getattr(args, second) is not None:
        raise UsageError(f"--{first} and --{second} are mutually exclusive")


def resolve_embeddings(args: argparse.Namespace, workspace: str) -> Source | None:
    """Resolve the embeddings to reuse: those of --embeddings, or those of --previous or --workspace if there are any.

    Raises:
        UsageError: when --embeddings is given and has none.
    """
    if args.embeddings:
        return resolve_dataset("--embeddings", args.embeddings, EMBEDDINGS)
    return find_dataset("--previous", args.previous or workspace, EMBEDDINGS)


def resolve_previous(workspace: str) -> Source:
    """Resolve the histories of the previous run.

    Raises:
        UsageError: when the workspace holds none that this version wrote.
    """
    source = resolve_input("--previous", f"{workspace.rstrip('/')}/{HISTORIES.name}")
    manifest = source.manifest
    if (
        manifest is None
        or manifest.schema_fingerprint != HISTORIES.fingerprint
        or not {"parts", "extraction"} <= set(manifest.configuration)
    ):
        raise UsageError(f"--previous: {workspace!r} holds no histories that this version wrote")
    return source


def check_continues(previous: Source | None, configuration: dict[str, Any]) -> None:
    """Check that the previous run used the same encoder, and filtered and truncated its log as this one will.

    Args:
        previous: the stored histories.
        configuration: the configuration of this run, as manifests store it.

    Raises:
        UsageError: naming the option that differs.
    """
    if previous is None or previous.manifest is None:
        return
    stored_encoder = previous.manifest.configuration.get("encoder", configuration["encoder"])
    if stored_encoder != configuration["encoder"]:
        raise UsageError(
            f"the vectors of items are of {configuration['encoder'] or 'no encoder'}, but of "
            f"{stored_encoder or 'no encoder'} in --previous: give the same --encoder, or extract the whole log anew"
        )
    before, extraction = previous.manifest.configuration["extraction"], configuration["extraction"]
    for name, value in extraction["interactions"].items():
        stored = before["interactions"].get(name)  # histories of an earlier version may lack it
        if list(stored or ()) != list(value) if isinstance(value, tuple) else stored != value:
            raise UsageError(f"--{name} is {value} but was {stored} in --previous: its log was filtered differently")
    if extraction["max_history"] > before["max_history"]:
        raise UsageError(
            f"--max_history is {extraction['max_history']} but --previous kept only {before['max_history']} per user"
        )


def read_stop_words(path: str) -> frozenset[str]:
    """Read a file of words, normalised as the words of items are.

    Raises:
        UsageError: when the file is not readable.
    """
    try:
        stored = open_storage(path).read(absolute_path(path))
        if stored is None:
            raise FileNotFoundError("there is no such file")
        return frozenset(normalise(stored.content.decode()).split())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--stop_words: cannot read {path!r}: {error}") from error


def choose_parts(interactions: Source, previous: Source | None) -> int:
    """Return the number of parts for a log of this size, at least as many as the previous run had."""
    parts = default_num_parts(interactions)
    if previous is not None and previous.manifest is not None:
        parts = max(parts, previous.manifest.configuration["parts"])
    return parts


def choose_join(wanted: str, items: Source, *, with_vectors: bool) -> Join:
    """Return how log and catalogue are joined; `auto`: by the size of the catalogue."""
    if wanted != "auto":
        return cast(Join, wanted)
    size = items.size * _VECTOR_GROWTH if with_vectors else items.size
    return "broadcast" if size <= _BROADCAST_BYTES else "shuffle"


def read_extract_config(
    args: argparse.Namespace, items: Source, encoder: EncoderSource | None, parts: int
) -> ExtractConfig:
    """Create the configuration of the journeys from the options and from what is resolved of them."""
    with_vectors = encoder is not None or args.item_embeddings is not None
    sweeps = args.sweep or args.target_journeys_per_user is not None
    return read_config(
        args,
        ExtractConfig,
        icpc=read_config(args, IcpcConfig),
        bayesian=read_config(args, BayesianConfig) if with_vectors else None,
        interactions=read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
        join=choose_join(args.catalogue_join, items, with_vectors=encoder is not None),
        buckets=args.buckets or parts,
        sweep=read_config(args, SweepConfig) if sweeps else None,
    )
