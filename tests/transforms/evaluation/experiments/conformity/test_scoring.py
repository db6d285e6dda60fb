import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS, METRICS
from tests.transforms.evaluation.builders import collections, corpus
from transforms.evaluation.config import ConformityConfig, MixtureConfig, SeparationConfig
from transforms.evaluation.experiments.conformity.scoring import (
    BY_INTEREST,
    BY_POPULARITY,
    NOISE,
    NOTHING,
    ORACLE,
    SCENARIOS,
    SHARED_INTEREST,
    ConformityData,
    evaluate_rules,
    inject_into_mixtures,
)
from transforms.evaluation.experiments.conformity.tables import conformity_table, describe_conformity, removal_table
from transforms.evaluation.methods import icpc_by_evidence
from transforms.evaluation.mixtures import Mixtures
from transforms.interest.config import InterestConfig

ROWS = collections([12] * 30)
CONFIG = ConformityConfig(
    SeparationConfig(MixtureConfig((2, 3), mixtures_per_k=60)),
    most_collections=10,
    popular=11,
    share=0.5,
    learning=InterestConfig(dimensions=8, epochs=30),
)
METHODS = (icpc_by_evidence("made", (-0.35,)),)


def trial() -> ConformityData:
    return inject_into_mixtures(ROWS, CONFIG)


def flat(rows: pa.RecordBatch, name: str) -> np.ndarray:
    found: np.ndarray = rows[name].flatten().to_numpy()
    return found


def test_both_worlds_lie_over_one_catalogue() -> None:
    found = trial()
    ITEMS.check(found.items)
    assert found.catalogue.num_rows == 30 * 12
    assert set(found.items["item_id"].to_pylist()) <= set(found.catalogue["item_id"].to_pylist())
    titles = np.array(found.items["title"].to_pylist())
    for world in SCENARIOS:
        rows = found.worlds[world]
        for items, labels in zip(rows["item"].to_pylist(), rows["label"].to_pylist(), strict=True):
            own = {
                label: {titles[item].split()[0] for item, its in zip(items, labels, strict=True) if its == label}
                for label in set(labels) - {-1}
            }
            assert all(len(collections_of) == 1 for collections_of in own.values())
            assert len(set(items)) == len(items)
    planted = {
        world: set(flat(found.worlds[world], "item")[flat(found.worlds[world], "label") < 0].tolist())
        for world in SCENARIOS
    }
    meant = {
        world: set(flat(found.worlds[world], "item")[flat(found.worlds[world], "label") >= 0].tolist())
        for world in SCENARIOS
    }
    assert len(planted[NOISE]) == len(planted[SHARED_INTEREST]) == 11
    assert not planted[NOISE] & meant[NOISE]
    assert planted[SHARED_INTEREST] <= meant[SHARED_INTEREST]


def test_the_order_of_collections_does_not_matter() -> None:
    shuffled = ROWS.take(pa.array(np.random.default_rng(0).permutation(ROWS.num_rows)))
    assert inject_into_mixtures(shuffled, CONFIG) == trial()


def test_figures_and_page() -> None:
    made = trial()
    metrics = evaluate_rules(made, corpus(Mixtures(made.items, made.worlds[SHARED_INTEREST])), METHODS, CONFIG)
    METRICS.check(metrics)
    figures = {(row["metric"], row["slice"]): row["value"] for row in metrics.to_pylist()}
    for world in SCENARIOS:
        f1 = {
            rule: figures["conformity_f1", f"{world}/{METHODS[0].name}/{rule}"]
            for rule in (NOTHING, BY_INTEREST, BY_POPULARITY, ORACLE)
        }
        assert f1[ORACLE] > f1[NOTHING]
        gain = figures["conformity_f1_difference", f"{world}/{METHODS[0].name}/{ORACLE}"]
        assert gain == pytest.approx(f1[ORACLE] - f1[NOTHING])
    assert figures["conformity_planted_out", f"{NOISE}/{BY_INTEREST}"] > 0.8
    assert figures["conformity_others_out", f"{NOISE}/{BY_INTEREST}"] < 0.1
    assert ("conformity_meant_out", f"{SHARED_INTEREST}/{BY_INTEREST}") in figures
    assert ("conformity_meant_out", f"{NOISE}/{BY_INTEREST}") not in figures
    assert len(conformity_table([metrics]).splitlines()) == 2 + 2 * 4
    assert len(removal_table([metrics]).splitlines()) == 2 + 2 * 2
    assert describe_conformity([metrics]).startswith("120 mixtures.")


def test_what_cannot_be_planted() -> None:
    with pytest.raises(ValueError, match="no collection has at least 13 items"):
        inject_into_mixtures(ROWS, ConformityConfig(CONFIG.separation, popular=13))
    with pytest.raises(ValueError, match="no figures of conformity"):
        conformity_table([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"most_collections": 0}, "most_collections must be at least 1"),
        ({"popular": 0}, "popular must be at least 1"),
        ({"share": 0}, r"share must be in \(0, 1\], got 0"),
    ],
)
def test_wrong_configurations(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConformityConfig(**settings)  # type: ignore[arg-type]
