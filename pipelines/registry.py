"""All jobs, by name. A new job is one line here; `python -m pipelines`, the docs and the tests read this list."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.common.job import Job

JOBS: Mapping[str, str] = {
    "ingest": "IngestJob",
    "extract": "ExtractJob",
    "lifecycle": "LifecycleJob",
    "salience": "SalienceJob",
    "interest": "InterestJob",
    "name": "NameJob",
    "naming_examples": "NamingExamplesJob",
    "tune": "TuneJob",
    "cluster": "ClusterJob",
    "transitions": "TransitionsJob",
    "explore": "ExploreJob",
    "intents": "IntentsJob",
    "train_recommender": "TrainRecommenderJob",
    "recommend": "RecommendJob",
    "evaluate": "EvaluateJob",
    "report": "ReportJob",
    "run_all": "RunAllJob",
}
"""Name of each job and of its class in `pipelines.<name>.job`, in the order in which a reader needs them."""


def load_job(name: str) -> type[Job]:
    """Import the class of a job.

    Raises:
        KeyError: when there is no job of this name.
    """
    job: type[Job] = getattr(importlib.import_module(f"pipelines.{name}.job"), JOBS[name])
    return job
