"""Options that manifests record, the printed next commands, and what a later run inherits from them."""

import contextlib
import dataclasses
import io
import re
import shlex
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.common.recorded_options import OPTIONS, command_of, record, to_flags
from pipelines.common.run import run_job
from pipelines.registry import load_job
from schemas import CLUSTER_HISTORIES, HISTORIES, JOURNEY_NAMES, JOURNEYS, LOOKUP
from tests.pipelines import topics
from tests.pipelines.logs import ITEMS, LOG, content, manifest, rows, write
from transforms.extras import python_command

OPTIONS_OF_LOG = ("--columns=user_id=visitor,item_id=content", "--min_value=2")
BY_TERMS = (*OPTIONS_OF_LOG, "--item_columns=item_id=content", "--cluster_by=terms", "--threshold=.2", "--min_size=2")


def run(job: str, *flags: str, code: int = 0) -> str:
    """Run a job in this process; return what it prints to both streams, without line breaks inside of words."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        assert run_job(load_job(job), ["--runner=FnApiRunner", *flags]) == code
    return printed.getvalue()


def commands(printed: str) -> list[list[str]]:
    """Return the printed commands as job and flags."""
    found = re.findall(r"-m pipelines\.(.*)$", printed, re.MULTILINE)
    return [shlex.split(line) for line in found]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a log, and the whole log, with other column names than the defaults."""
    value = pa.array([float(row % 4) for row in range(LOG.num_rows)])
    log = LOG.rename_columns(["visitor", "content", "timestamp"]).append_column("value", value)
    noon = pc.sort_indices(log["timestamp"]).to_numpy()[log.num_rows // 2]
    is_early = pc.less(log["timestamp"], log["timestamp"][int(noon)])
    return write(
        tmp_path_factory.mktemp("inputs"),
        {
            "first.parquet": log.filter(is_early),
            "second.parquet": log.filter(pc.invert(is_early)),
            "whole.parquet": log,
            "items.parquet": ITEMS.rename_columns(["content", "title"]),
        },
    )


@pytest.fixture(scope="module")
def first(inputs: Path) -> str:
    """The output of `extract` on the first day."""
    log, items = f"--interactions={inputs / 'first.parquet'}", f"--items={inputs / 'items.parquet'}"
    return run("extract", log, items, f"--workspace={inputs / 'first'}", *BY_TERMS)


def test_the_printed_command_continues_with_the_same_options(inputs: Path, first: str) -> None:
    (command,) = commands(first)
    assert command[0] == "extract"
    replaced = {
        "--workspace=NEW": f"--workspace={inputs / 'continued'}",
        "--interactions=NEW_LOG": f"--interactions={inputs / 'second.parquet'}",
    }
    assert set(replaced) < set(command)
    run(*(replaced.get(flag, flag) for flag in command))
    log, items = f"--interactions={inputs / 'whole.parquet'}", f"--items={inputs / 'items.parquet'}"
    run("extract", log, items, f"--workspace={inputs / 'one_run'}", *BY_TERMS)
    for dataset in (HISTORIES, JOURNEYS):
        assert content(inputs / "continued", dataset) == content(inputs / "one_run", dataset)
        recorded = [manifest(inputs / each, dataset).configuration[OPTIONS] for each in ("continued", "one_run")]
        assert [each.pop("interactions") for each in recorded] == [
            str(inputs / "second.parquet"),
            str(inputs / "whole.parquet"),
        ]
        assert recorded[0] == recorded[1]


@pytest.mark.parametrize(
    ("contradiction", "reported"),
    [
        ("--threshold=.3", "--threshold is 0.3 but was 0.2 in --previous: leave it out"),
        ("--cluster_by=vectors", "--cluster_by is vectors but was terms in --previous"),
        ("--encoder=static", "--encoder is static but was not given in --previous"),
        ("--min_value=3", "--min_value is 3.0 but was 2.0 in --previous"),
        ("--max_terms=4", "--max_terms is 4 but was 16 in --previous"),
    ],
)
def test_a_continued_run_refuses_what_contradicts_the_first(
    inputs: Path, first: str, tmp_path: Path, contradiction: str, reported: str
) -> None:
    flags = (f"--previous={inputs / 'first'}", f"--interactions={inputs / 'second.parquet'}", contradiction)
    assert reported in run("extract", *flags, f"--workspace={tmp_path / 'new'}", code=2)
    assert not (tmp_path / "new").exists()


def test_the_same_value_is_no_contradiction_and_the_catalogue_may_change(
    inputs: Path, first: str, tmp_path: Path
) -> None:
    newer = write(tmp_path, {"items.parquet": ITEMS}) / "items.parquet"
    flags = (f"--previous={inputs / 'first'}", f"--interactions={inputs / 'second.parquet'}", "--threshold=0.20")
    run("extract", *flags, f"--items={newer}", "--item_columns=item_id=item_id", f"--workspace={tmp_path / 'new'}")
    recorded = manifest(tmp_path / "new", JOURNEYS).configuration[OPTIONS]
    assert recorded["items"] == str(newer)
    assert recorded["threshold"] == "0.2"
    assert recorded["columns"] == "user_id=visitor,item_id=content"


def test_names_are_of_the_catalogue_of_the_journeys(inputs: Path, first: str, tmp_path: Path) -> None:
    run("name", f"--journeys={inputs / 'first'}", f"--workspace={tmp_path / 'names'}")
    given = (f"--items={inputs / 'items.parquet'}", "--item_columns=item_id=content")
    run("name", f"--journeys={inputs / 'first'}", *given, f"--workspace={tmp_path / 'given'}")
    assert rows(tmp_path / "names", JOURNEY_NAMES)
    assert content(tmp_path / "names", JOURNEY_NAMES) == content(tmp_path / "given", JOURNEY_NAMES)


def test_journeys_without_a_title_in_the_catalogue_are_not_named(inputs: Path, first: str, tmp_path: Path) -> None:
    other = write(tmp_path, {"items.parquet": pa.table({"item_id": ["x1", "x2"], "title": ["One", "Two"]})})
    flags = (f"--journeys={inputs / 'first'}", f"--items={other / 'items.parquet'}")
    printed = " ".join(run("name", *flags, f"--workspace={tmp_path / 'names'}", code=1).split())
    assert "no journeys with titles would be left" in printed
    assert not (tmp_path / "names" / JOURNEY_NAMES.name / "_manifest.json").exists()


def test_printed_commands_lead_from_a_catalogue_to_the_table(tmp_path: Path) -> None:
    log = topics.log().rename_columns(["who" if name == "user_id" else name for name in topics.log().column_names])
    folder = write(tmp_path, {"log.parquet": log, "items.parquet": topics.ITEMS})
    paths = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    printed = run("cluster", *paths, "--columns=user_id=who", "--levels=2,6", f"--workspace={folder / 'out'}")
    for job in ("transitions", "explore"):
        (command,) = commands(printed)
        assert command[0] == job
        printed = run(*command)
    assert len(rows(folder / "out", CLUSTER_HISTORIES)) == topics.USERS
    assert rows(folder / "out", LOOKUP)


def test_transitions_need_a_log_where_the_tree_has_none(tmp_path: Path) -> None:
    folder = write(tmp_path, {"items.parquet": topics.ITEMS})
    run("cluster", f"--items={folder / 'items.parquet'}", "--levels=2,6", f"--workspace={folder / 'out'}")
    printed = run("transitions", f"--workspace={folder / 'out'}", code=2)
    assert "--interactions is missing: the clusters are those of" in printed


def test_options_become_text_and_flags_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"sweep": True, "keep_events": ("b", "a"), "columns": {"user_id": "u"}, "items": "in.parquet", "parts": 4}
    recorded = record(values)
    assert recorded == {
        "columns": "user_id=u",
        "items": str(tmp_path / "in.parquet"),
        "keep_events": "b,a",
        "sweep": True,
    }
    assert to_flags(recorded) == [
        "--columns=user_id=u",
        f"--items={tmp_path / 'in.parquet'}",
        "--keep_events=b,a",
        "--sweep",
    ]


def test_commands_name_the_python_that_has_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tmp_path / "environment" / "bin"
    environment.mkdir(parents=True)
    program = environment / "python"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("PATH", str(environment))
    assert python_command() == "python"
    monkeypatch.setenv("PATH", "/nowhere")
    assert python_command() == str(program)
    monkeypatch.chdir(tmp_path)
    assert python_command() == "environment/bin/python"


def test_commands_are_those_of_the_program_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "interest-journeys"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "--users=1"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_of("name", "--users=2") == "interest-journeys name --users=2"
    monkeypatch.setenv("PATH", "/nowhere")
    assert command_of("name", "--users=2") == f"{program} name --users=2"


def test_journeys_that_record_no_catalogue_need_one(inputs: Path, first: str, tmp_path: Path) -> None:
    stored = manifest(inputs / "first", JOURNEYS)
    configuration = {name: value for name, value in stored.configuration.items() if name != OPTIONS}
    older = dataclasses.replace(stored, configuration=configuration)
    write(tmp_path, {"journeys/_manifest.json": older.to_json().encode()})
    printed = run("name", f"--journeys={tmp_path}", f"--workspace={tmp_path / 'names'}", code=2)
    assert "--items is missing: the journeys in" in printed


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Journeys of a log, from a catalogue whose tags are a text with separators, in a column of another name."""
    genres = pa.array([f"{title.rsplit(' ', 1)[0]}|outdoors" for title in topics.ITEMS["title"].to_pylist()])
    items = topics.ITEMS.append_column("genres", genres)
    folder = write(tmp_path_factory.mktemp("separated"), {"log.parquet": topics.log(), "items.parquet": items})
    run("extract", f"--interactions={folder / 'log.parquet'}", *_separated(folder), f"--workspace={folder / 'out'}")
    return folder


def _separated(folder: Path) -> tuple[str, ...]:
    return f"--items={folder / 'items.parquet'}", "--item_columns=tags=genres", "--tag_separator=|"


def test_separated_tags_do_not_hide_the_words_of_a_catalogue(separated: Path, tmp_path: Path) -> None:
    assert "cluster_by" not in manifest(separated / "out", JOURNEYS).configuration[OPTIONS]
    assert manifest(separated / "out", JOURNEYS).configuration["encoder"]
    run("cluster", *_separated(separated), "--levels=2,6", f"--workspace={tmp_path / 'tree'}")


@pytest.mark.parametrize("job", ["name", "report"])
def test_the_separator_of_tags_is_inherited_with_the_catalogue(separated: Path, tmp_path: Path, job: str) -> None:
    outputs = {"name": f"--workspace={tmp_path / 'names'}", "report": f"--output={tmp_path / 'page.html'}"}
    printed = run(job, f"--{'journeys' if job == 'name' else 'workspace'}={separated / 'out'}", outputs[job])
    assert "no certain meaning" not in printed
    if job == "report":
        assert topics.ITEMS["title"][0].as_py() in (tmp_path / "page.html").read_text()


def test_a_newer_catalogue_may_have_separated_tags(separated: Path, inputs: Path, first: str, tmp_path: Path) -> None:
    items = ITEMS.append_column("genres", pa.array(["quiet|loud"] * ITEMS.num_rows))
    write(tmp_path, {"items.parquet": items})
    flags = (f"--previous={inputs / 'first'}", f"--interactions={inputs / 'second.parquet'}", *_separated(tmp_path))
    columns = "--item_columns=item_id=item_id,tags=genres"
    run("extract", *flags, columns, f"--workspace={tmp_path / 'new'}")
    assert manifest(tmp_path / "new", JOURNEYS).configuration[OPTIONS]["tag_separator"] == "|"
