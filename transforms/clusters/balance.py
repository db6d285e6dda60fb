"""Offsets of nodes that limit their traffic, with little increase of the squared distances.

The offsets are the dual variables of an assignment problem with capacities: minimise the sum of traffic times squared
distance, so that no node has more traffic than allowed. At its optimum only nodes that would otherwise have too much
have an offset, and all other items stay with the nearest centroid. A penalty proportional to traffic (SPANN) moves
items away from nodes within the limit, too.

Two phases follow each other. The traffic of a node falls with its own offset and grows with those of others, so the
sign of its excess says whether to raise or to lower its offset. In the first phase all offsets change at once; the step
of each node grows while the sign is the same, and is halved when it changes (resilient propagation, Riedmiller and
Braun 1993). Heavy items make traffic jump, so this ends near the limit. In the second phase, the offset of one node
at a time is raised until those of its items that lose least have left (auction algorithm, Bertsekas 1988).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.clusters.costs import MAX_PENALTY, PENALTY_SCALE, Floats, Integers, cheapest

HEAVIEST_TOLERANCE = 1.05
"""A node may have this multiple of the traffic of its heaviest item, if that item alone exceeds the limit."""

_TARGET = 0.95
"""Fraction of the limit that is aimed at: the limit itself would be approached without end."""

_STEPS = 150
_RAISES_PER_NODE = 10
_FIRST_STEP = PENALTY_SCALE / 256
_LARGEST_STEP = PENALTY_SCALE / 4.0
_GROWTH, _SHRINKAGE = 1.2, 0.5
_MAX_OFFSET = MAX_PENALTY // 2


class _Problem(NamedTuple):
    """Items and nodes, see `balancing_offsets`."""

    products: Floats
    lengths: Floats
    penalties: Integers
    weights: npt.NDArray[np.number]
    limit: float

    def owners(self, offsets: Integers) -> Integers:
        return cheapest(self.products, self.lengths, self.penalties + offsets)

    def excess(self, owners: Integers) -> Floats:
        """Return the traffic of each node divided by the traffic that it may have; -1: it has no items."""
        nodes = len(self.penalties)
        traffic = np.bincount(owners, self.weights, minlength=nodes)
        heavy = np.flatnonzero(self.weights > self.limit)  # few, while `maximum.at` is slow
        heaviest = np.zeros(nodes)
        np.maximum.at(heaviest, owners[heavy], self.weights[heavy])
        empty = np.bincount(owners, minlength=nodes) == 0
        return np.where(empty, -1.0, traffic / _allowed(heaviest, self.limit))


def balancing_offsets(
    products: Floats,
    lengths: Floats,
    penalties: Integers,
    weights: npt.NDArray[np.number],
    limit: float,
    start: Integers | None = None,
) -> Integers:
    """Compute offsets with which no node has more traffic than allowed.

    Args:
        products: of the items and the centroids, as `costs.negative_products` returns them, shape (items, nodes).
        lengths: of the items, as `costs.lengths_of` returns them.
        penalties: int64, shape (nodes,): penalties without offsets.
        weights: traffic of the items, shape (items,), at least 0.
        limit: maximum traffic of a node, at least 0. A node whose heaviest item has more may have
            `HEAVIEST_TOLERANCE` times the traffic of that item.
        start: offsets of similar centroids, from which to begin. Default: zeros.

    Returns:
        int64, shape (nodes,), at least 0, to be added to the penalties. If the limit cannot be kept, as when the
        centroids are equal, those with the smallest excess of all that were tried. No node loses its last item to an
        offset.
    """
    problem = _Problem(products, lengths, penalties, weights, limit)
    offsets = _propagate(problem, np.zeros_like(penalties) if start is None else start)
    return _raise_one_by_one(problem, offsets)


def _allowed(heaviest: Floats, limit: float) -> Floats:
    return np.maximum(np.where(heaviest > limit, HEAVIEST_TOLERANCE * heaviest, limit), np.finfo(np.float64).tiny)


def _propagate(problem: _Problem, start: Integers) -> Integers:
    """Change all offsets at once; return those with the smallest excess."""
    offsets = start.astype(np.float64)
    steps = np.full(len(offsets), _FIRST_STEP)
    signs = np.zeros(len(offsets))
    best, smallest = np.zeros_like(start), np.inf
    for _ in range(_STEPS):
        whole = np.rint(offsets).astype(np.int64)
        excess = problem.excess(problem.owners(whole))
        if excess.max() < smallest and (excess.min() >= 0 or not whole.any()):
            best, smallest = whole, excess.max()
        if smallest <= 1:
            break
        signs, last = np.sign(excess - _TARGET), signs
        turned = signs * last
        steps *= np.where(turned > 0, _GROWTH, np.where(turned < 0, _SHRINKAGE, 1))
        steps = np.clip(steps, 1, _LARGEST_STEP)
        offsets = np.clip(offsets + signs * steps, 0, _MAX_OFFSET)
    return best


def _raise_one_by_one(problem: _Problem, start: Integers) -> Integers:
    """Raise the offset of the node with the largest excess, repeatedly; return those with the smallest excess."""
    offsets = start.copy()
    owners = problem.owners(offsets)
    best, smallest = start, np.inf
    stuck = np.zeros(len(offsets), bool)
    for _ in range(_RAISES_PER_NODE * len(offsets)):
        excess = problem.excess(owners)
        if excess.max() < smallest:
            best, smallest = offsets.copy(), excess.max()
        node = int(np.where(stuck, 0, excess).argmax())
        if excess[node] <= 1 or stuck[node]:
            break
        rows = np.flatnonzero(owners == node)
        part = problem._replace(
            products=problem.products[rows], lengths=problem.lengths[rows], weights=problem.weights[rows]
        )
        raised = offsets[node] + _smallest_raise(part, offsets, node)
        if raised > _MAX_OFFSET:
            stuck[node] = True
            continue
        offsets[node] = raised
        owners[rows] = part.owners(offsets)
        stuck[np.unique(owners[rows])] = False
    return best


def _smallest_raise(part: _Problem, offsets: Integers, node: int) -> int:
    """Return the smallest raise of the offset of a node after which it is within the limit.

    Args:
        part: the items of this node only, and all nodes.
        offsets: of all nodes.
        node: index of the node.

    Returns:
        A whole number; more than any offset may be if all items would leave.
    """
    costs = part.products + part.lengths[:, None] * (part.penalties + offsets)
    own = costs[:, node].copy()
    costs[:, node] = np.inf
    if costs.shape[1] == 1:
        return MAX_PENALTY
    raises = np.floor((costs.min(axis=1) - own) / part.lengths) + 1
    order = np.argsort(raises, kind="stable")
    raises, weights = raises[order], part.weights[order].astype(np.float64)
    staying = np.cumsum(weights[::-1])[::-1]
    heaviest = np.maximum.accumulate(weights[::-1])[::-1]
    # Items with equal raises leave together, so only the first of them can be the first that stays.
    possible = (staying <= _allowed(heaviest, part.limit)) & (raises > np.append(np.inf, raises[:-1]))
    first = np.flatnonzero(possible)
    return int(raises[first[0] - 1]) if len(first) else MAX_PENALTY
