"""The decision which stages run: a pure function of what the last runs committed and what a run now would commit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from pipelines.common.recorded_options import OPTIONS
from pipelines.run_all.stages import Stage

UNKNOWN = ""
"""Digest of an input of which it is not known what a run read."""


_ABSENT = object()


class Provenance(NamedTuple):
    """Everything that determines the output of a job.

    Attributes:
        configuration: the configuration as JSON values, with the recorded options under `OPTIONS`.
        inputs: a digest by name of the input: of the manifest of a dataset, or of the content of other files.
        code_version: version of this package.
    """

    configuration: Mapping[str, Any]
    inputs: Mapping[str, str]
    code_version: str


Committed: TypeAlias = Mapping[str, Provenance | None]
"""The provenance of the outputs of a stage, by name; None: there is no such output."""


class Decision(NamedTuple):
    """Whether a stage runs.

    Attributes:
        stage: the stage.
        reason: why it runs; empty: it is up to date.
    """

    stage: Stage
    reason: str


def plan_stages(
    stages: Iterable[Stage],
    committed: Callable[[Stage], Committed],
    expected: Callable[[Stage], Provenance],
    forced: Collection[str] = (),
) -> list[Decision]:
    """Decide for each stage whether it runs, as far as that is known before the first one has run.

    Args:
        stages: the stages in the order in which they run.
        committed: returns what the current outputs of a stage were computed from.
        expected: returns what they would be computed from now; called only for stages whose inputs are up to date.
        forced: names of the jobs that run in any case.
    """
    decisions = []
    writers: dict[str, str] = {}
    for stage in stages:
        reason = decide(stage, committed(stage), functools.partial(expected, stage), stage.job in forced, writers)
        decisions.append(Decision(stage, reason))
        if reason:
            writers |= dict.fromkeys(stage.outputs, stage.job)
    return decisions


def decide(
    stage: Stage,
    committed: Committed,
    expected: Callable[[], Provenance],
    is_forced: bool = False,
    writers: Mapping[str, str] | None = None,
) -> str:
    """Return why a stage runs; empty if it is up to date.

    Args:
        stage: the stage.
        committed: what its current outputs were computed from.
        expected: returns what they would be computed from now; not called where another reason is found before.
        is_forced: whether it runs in any case.
        writers: outputs of earlier stages that will be written first, and the names of their jobs.
    """
    if is_forced:
        return "as requested"
    if missing := [name for name in stage.outputs if committed.get(name) is None]:
        return f"missing: {', '.join(missing)}"
    if earlier := dict.fromkeys(job for name, job in (writers or {}).items() if name in stage.reads):
        return f"input changes: after {', '.join(earlier)}"
    now = expected()
    reasons = (describe_difference(provenance, now) for provenance in committed.values() if provenance is not None)
    return next(filter(None, reasons), "")


def describe_difference(before: Provenance, now: Provenance) -> str:
    """Describe how a run now would differ from the one before; empty if it would not."""
    if before.code_version != now.code_version:
        return f"code version changed: {before.code_version} → {now.code_version}"
    options_before, options_now = before.configuration.get(OPTIONS, {}), now.configuration.get(OPTIONS, {})
    if names := _differing(options_before, options_now):
        values = (f"--{name}: {_shown(options_before, name)} → {_shown(options_now, name)}" for name in names)
        return f"option changed: {', '.join(values)}"
    if names := _differing(before.inputs, now.inputs):
        changed = [name for name in names if before.inputs.get(name) != UNKNOWN]
        return f"input changed: {', '.join(changed)}" if changed else f"input not recorded: {', '.join(names)}"
    if names := _differing(before.configuration, now.configuration):
        return f"configuration changed: {', '.join(names)}"
    return ""


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name, _ABSENT) != now.get(name, _ABSENT))


def _shown(options: Mapping[str, Any], name: str) -> str:
    return "given" if options.get(name) is True else str(options.get(name) or "not given")
