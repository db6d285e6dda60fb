"""Journeys of histories of titles, formed by vectors as `extract` forms them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from transforms.batching import Vectors
from transforms.columnar import list_offsets
from transforms.encoders.quantized_vectors import quantize_vectors, subtract_mean, sum_directions
from transforms.evaluation.experiments.prompting.histories import History
from transforms.evaluation.scores import drop_small_groups
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.config import BayesianConfig, IcpcConfig


def journey_labels(histories: Sequence[History], vectors: Vectors) -> list[list[int]]:
    """Form the journeys of each history.

    Args:
        histories: the histories, at least one.
        vectors: shape (titles, dimensions), one for each title of all histories, history after history.

    Returns:
        For each history the journey of each title; -1: in no journey of at least three titles.
    """
    titles = [title for history in histories for title in history.titles]
    _, first, items = np.unique(np.array(titles, object), return_index=True, return_inverse=True)
    compact = quantize_vectors(vectors[first])
    directions = subtract_mean(compact, sum_directions(compact))
    offsets = list_offsets([len(history.titles) for history in histories])
    labels = cluster_histories(offsets, items.astype(np.int32), directions, BayesianConfig())
    kept = drop_small_groups(offsets, labels, IcpcConfig.min_size)
    return [kept[start:end].tolist() for start, end in itertools.pairwise(offsets)]
