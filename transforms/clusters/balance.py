"""Offsets of nodes that limit their traffic, with little increase of the squared distances.

The offsets are the dual variables of an assignment problem with capacities: minimise the sum of traffic times squared
distance, so that no node has more traffic than allowed. At its optimum only nodes that would otherwise have too much
have an offset, and all other items stay with the nearest centroid. A penalty proportional to traffic (SPANN) moves
items away from nodes within the limit, too.

The traffic of a node falls with its own offset and grows with those of others, so the sign of its excess says whether
to raise or to lower the offset. The size of a step is its own for each node: it grows while the sign is the same, and
is halved when it changes (resilient propagation, Riedmiller and Braun 1993).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.clusters.costs import MAX_PENALTY, PENALTY_SCALE, Floats, Integers, cheapest

HEAVIEST_TOLERANCE = 1.05
"""A node may have this multiple of the traffic of its heaviest vector, if that alone exceeds the limit."""

_TARGET = 0.99
"""Fraction of the limit that is aimed at: the limit itself would be approached without end."""

_STEPS = 400
_FIRST_STEP = PENALTY_SCALE / 256
_LARGEST_STEP = PENALTY_SCALE / 4.0
_GROWTH, _SHRINKAGE = 1.2, 0.5


def balanced_penalties(
    products: Floats, lengths: Floats, penalties: Integers, weights: npt.NDArray[np.number], limit: float
) -> Integers:
    """Add offsets to penalties so that no node has more traffic than allowed.

    Args:
        products: of the items and the centroids, as `costs.negative_products` returns them, shape (items, nodes).
        lengths: of the items, as `costs.lengths_of` returns them.
        penalties: int64, shape (nodes,): penalties without offsets.
        weights: traffic of the items, shape (items,), whole numbers.
        limit: maximum traffic of a node. A node whose heaviest item has more may have `HEAVIEST_TOLERANCE` times the
            traffic of that item.

    Returns:
        int64, shape (nodes,). If the limit cannot be kept, as for many items of equal vectors, the penalties with the
        smallest excess that were found. No node loses its last item, if each has one without offsets.
    """
    offsets = np.zeros(len(penalties))
    steps = np.full(len(penalties), _FIRST_STEP)
    signs = np.zeros(len(penalties))
    best, smallest = penalties, np.inf
    for _ in range(_STEPS):
        raised = penalties + np.rint(offsets).astype(np.int64)
        owners = cheapest(products, lengths, raised)
        excess, empty = _excess(owners, weights, len(penalties), limit)
        if excess.max() < smallest and not empty.any():
            best, smallest = raised, excess.max()
        if smallest <= 1:
            break
        signs, last = np.sign(excess - _TARGET), signs
        signs[empty] = -1
        turned = signs * last
        steps *= np.where(turned > 0, _GROWTH, np.where(turned < 0, _SHRINKAGE, 1))
        steps = np.clip(steps, 1, _LARGEST_STEP)
        offsets = np.clip(offsets + signs * steps, 0, MAX_PENALTY / 2)
    return best


def _excess(
    owners: Integers, weights: npt.NDArray[np.number], nodes: int, limit: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the traffic of each node divided by the traffic that it may have, and whether it has no items."""
    traffic = np.bincount(owners, weights, minlength=nodes)
    heaviest = np.zeros(nodes)
    np.maximum.at(heaviest, owners, weights)
    allowed = np.where(heaviest > limit, HEAVIEST_TOLERANCE * heaviest, limit)
    return traffic / np.maximum(allowed, 1e-9), np.bincount(owners, minlength=nodes) == 0
