"""The datasets of workspaces that the page shows, and what it says where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipelines.common.command_line import UsageError
from pipelines.common.inputs import find_dataset
from pipelines.common.recorded_options import command_of
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    ERRORS,
    HISTORIES,
    INTENTS,
    ITEM_CLUSTERS,
    JOURNEY_NAMES,
    JOURNEYS,
    LIFECYCLES,
    LOOKUP,
    METRICS,
    RECOMMENDATIONS,
    TRANSITIONS,
    DatasetSchema,
)
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.manifest import read_manifest


class Place(NamedTuple):
    """The place where a dataset is looked for.

    Attributes:
        schema: the dataset.
        option: the option that names its workspace.
        job: the job that writes it.
        reads: the option of the job that names another workspace, and the option here that names it too; None: none.
    """

    schema: DatasetSchema
    option: str
    job: str
    reads: tuple[str, str] | None = None


PLACES = (
    Place(HISTORIES, "journeys", "extract"),
    Place(JOURNEYS, "journeys", "extract"),
    Place(JOURNEY_NAMES, "names", "name", ("journeys", "journeys")),
    Place(LIFECYCLES, "lifecycles", "lifecycle", ("journeys", "journeys")),
    Place(CLUSTERS, "exploration", "cluster"),
    Place(ITEM_CLUSTERS, "exploration", "cluster"),
    Place(CLUSTER_HISTORIES, "exploration", "transitions"),
    Place(TRANSITIONS, "exploration", "transitions"),
    Place(LOOKUP, "exploration", "explore"),
    Place(INTENTS, "recommendations", "intents", ("clusters", "exploration")),
    Place(RECOMMENDATIONS, "recommendations", "recommend", ("clusters", "exploration")),
)
"""The datasets of the page, in the order of the jobs; besides, `metrics` and `errors` of all workspaces."""

_BY_NAME = {each.schema.name: each for each in PLACES}


class FoundDatasets(NamedTuple):
    """The datasets that were found.

    Attributes:
        workspaces: the absolute path of each workspace, by option; several for `evaluation`.
        sources: the datasets by name.
        metrics: `metrics` by workspace.
        errors: `errors` by workspace.
    """

    workspaces: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, Source]
    metrics: Mapping[str, Source]
    errors: Mapping[str, Source]


def find_datasets(workspaces: Mapping[str, Sequence[str]]) -> FoundDatasets:
    """Find the datasets of workspaces.

    Args:
        workspaces: paths by option.

    Raises:
        UsageError: when a manifest is not readable, or nothing is found.
    """
    paths = {option: tuple(map(absolute_path, given)) for option, given in workspaces.items()}
    sources = {}
    for place in PLACES:
        if (found := find_dataset(f"--{place.option}", paths[place.option][0], place.schema)) is not None:
            sources[place.schema.name] = found
    options = {path: option for option, given in paths.items() for path in given}
    metrics, errors = (
        {
            path: found
            for path, option in options.items()
            if (found := find_dataset(f"--{option}", path, schema)) is not None
        }
        for schema in (METRICS, ERRORS)
    )
    if not sources and not metrics:
        looked = ", ".join(dict.fromkeys(options))
        raise UsageError(
            f"--workspace: no dataset that this version wrote in {looked}; `extract` writes the first ones"
        )
    return FoundDatasets(paths, sources, metrics, errors)


def missing_note(name: str, found: FoundDatasets) -> str:
    """Return what the page says about a dataset that was not found: where, why, and the command that writes it."""
    place = _BY_NAME[name]
    workspace = found.workspaces[place.option][0]
    read = [f"--{place.reads[0]}={found.workspaces[place.reads[1]][0]}"] if place.reads else []
    command = command_of(place.job, *read, f"--workspace={workspace}")
    if read_manifest(f"{workspace.rstrip('/')}/{name}") is not None:
        return (
            f"{name} in {workspace} was written by another version of this project. It is written again by: {command}"
        )
    return f"There is no {name} in {workspace}. It is written by: {command}"


def stale_notes(found: FoundDatasets) -> list[str]:
    """Return a sentence for each dataset that was computed from another version of a dataset than the page shows."""
    notes = []
    for name, source in found.sources.items():
        for other, digest in (source.manifest.inputs if source.manifest else {}).items():
            shown = found.sources.get(other)
            if isinstance(digest, str) and shown and shown.manifest and digest != shown.manifest.digest:
                notes.append(f"{name} was computed from another version of {other} than this page shows.")
    return notes
