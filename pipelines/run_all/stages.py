"""The stages of `run_all`, in the order in which they run. A new stage is one entry here."""

from __future__ import annotations

import dataclasses

from pipelines.common.options import CATALOGUE
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    HISTORIES,
    INTENTS,
    ITEM_CLUSTERS,
    JOURNEY_NAMES,
    JOURNEYS,
    LIFECYCLES,
    LOOKUP,
    RECOMMENDATIONS,
    SALIENT_TERMS,
    TRANSITIONS,
    TUNING_PAIRS,
)
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.extras import INSTALL_NAMING, INSTALL_REPORT
from transforms.settings import settings_of

LIMITS = ("max_error_rate", "allow_empty")
"""Options that all stages get, if they have them."""

_LOG = ("interactions", "columns", "timestamp_unit", *settings_of(InteractionFilter))
_VECTORS = ("encoder", "item_embeddings", "embedding_columns")
_RECOMMENDER = "recommender/recommender.json"


@dataclasses.dataclass(frozen=True)
class Stage:
    """One job of the chain.

    Attributes:
        job: name of the job.
        reads: outputs of earlier stages that it reads.
        writes: the datasets that it writes, by name, except for `metrics`, `errors` and caches, which several stages
            write.
        files: further files that it writes, relative to the workspace.
        flags: its arguments, in which `{workspace}` is the workspace.
        shared: options of `run_all` that it gets; other ones it inherits from the manifests of what it reads.
        flags_with_models: arguments that are added with `--with_models`.
        only_with_models: whether it runs with `--with_models` alone.
        optional_package: a package without which it is left out; empty: none.
        install: the command that installs this package.
    """

    job: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("--workspace={workspace}",)
    shared: tuple[str, ...] = ()
    flags_with_models: tuple[str, ...] = ()
    only_with_models: bool = False
    optional_package: str = ""
    install: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The datasets and the files that it writes."""
        return (*self.writes, *self.files)


STAGES = (
    Stage(
        "extract",
        writes=(SALIENT_TERMS.name, HISTORIES.name, JOURNEYS.name),
        shared=(*_LOG, *CATALOGUE, *_VECTORS),
    ),
    Stage("cluster", writes=(CLUSTERS.name, ITEM_CLUSTERS.name), shared=(*_LOG, *CATALOGUE, *_VECTORS)),
    Stage(
        "transitions",
        reads=(CLUSTERS.name, ITEM_CLUSTERS.name),
        writes=(CLUSTER_HISTORIES.name, TRANSITIONS.name, TUNING_PAIRS.name),
    ),
    Stage("explore", reads=(CLUSTERS.name, CLUSTER_HISTORIES.name), writes=(LOOKUP.name,)),
    Stage("intents", reads=(CLUSTERS.name, ITEM_CLUSTERS.name), writes=(INTENTS.name,)),
    Stage(
        "train_recommender",
        reads=(CLUSTERS.name, ITEM_CLUSTERS.name),
        files=(_RECOMMENDER,),
        flags=("--clusters={workspace}", "--output={workspace}/recommender"),
        only_with_models=True,
    ),
    Stage(
        "recommend",
        reads=(CLUSTERS.name, ITEM_CLUSTERS.name, LOOKUP.name, JOURNEYS.name, INTENTS.name, _RECOMMENDER),
        writes=(RECOMMENDATIONS.name,),
        flags=("--workspace={workspace}", "--journeys={workspace}", "--intents={workspace}"),
        flags_with_models=("--model={workspace}/recommender",),
    ),
    Stage(
        "name",
        reads=(JOURNEYS.name,),
        writes=(JOURNEY_NAMES.name,),
        flags=("--workspace={workspace}", "--journeys={workspace}"),
        flags_with_models=("--model=builtin",),
        optional_package="glin_profanity",
        install=INSTALL_NAMING,
    ),
    Stage(
        "lifecycle",
        reads=(SALIENT_TERMS.name, JOURNEYS.name),
        writes=(LIFECYCLES.name,),
        flags=("--workspace={workspace}", "--journeys={workspace}"),
    ),
    Stage(
        "report",
        reads=(
            *(JOURNEYS.name, JOURNEY_NAMES.name, LIFECYCLES.name, CLUSTERS.name, ITEM_CLUSTERS.name, TRANSITIONS.name),
            *(LOOKUP.name, INTENTS.name, RECOMMENDATIONS.name),
        ),
        files=("report.html",),
        flags=("--workspace={workspace}", "--output={workspace}/report.html"),
        optional_package="jinja2",
        install=INSTALL_REPORT,
    ),
)
