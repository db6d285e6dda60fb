import numpy as np
import pytest

from tests.transforms.evaluation.builders import collections, corpus
from transforms.evaluation import methods
from transforms.evaluation.experiments.separation.run_methods import run_method
from transforms.evaluation.methods import Corpus, Method
from transforms.evaluation.mixtures import MixtureConfig, build_mixtures
from transforms.journeys.icpc import TermVectors

MIXTURES = build_mixtures(collections([20, 30, 40, 50, 15, 25]), MixtureConfig((2, 3), mixtures_per_k=12))
CORPUS = corpus(MIXTURES, noise=0.05)
METHODS = [
    methods.icpc("made", (0.5,)),
    methods.one_pass("made", (0.5,)),
    methods.icpc_by_evidence("made", (-0.4,)),
    methods.icpc_by_evidence("made", (0.15,), refine=False),
    methods.ward("made", (2.0,)),
    methods.average_linkage("made", (0.5,)),
    methods.density("made", (4,)),
    methods.k_means_oracle_k("made"),
    methods.co_occurrence((6,)),
    methods.global_agglomerative("made", (0.5,)),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_separates_distant_groups(method: Method) -> None:
    found = run_method(MIXTURES.rows, CORPUS, method)
    assert np.mean(found["f1"].to_numpy()) > 0.9
    assert np.mean(found["ari"].to_numpy()) > 0.8


@pytest.mark.parametrize("method", [each for each in METHODS if not each.is_global], ids=lambda method: method.name)
def test_a_history_does_not_depend_on_the_others(method: Method) -> None:
    together = run_method(MIXTURES.rows, CORPUS, method)
    separate = [run_method(MIXTURES.rows.slice(row, 1), CORPUS, method) for row in range(MIXTURES.rows.num_rows)]
    assert [row for batch in separate for row in batch.to_pylist()] == together.to_pylist()


def test_items_of_small_journeys_are_in_none() -> None:
    # Items 0 and 1 have term 0; 2, 3 and 4 have term 1; 5 has no term.
    terms = TermVectors(np.array([0, 1, 2, 3, 4, 5, 5]), np.array([0, 0, 1, 1, 1], np.int32), np.ones(5, np.float32), 2)
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 0]], np.float32)
    existing = Corpus(("",) * 6, {"made": terms}, {"made": vectors})
    offsets, items = np.array([0, 6, 9]), np.array([2, 0, 3, 1, 5, 4, 0, 1, 2], np.int32)
    for method in (methods.icpc("made", ()), methods.one_pass("made", ()), methods.ward("made", (), min_size=3)):
        assert method.cluster(existing, offsets, items, 0.5).tolist() == [0, -1, 0, -1, -1, 0, -1, -1, -1]
    looked = methods.icpc_by_evidence("made", ()).cluster(existing, offsets[:2], items[:6], 0.0)
    assert looked.tolist() == [0, -1, 0, -1, -1, 0]


def test_names_can_be_distinguished_from_slices() -> None:
    with pytest.raises(ValueError, match="must not be empty or have a '/'"):
        Method("a/b", (), METHODS[0].cluster)
