import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS, METRICS
from tests.transforms.evaluation.builders import collections, corpus
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.experiments.conformity.config import ConformityConfig
from transforms.evaluation.experiments.conformity.experiment import ConformityExperiment
from transforms.evaluation.experiments.conformity.scoring import (
    BY_INTEREST,
    BY_POPULARITY,
    NO_REMOVAL,
    NOISE,
    ORACLE,
    SCENARIOS,
    SHARED_INTEREST,
    ConformityData,
    evaluate_rules,
    inject_into_mixtures,
)
from transforms.evaluation.methods import icpc_by_evidence
from transforms.evaluation.metric_rows import MetricIndex
from transforms.evaluation.mixtures import Mixtures
from transforms.interest.config import InterestConfig

ROWS = collections([12] * 30)
CONFIG = ConformityConfig(
    mixtures=MixtureConfig((2, 3), mixtures_per_k=60),
    max_collections=10,
    popular_items=11,
    popular_fraction=0.5,
    learning=InterestConfig(dimensions=8, epochs=30),
)
METHODS = (icpc_by_evidence("made", (-0.3,)),)


def data() -> ConformityData:
    return inject_into_mixtures(ROWS, CONFIG)


def flat(rows: pa.RecordBatch, name: str) -> np.ndarray:
    found: np.ndarray = rows[name].flatten().to_numpy()
    return found


def test_both_scenarios_have_one_catalogue() -> None:
    found = data()
    ITEMS.check(found.items)
    assert found.catalogue.num_rows == 30 * 12
    assert set(found.items["item_id"].to_pylist()) <= set(found.catalogue["item_id"].to_pylist())
    titles = np.array(found.items["title"].to_pylist())
    for scenario in SCENARIOS:
        rows = found.mixtures[scenario]
        for items, labels in zip(rows["item"].to_pylist(), rows["label"].to_pylist(), strict=True):
            own = {
                label: {titles[item].split()[0] for item, its in zip(items, labels, strict=True) if its == label}
                for label in set(labels) - {-1}
            }
            assert all(len(collections_of) == 1 for collections_of in own.values())
            assert len(set(items)) == len(items)
    injected = {
        scenario: set(flat(found.mixtures[scenario], "item")[flat(found.mixtures[scenario], "label") < 0].tolist())
        for scenario in SCENARIOS
    }
    genuine = {
        scenario: set(flat(found.mixtures[scenario], "item")[flat(found.mixtures[scenario], "label") >= 0].tolist())
        for scenario in SCENARIOS
    }
    assert len(injected[NOISE]) == len(injected[SHARED_INTEREST]) == 11
    assert not injected[NOISE] & genuine[NOISE]
    assert injected[SHARED_INTEREST] <= genuine[SHARED_INTEREST]


def test_the_order_of_collections_does_not_matter() -> None:
    shuffled = ROWS.take(pa.array(np.random.default_rng(0).permutation(ROWS.num_rows)))
    assert inject_into_mixtures(shuffled, CONFIG) == data()


def test_metrics_and_tables() -> None:
    made = data()
    metrics = evaluate_rules(made, corpus(Mixtures(made.items, made.mixtures[SHARED_INTEREST])), METHODS, CONFIG)
    METRICS.check(metrics)
    index = MetricIndex([metrics])
    for scenario in SCENARIOS:
        f1 = {
            rule: index.value("conformity_f1", scenario=scenario, method=METHODS[0].name, rule=rule)
            for rule in (NO_REMOVAL, BY_INTEREST, BY_POPULARITY, ORACLE)
        }
        assert f1[ORACLE] > f1[NO_REMOVAL]
        parts = {"scenario": scenario, "method": METHODS[0].name, "rule": ORACLE, "baseline": NO_REMOVAL}
        assert index.value("conformity_f1_difference", **parts) == pytest.approx(f1[ORACLE] - f1[NO_REMOVAL])
    assert index.value("conformity_injected_removed", scenario=NOISE, rule=BY_INTEREST) > 0.8
    assert index.value("conformity_other_removed", scenario=NOISE, rule=BY_INTEREST) < 0.1
    assert index.get("conformity_genuine_removed", scenario=SHARED_INTEREST, rule=BY_INTEREST)
    assert index.get("conformity_genuine_removed", scenario=NOISE, rule=BY_INTEREST) is None
    experiment = ConformityExperiment()
    assert [len(table.rows) for table in experiment.tables([metrics])] == [2 * 4, 2 * 2]
    assert experiment.describe([metrics])[0].startswith("120 mixtures.")


def test_what_cannot_be_injected() -> None:
    with pytest.raises(ValueError, match="no collection has at least 13 items"):
        inject_into_mixtures(ROWS, dataclasses.replace(CONFIG, popular_items=13))
    with pytest.raises(ValueError, match="no conformity_f1"):
        ConformityExperiment().tables([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_collections": 0}, "max_collections must be at least 1"),
        ({"popular_items": 0}, "popular_items must be at least 1"),
        ({"popular_fraction": 0}, r"popular_fraction must be in \(0, 1\], got 0"),
    ],
)
def test_wrong_configurations(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConformityConfig(**settings)  # type: ignore[arg-type]
