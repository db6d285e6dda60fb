"""The checks of an earlier run whose rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.common.command_line import UsageError
from pipelines.common.recorded_options import Inheritance
from schemas import CLUSTERS, ITEM_CLUSTERS, LOOKUP, RECOMMENDATIONS
from transforms.datasets.files import Source
from transforms.recommendation.config import CountRankerConfig, ListConfig
from transforms.settings import settings_of

_OF_ROWS = tuple(
    declared.option or name
    for config in (ListConfig, CountRankerConfig)
    for name, (_, _, declared) in settings_of(config).items()
)

INHERITANCE = (
    Inheritance(("previous",), RECOMMENDATIONS, names=("model",)),
    Inheritance(("previous",), RECOMMENDATIONS, names=_OF_ROWS, is_binding=True),
)
"""The options that a run takes from an earlier one whose rows it keeps."""

_DATASETS = {CLUSTERS.name: "--clusters", ITEM_CLUSTERS.name: "--clusters", LOOKUP.name: "--table"}
_ANEW = "leave out --previous to recommend to all users anew"


def check_previous(previous: Source, inputs: Mapping[str, Source | None], configuration: Mapping[str, Any]) -> None:
    """Check that the rows of an earlier run fit those of this run.

    Args:
        previous: the recommendations of the earlier run.
        inputs: the inputs of this run.
        configuration: the configuration of this run, as manifests store it.

    Raises:
        UsageError: when tree, table, ranker or lists differ.
    """
    manifest = previous.manifest
    if manifest is None:
        raise UsageError("--previous must be a workspace that this version wrote")
    for name, option in _DATASETS.items():
        source = inputs[name]
        if source is None or source.manifest is None or manifest.inputs.get(name) != source.manifest.digest:
            raise UsageError(f"--previous was computed from other {name} than {option} holds now: {_ANEW}")
    stored = manifest.configuration
    for name in ("model", "level", "encoder"):
        if stored.get(name) != configuration[name]:
            raise UsageError(
                f"the {name} is {configuration[name] or 'none'!r} but was {stored.get(name) or 'none'!r} in "
                f"--previous: {_ANEW}"
            )
    for part in ("lists", "ranker"):
        for name, value in configuration[part].items():
            before = stored.get(part, {}).get(name)
            if before != value:
                raise UsageError(f"--{name} is {value} but was {before} in --previous: {_ANEW}")
