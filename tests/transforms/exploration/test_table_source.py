import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.transforms.exploration.histories import BOUNDARIES, CLUSTERS, USERS, first_of
from tests.transforms.exploration.test_count_models import all_sources
from transforms.exploration.blocks import Block
from transforms.exploration.count_models import Blend, novel_probabilities, top_clusters
from transforms.exploration.lookup_table import LookupTable
from transforms.exploration.recall import ranks_of_next
from transforms.exploration.table import FittedTable, lookup_rows
from transforms.exploration.table_source import TableSource
from transforms.exploration.transitions import NO_CLUSTER, transitions_of_split

IDS = pa.array([f"c{code}" for code in range(CLUSTERS)])


def table_of(entries: dict[tuple[int, ...], dict[int, float]]) -> pa.Table:
    """Rows of `lookup` from probabilities by context and next cluster."""
    rows = [
        (" ".join(f"c{code}" for code in context), rank + 1, f"c{cluster}", np.log(probability))
        for context, listed in entries.items()
        for rank, (cluster, probability) in enumerate(sorted(listed.items(), key=lambda pair: -pair[1]))
    ]
    columns = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
    return pa.table(
        {
            "context": pa.array(columns[0], pa.string()),
            "rank": pa.array(columns[1], pa.int32()),
            "next": pa.array(columns[2], pa.string()),
            "score": pa.array(columns[3], pa.float64()),
        }
    )


def scores(entries: dict[tuple[int, ...], dict[int, float]], context: list[int]) -> np.ndarray:
    return TableSource.from_rows(table_of(entries), IDS).scores(np.array([context], np.int32))[0]


def test_listed_clusters_have_their_probability_and_the_others_share_the_rest() -> None:
    entries = {(): {0: 0.5, 1: 0.2, 2: 0.15, 3: 0.1, 4: 0.05}, (0, 1): {2: 0.7, 4: 0.2}}
    np.testing.assert_allclose(scores(entries, [0, 1]), [0, 0, 0.7, 0.1, 0.2], rtol=1e-12)  # only 3 is left


def test_the_rest_is_shared_as_after_the_shorter_context() -> None:
    entries = {(): {0: 0.5, 1: 0.25, 2: 0.15, 3: 0.1}, (4,): {2: 0.6}}
    # 0.4 for 0, 1 and 3, as 50 : 25 : 10.
    np.testing.assert_allclose(scores(entries, [4]), [0.4 * 50 / 85, 0.4 * 25 / 85, 0.6, 0.4 * 10 / 85, 0], rtol=1e-12)


def test_no_other_cluster_reaches_a_listed_one() -> None:
    entries = {(): {0: 0.9, 1: 0.06, 2: 0.02, 3: 0.02}, (4,): {2: 0.1}}
    found = scores(entries, [4])
    assert found[2] == pytest.approx(0.1)
    assert found[0] == pytest.approx(0.999 * 0.1)
    assert found[0] > found[1] > found[3] > 0


@pytest.mark.parametrize(
    ("context", "used"),
    [([2, 1], {0: 0.6, 3: 0.4}), ([1, 2], {3: 1.0}), ([4, 2], {3: 1.0}), ([NO_CLUSTER, 2], {3: 1.0})],
)
def test_a_context_without_rows_falls_back_to_a_shorter_one(context: list[int], used: dict[int, float]) -> None:
    found = scores({(): {0: 1.0}, (2,): {3: 1.0}, (2, 1): {0: 0.6, 3: 0.4}}, context)
    assert {code: found[code] for code in used} == pytest.approx(used)
    assert np.argmax(found) == max(used, key=lambda code: used[code])


def test_without_any_row_all_clusters_outside_of_the_context_are_equal() -> None:
    np.testing.assert_allclose(scores({}, [0, 1]), [0, 0, 1 / 3, 1 / 3, 1 / 3])


def test_an_unknown_cluster_is_an_error() -> None:
    rows = table_of({(): {0: 1.0}}).set_column(2, "next", pa.array(["other"]))
    with pytest.raises(ValueError, match="'other' is not in the list of clusters"):
        TableSource.from_rows(rows, IDS)


def stored(source: object, top: int) -> pa.Table:
    fitted = FittedTable(source, "given", {})  # type: ignore[arg-type]
    return pa.Table.from_batches(
        [lookup_rows(fitted, Block(size, 0, CLUSTERS**size), 2, top, IDS) for size in range(3)]
    )


@pytest.mark.parametrize("source", all_sources(USERS))
def test_a_whole_table_has_the_probabilities_of_its_source(source: object) -> None:
    contexts = np.array([[0, 1], [3, 4], [NO_CLUSTER, 2], [NO_CLUSTER, NO_CLUSTER]], np.int32)
    table = TableSource.from_rows(stored(source, CLUSTERS), IDS)
    expected = novel_probabilities(source, contexts)  # type: ignore[arg-type]
    np.testing.assert_allclose(table.scores(contexts), expected, rtol=1e-6)  # scores are float32


PROBABILITIES = st.dictionaries(st.integers(0, CLUSTERS - 1), st.floats(0.01, 0.2), min_size=1, max_size=4)
CONTEXTS = st.lists(st.integers(0, CLUSTERS - 1), max_size=2, unique=True).map(tuple)


@given(st.dictionaries(CONTEXTS, PROBABILITIES, max_size=8), CONTEXTS)
def test_clusters_are_ranked_as_they_are_served(
    entries: dict[tuple[int, ...], dict[int, float]], context: tuple[int, ...]
) -> None:
    entries = {
        own: {cluster: value for cluster, value in listed.items() if cluster not in own}
        for own, listed in entries.items()
    }
    assume(all(len(set(listed.values())) == len(listed) for listed in entries.values()))  # ties have no order
    rows = table_of(entries)
    served = LookupTable.from_rows(rows, IDS).next_clusters(list(context), CLUSTERS)
    padded = np.full((1, 2), NO_CLUSTER, np.int32)
    padded[0, 2 - len(context) :] = context
    found, _ = top_clusters(TableSource.from_rows(rows, IDS), padded, CLUSTERS)
    assert found[0, : len(served)].tolist() == served


def test_it_can_be_measured_and_blended() -> None:
    first = first_of(USERS)
    test = transitions_of_split(first, 2, BOUNDARIES, 2)
    table = TableSource.from_rows(stored(all_sources(USERS)[2], 1), IDS)
    blend = Blend((table, all_sources(USERS)[0]), (1.0, 0.5))
    for source in (table, blend):
        ranks = ranks_of_next(source, test, first)
        assert len(ranks) == len(test.users) > 0
        assert ((ranks >= 1) & (ranks <= CLUSTERS)).all()
