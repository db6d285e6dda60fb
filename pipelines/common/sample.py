"""The sample log, which jobs read when none is given."""

from __future__ import annotations

from pathlib import Path

from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_input
from transforms.datasets.files import Source

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "arxiv_authors"
"""The folder of the sample in a clone of the repository."""


def resolve_log(path: str | None) -> Source:
    """Resolve the given log, or that of the sample.

    Raises:
        UsageError: when there is none.
    """
    return resolve_input("--interactions", path or _of_sample("interactions"))


def resolve_catalogue(path: str | None) -> Source:
    """Resolve the given catalogue, or that of the sample.

    Raises:
        UsageError: when there is none.
    """
    return resolve_input("--items", path or _of_sample("items"))


def resolve_log_and_catalogue(interactions: str | None, items: str | None) -> tuple[Source, Source]:
    """Resolve the given log and catalogue, or those of the sample.

    Raises:
        UsageError: naming both, when both cannot be read.
    """
    try:
        log = resolve_log(interactions)
    except UsageError as error:
        try:
            resolve_catalogue(items)
        except UsageError as further:
            raise UsageError(f"{error}\n{further}") from further
        raise
    return log, resolve_catalogue(items)


def _of_sample(name: str) -> str:
    if not SAMPLE.is_dir():
        raise UsageError(f"the sample is not part of the installed package; give --{name}")
    return str(SAMPLE / f"{name}.parquet")
