import math
from typing import Any

import pytest

from schemas import INTERACTIONS
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.journeys.config import BayesianConfig, ExtractConfig, IcpcConfig, SweepConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("threshold", 0.0),
        ("threshold", 1.01),
        ("threshold", math.nan),
        ("assign", "nearest"),
        ("centroid", "median"),
        ("min_size", 0),
        ("journey_terms", 0),
    ],
)
def test_the_clustering_refuses_what_is_not_allowed_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{setting} must be .*got {value!r}$"):
        IcpcConfig(**{setting: value})


@pytest.mark.parametrize("setting", ["max_history", "min_term_users", "buckets"])
def test_the_extraction_refuses_what_is_not_allowed_by_name(setting: str) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be at least 1, got 0$"):
        ExtractConfig(**{setting: 0})


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_half_life_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^half_life_days must be in \(0, 1e\+06\], got {value}$"):
        ExtractConfig(half_life_days=value)


def test_the_limits_are_allowed() -> None:
    config = IcpcConfig(threshold=1, assign="all", min_size=1, centroid="sum", journey_terms=1)
    assert ExtractConfig(config, max_history=1, min_term_users=1, buckets=1).icpc == config


def test_a_filter_needs_the_columns_that_it_looks_at() -> None:
    assert InteractionFilter().required_schema() == INTERACTIONS
    assert InteractionFilter(keep_events=("buy",)).required_schema().required == (*INTERACTIONS.required, "event")
    assert InteractionFilter(min_value=0.0).required_schema().required == (*INTERACTIONS.required, "value")
    every = InteractionFilter(("buy",), 1.0, 1.0, 0.5).required_schema()
    assert every.required == tuple(column.name for column in INTERACTIONS.columns)
    assert every.arrow == INTERACTIONS.arrow


@pytest.mark.parametrize(
    ("setting", "value"), [("target_journeys_per_user", 0.0), ("target_journeys_per_user", math.inf), ("users", 0)]
)
def test_a_sweep_refuses_what_is_not_allowed_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{setting} must be .*got {value!r}$"):
        SweepConfig(**{setting: value})


def test_the_threshold_is_that_of_the_clustering() -> None:
    by_terms, by_vectors = ExtractConfig(), ExtractConfig(bayesian=BayesianConfig())
    assert (by_terms.threshold_option, by_terms.threshold) == ("threshold", 0.01)
    assert (by_vectors.threshold_option, by_vectors.threshold) == ("merge_threshold", -0.3)
    assert by_terms.with_threshold(0.2) == ExtractConfig(IcpcConfig(0.2))
    assert by_vectors.with_threshold(-1.0) == ExtractConfig(bayesian=BayesianConfig(merge_threshold=-1.0))
