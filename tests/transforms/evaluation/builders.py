"""Generated collections of given number and size, whose items have vectors and terms of their collection."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas import COLLECTIONS
from transforms.evaluation.methods import Corpus
from transforms.evaluation.mixtures import Mixtures
from transforms.journeys.icpc import TermVectors


def collections(sizes: Sequence[int], sources: int = 3) -> pa.RecordBatch:
    """Collections without common items; item 4 of collection 2 has the title "2 item 4"."""
    rows = [
        {
            "source": f"source {number % sources}",
            "name": f"collection {number}",
            "item_titles": [f"{number} item {item}" for item in range(size)],
            "item_descriptions": ["" if item % 2 else f"about {number}" for item in range(size)],
        }
        for number, size in enumerate(sizes)
    ]
    return pa.RecordBatch.from_pylist(rows, COLLECTIONS.arrow)


def corpus(mixtures: Mixtures, noise: float = 0.2) -> Corpus:
    """Each item lies near the axis of its collection, and has its collection's term."""
    titles = mixtures.items["title"].to_pylist()
    numbers = np.array([int(title.split()[0]) for title in titles])
    random = np.random.default_rng(0)
    vectors = np.eye(numbers.max() + 1)[numbers] + noise * random.normal(size=(len(titles), numbers.max() + 1))
    terms = TermVectors(
        offsets=np.arange(len(titles) + 1),
        terms=numbers.astype(np.int32),
        saliences=np.ones(len(titles), np.float32),
        vocabulary_size=int(numbers.max()) + 1,
    )
    return Corpus(tuple(titles), {"made": terms}, {"made": vectors.astype(np.float32)})
