"""Generated catalogues: vectors in groups, with traffic."""

import numpy as np
from hypothesis import strategies as st

from transforms.clusters.costs import Integers, Vectors
from transforms.clusters.quality import imbalance
from transforms.encoders.quantized_vectors import quantize_vectors


def grouped_vectors(items: int, groups: int, dimensions: int = 16, seed: int = 0) -> tuple[Vectors, Integers]:
    """Return vectors around the centres of groups of different sizes, and the group of each."""
    random = np.random.default_rng(seed)
    sizes = random.dirichlet(np.ones(groups))
    members = random.choice(groups, items, p=sizes)
    centres = random.normal(size=(groups, dimensions))
    return quantize_vectors(centres[members] + 0.5 * random.normal(size=(items, dimensions))), members


def traffic_imbalance(nodes: Integers, traffic: Integers, count: int) -> float:
    """Return the imbalance of `count` nodes from the node and the traffic of each item."""
    return imbalance(np.bincount(nodes, traffic, count))


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[Vectors, Integers]:
    """Generate few vectors of few dimensions, many of them equal or zero, and traffic, often zero."""
    items = draw(st.integers(1, 40))
    dimensions = draw(st.integers(1, 4))
    row = st.lists(st.integers(-2, 2), min_size=dimensions, max_size=dimensions)
    rows = draw(st.lists(row, min_size=items, max_size=items))
    traffic = draw(st.lists(st.sampled_from([0, 0, 1, 1, 2, 5, 100]), min_size=items, max_size=items))
    return quantize_vectors(np.array(rows, np.float64)), np.array(traffic, np.int64)
