"""The experiments of `evaluate`, in the order of its report. A new one is a line here."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from types import MappingProxyType

from transforms.evaluation.experiment import Experiment

_EXPERIMENTS = (
    "transforms.evaluation.experiments.statistics:Statistics",
    "transforms.evaluation.experiments.separation.experiment:Separation",
    "transforms.evaluation.experiments.granularity.experiment:Granularity",
    "transforms.evaluation.experiments.lifecycle.experiment:LifecycleExperiment",
    "transforms.evaluation.experiments.confidence.experiment:ConfidenceExperiment",
    "transforms.evaluation.experiments.salience.experiment:SalienceExperiment",
    "transforms.evaluation.experiments.synonyms.experiment:SynonymsExperiment",
    "transforms.evaluation.experiments.conformity.experiment:ConformityExperiment",
    "transforms.evaluation.experiments.intervention.experiment:InterventionExperiment",
    "transforms.evaluation.experiments.naming.experiment:NamingExperiment",
    "transforms.evaluation.experiments.prompting.experiment:PromptingExperiment",
    "transforms.evaluation.experiments.exploration.experiment:ExplorationExperiment",
    "transforms.evaluation.experiments.best_of_n.experiment:BestOfNExperiment",
    "transforms.evaluation.experiments.freshness.experiment:FreshnessExperiment",
    "transforms.evaluation.experiments.recommendation.experiment:RecommendationExperiment",
    "transforms.evaluation.experiments.intents.experiment:IntentsExperiment",
    "transforms.evaluation.experiments.orderings.experiment:OrderingsExperiment",
)


@functools.cache
def experiments() -> Mapping[str, type[Experiment]]:
    """Import all experiments and return their classes by name."""
    found = {}
    for place in _EXPERIMENTS:
        module, _, name = place.partition(":")
        experiment: type[Experiment] = getattr(importlib.import_module(module), name)
        found[experiment.name] = experiment
    return MappingProxyType(found)
