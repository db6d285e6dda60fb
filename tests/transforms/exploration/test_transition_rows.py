"""Selection of rows of `transitions` for tuning: from parts and then from what is selected, as from all rows."""

import collections

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import TRANSITIONS
from transforms.columnar import concatenate
from transforms.exploration.config import SelectionName, TransitionConfig
from transforms.exploration.transition_rows import select_rows

IDS = pa.array(["a", "b", "c", "d"])
PLACES = st.permutations(["a", "b", "c", "d"]).map(lambda order: (f"{order[0]} {order[1]}", order[2]))
KEYS = st.lists(st.tuples(PLACES, st.sampled_from(["train", "validation", "test"])), unique=True, max_size=40)


def batch(keys: list[tuple[tuple[str, str], str]], users: list[int]) -> pa.RecordBatch:
    described = [
        {"context": context, "next": cluster, "split": split, "users": count}
        for ((context, cluster), split), count in zip(keys, users, strict=True)
    ]
    return pa.RecordBatch.from_pylist(described, TRANSITIONS.arrow)


@given(KEYS, st.randoms(use_true_random=False), st.sampled_from(["balanced", "frequent"]), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_selecting_twice_is_selecting_once(
    keys: list[tuple[tuple[str, str], str]], random: object, selection: SelectionName, per_label: int
) -> None:
    rows = batch(keys, [1 + hash_ % 5 for hash_ in range(len(keys))])
    config = TransitionConfig(selection=selection, per_label=per_label)
    once = select_rows(rows, config, IDS)
    parts = [rows.filter(pc.is_in(rows["next"], pa.array(part))) for part in (["a", "c"], ["b"], ["d"])]
    random.shuffle(parts)  # type: ignore[attr-defined]
    twice = select_rows(concatenate([select_rows(part, config, IDS) for part in parts], TRANSITIONS.arrow), config, IDS)
    keyed = [sorted(map(str, each.to_pylist())) for each in (once, twice)]
    assert keyed[0] == keyed[1]


def test_the_samples_of_other_splits_are_bounded_and_random() -> None:
    clusters = [f"{number:02}" for number in range(30)]
    keys = [
        ((f"{one} {other}", third), "validation")
        for one in clusters[:10]
        for other in clusters[10:20]
        for third in clusters[20:]
    ]
    rows = batch(keys, [1] * len(keys))
    selected = select_rows(rows, TransitionConfig(per_label=5), pa.array(clusters))
    assert selected.num_rows == 150
    counted = collections.Counter(selected["next"].to_pylist())
    assert np.std(list(counted.values())) == pytest.approx(np.sqrt(15 * 0.9), rel=0.6)


def test_training_has_the_most_frequent_contexts_of_each_label() -> None:
    keys = [((context, cluster), "train") for context, cluster in (("a b", "c"), ("b a", "c"), ("a c", "b"))]
    rows = batch(keys, [3, 9, 4])

    def selected(selection: SelectionName) -> list[tuple[str, str]]:
        found = select_rows(rows, TransitionConfig(selection=selection, per_label=1), IDS.slice(0, 3))
        return sorted(zip(found["context"].to_pylist(), found["next"].to_pylist(), strict=True))

    assert selected("balanced") == [("a c", "b"), ("b a", "c")]
    assert selected("frequent") == [("a b", "c"), ("a c", "b"), ("b a", "c")]
