"""Inputs that several experiments read."""

from __future__ import annotations

from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    COLLECTIONS,
    HISTORIES,
    INTERACTIONS,
    ITEM_CLUSTERS,
    ITEMS,
    JOURNEYS,
    METRICS,
    NAMING_EXAMPLES,
)
from transforms.evaluation.experiment import DatasetInput

COLLECTIONS_INPUT = DatasetInput(
    "collections", COLLECTIONS, "Item collections that people made, as a parquet file, folder or glob."
)
INTERACTIONS_INPUT = DatasetInput("interactions", INTERACTIONS, "Interaction log, as a parquet file, folder or glob.")
ITEMS_INPUT = DatasetInput(
    "items",
    ITEMS,
    "Item catalogue, as a parquet file, folder or glob; with tags for `separation`, `salience` and `naming`.",
)

EXAMPLES_INPUT = DatasetInput("examples", NAMING_EXAMPLES, "Workspace that holds `naming_examples`.", in_workspace=True)

_EXTRACTED = "Workspace that `extract` wrote."
JOURNEYS_INPUT = DatasetInput("journeys", JOURNEYS, _EXTRACTED, in_workspace=True)
HISTORIES_COUNT = DatasetInput("journeys", HISTORIES, _EXTRACTED, in_workspace=True, reads_rows=False)
EXTRACTION_METRICS = DatasetInput("journeys", METRICS, _EXTRACTED, in_workspace=True)

EVALUATIONS_INPUT = DatasetInput(
    "evaluations",
    METRICS,
    "Workspaces that `evaluate` wrote, with commas between them.",
    in_workspace=True,
    is_several=True,
)

_EXPLORED = "Workspace with `clusters` and `cluster_histories`, as `cluster` and `transitions` write them."
CLUSTERS_INPUT = DatasetInput("exploration", CLUSTERS, _EXPLORED, in_workspace=True)
CLUSTER_HISTORIES_INPUT = DatasetInput("exploration", CLUSTER_HISTORIES, _EXPLORED, in_workspace=True)
CLUSTER_HISTORIES_MANIFEST = DatasetInput(
    "exploration", CLUSTER_HISTORIES, _EXPLORED, in_workspace=True, reads_rows=False
)
ITEM_CLUSTERS_INPUT = DatasetInput("exploration", ITEM_CLUSTERS, _EXPLORED, in_workspace=True)

LOG_AND_TREE = (INTERACTIONS_INPUT, ITEMS_INPUT, CLUSTERS_INPUT, ITEM_CLUSTERS_INPUT, CLUSTER_HISTORIES_MANIFEST)
"""A log with its catalogue, and the tree and the manifest of the transitions that were computed from them."""
