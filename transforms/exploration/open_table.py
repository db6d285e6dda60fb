"""The lookup table of a workspace, for a recommender or a server, and as a source of scores."""

from __future__ import annotations

import pyarrow as pa

from schemas import CLUSTERS, LOOKUP
from transforms.datasets.error_rate import DataError
from transforms.datasets.files import Source, resolve_source
from transforms.datasets.reading import read_dataset
from transforms.exploration.lookup_table import LookupTable
from transforms.exploration.stages import clusters_of_level
from transforms.exploration.table_source import TableSource


def open_table(workspace: str, top: int | None = None) -> LookupTable:
    """Load the lookup table that `explore` wrote, memory-mapped.

    Args:
        workspace: a folder of this machine with `lookup` and `clusters`.
        top: number of ranks that are loaded; None: all.

    Returns:
        The table; `cluster_ids` has the id of each code.

    Raises:
        DataError: when the clusters are not those that the table was computed from: items may have moved.
        ValueError: when a dataset is missing.
    """
    lookup, cluster_ids = _find(workspace)
    return LookupTable.load([file.path for file in lookup.files], cluster_ids, top=top)


def open_source(workspace: str) -> TableSource:
    """Load the lookup table that `explore` wrote as a source of scores; arguments and errors as for `open_table`."""
    lookup, cluster_ids = _find(workspace)
    return TableSource.from_rows(read_dataset(LOOKUP, lookup), cluster_ids)


def _find(workspace: str) -> tuple[Source, pa.StringArray]:
    """Locate the table, and read the ids of its clusters."""
    clusters, lookup = (_resolve(workspace, schema.name) for schema in (CLUSTERS, LOOKUP))
    if lookup.manifest is None or clusters.manifest is None:
        raise ValueError(f"{workspace!r} holds no lookup and clusters that this project wrote")
    if lookup.manifest.inputs.get(CLUSTERS.name) != clusters.manifest.digest:
        raise DataError(f"the lookup table of {workspace!r} was computed from another tree; run `explore` again")
    level = lookup.manifest.configuration["level"]
    of_level = clusters_of_level(read_dataset(CLUSTERS, clusters).to_batches(), level)
    return lookup, of_level["cluster_id"]


def _resolve(workspace: str, name: str) -> Source:
    return resolve_source(f"{workspace.rstrip('/')}/{name}")
