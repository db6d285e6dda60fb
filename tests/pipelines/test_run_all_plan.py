"""Which stages of `run_all` run, worked out by hand for changes at the beginning, in the middle and at the end."""

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.common.recorded_options import OPTIONS
from pipelines.run_all.plan import UNKNOWN, Committed, Provenance, describe_difference, plan_stages
from pipelines.run_all.stages import STAGES, Stage

USED = [stage for stage in STAGES if not stage.only_with_models]
FILES = {
    "extract": ("interactions", "items"),
    "cluster": ("interactions", "items"),
    "transitions": ("interactions",),
    "intents": ("interactions", "items"),
    "recommend": ("interactions", "items"),
    "name": ("items",),
    "report": ("items",),
}
"""The inputs of stages that no stage writes."""

UP_TO_DATE = dict.fromkeys(
    ("extract", "cluster", "transitions", "explore", "intents", "recommend", "name", "lifecycle", "report"), ""
)
LOG = {"interactions": "log 1", "items": "catalogue 1"}


class State:
    """A workspace after a run of all stages.

    Args:
        options: the recorded options, by stage.
        files: the digests of log and catalogue.
        code_version: the version by which all stages ran.
    """

    def __init__(
        self,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        files: Mapping[str, str] | None = None,
        code_version: str = "1",
    ) -> None:
        self.provenance: dict[str, Provenance] = {}
        self.digests = dict(files or LOG)
        for stage in USED:
            read = (*stage.reads, *FILES.get(stage.job, ()))
            inputs = {name: self.digests[name] for name in read if name in self.digests}
            configuration = {OPTIONS: dict((options or {}).get(stage.job, {})), "parts": 16}
            self.provenance[stage.job] = Provenance(configuration, inputs, code_version)
            digest = hashlib.sha256(repr(self.provenance[stage.job]).encode()).hexdigest()
            self.digests |= dict.fromkeys(stage.outputs, digest)
        self.missing: set[str] = set()

    def committed(self, stage: Stage) -> Committed:
        return {name: None if name in self.missing else self.provenance[stage.job] for name in stage.outputs}


def plan(before: State, now: State, forced: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the reasons by stage; what a run would read from the workspace is what is there before."""
    decisions = plan_stages(USED, before.committed, lambda stage: now.provenance[stage.job], forced)
    return {decision.stage.job: decision.reason for decision in decisions}


def nothing_expected(stage: Stage) -> Provenance:
    raise AssertionError(f"{stage.job}: its inputs are not there yet")


def test_nothing_there() -> None:
    decisions = plan_stages(USED, lambda stage: dict.fromkeys(stage.outputs), nothing_expected)
    assert {decision.stage.job: decision.reason for decision in decisions} == {
        "extract": "missing: salient_terms, histories, journeys",
        "cluster": "missing: clusters, item_clusters",
        "transitions": "missing: cluster_histories, transitions, tuning_pairs",
        "explore": "missing: lookup",
        "intents": "missing: intents",
        "recommend": "missing: recommendations",
        "name": "missing: journey_names",
        "lifecycle": "missing: lifecycles",
        "report": "missing: report.html",
    }


def test_everything_there() -> None:
    assert plan(State(), State()) == UP_TO_DATE


def test_a_changed_option_in_the_middle() -> None:
    assert plan(State(), State({"explore": {"top": "12"}})) == {
        **UP_TO_DATE,
        "explore": "option changed: --top: not given → 12",
        "recommend": "input changes: after explore",
        "report": "input changes: after explore, recommend",
    }


def test_a_changed_option_at_the_end() -> None:
    before, now = State({"recommend": {"slots": "5"}}), State({"recommend": {"slots": "20"}})
    assert plan(before, now) == {
        **UP_TO_DATE,
        "recommend": "option changed: --slots: 5 → 20",
        "report": "input changes: after recommend",
    }


def test_a_changed_log() -> None:
    assert plan(State(), State(files={**LOG, "interactions": "log 2"})) == {
        "extract": "input changed: interactions",
        "cluster": "input changed: interactions",
        "transitions": "input changes: after cluster",
        "explore": "input changes: after cluster, transitions",
        "intents": "input changes: after cluster",
        "recommend": "input changes: after extract, cluster, explore, intents",
        "name": "input changes: after extract",
        "lifecycle": "input changes: after extract",
        "report": "input changes: after extract, cluster, transitions, explore, intents, recommend, name, lifecycle",
    }


def test_a_table_that_another_command_replaced() -> None:
    """The table itself is what `explore` would write now, but `recommend` has read another one."""
    before, now = State(), State()
    inputs = {**now.provenance["recommend"].inputs, "lookup": "of another run"}
    before.provenance["recommend"] = now.provenance["recommend"]._replace(inputs=inputs)
    assert plan(before, now) == {
        **UP_TO_DATE,
        "recommend": "input changed: lookup",
        "report": "input changes: after recommend",
    }


def test_a_table_with_other_options_that_another_command_wrote() -> None:
    before = State({"explore": {"source": "network"}})
    assert plan(before, State()) == {
        **UP_TO_DATE,
        "explore": "option changed: --source: network → not given",
        "recommend": "input changes: after explore",
        "report": "input changes: after explore, recommend",
    }


def test_another_code_version() -> None:
    assert plan(State(), State(code_version="2")) == {
        "extract": "code version changed: 1 → 2",
        "cluster": "code version changed: 1 → 2",
        "transitions": "input changes: after cluster",
        "explore": "input changes: after cluster, transitions",
        "intents": "input changes: after cluster",
        "recommend": "input changes: after extract, cluster, explore, intents",
        "name": "input changes: after extract",
        "lifecycle": "input changes: after extract",
        "report": "input changes: after extract, cluster, transitions, explore, intents, recommend, name, lifecycle",
    }


@pytest.mark.parametrize("name", ["clusters", "item_clusters"])
def test_one_missing_output(name: str) -> None:
    before = State()
    before.missing = {name}
    reasons = plan(before, State())
    assert reasons["cluster"] == f"missing: {name}"
    assert [stage for stage, reason in reasons.items() if not reason] == ["extract", "name", "lifecycle"]


def test_the_outputs_of_a_stopped_run_are_kept() -> None:
    before = State()
    before.missing = {"lookup", "intents", "recommendations", "journey_names", "lifecycles"}
    reasons = plan(before, State())
    assert [stage for stage, reason in reasons.items() if not reason] == ["extract", "cluster", "transitions"]


def test_stages_run_on_request() -> None:
    assert plan(State(), State(), ("recommend", "name")) == {
        **UP_TO_DATE,
        "recommend": "as requested",
        "name": "as requested",
        "report": "input changes: after recommend, name",
    }


class TestDifference:
    BEFORE = Provenance({OPTIONS: {"top": "10"}, "parts": 16}, {"clusters": "a", "interactions": "b"}, "1")

    def test_equal(self) -> None:
        assert describe_difference(self.BEFORE, self.BEFORE) == ""

    def test_several_options(self) -> None:
        now = self.BEFORE._replace(configuration={OPTIONS: {"sweep": True}, "parts": 16})
        assert describe_difference(self.BEFORE, now) == (
            "option changed: --sweep: not given → given, --top: 10 → not given"
        )

    def test_a_configuration_that_no_option_determines(self) -> None:
        now = self.BEFORE._replace(configuration={OPTIONS: {"top": "10"}, "parts": 32})
        assert describe_difference(self.BEFORE, now) == "configuration changed: parts"

    def test_an_input_that_was_not_read_before(self) -> None:
        now = self.BEFORE._replace(inputs={**self.BEFORE.inputs, "users": "c"})
        assert describe_difference(self.BEFORE, now) == "input changed: users"

    def test_an_input_whose_content_was_not_recorded(self) -> None:
        before = self.BEFORE._replace(inputs={"clusters": "a", "interactions": UNKNOWN})
        assert describe_difference(before, self.BEFORE) == "input not recorded: interactions"
