"""Workspaces of a small log for tests of the page, with texts that would do harm where they were not escaped."""

from pathlib import Path

import pyarrow as pa

from pipelines.extract.job import ExtractJob
from pipelines.lifecycle.job import LifecycleJob
from pipelines.recommend.job import RecommendJob
from pipelines.report.job import ReportJob
from tests.pipelines.logs import write
from tests.pipelines.topics import ITEMS, log, run, run_all

SCRIPT = "<script>alert(1)</script>"
LONG = "alpine climbing " * 625
ARABIC = "رحلة تسلق الجبال"
EMOJI = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}🎻🧗"
HOSTILE = (SCRIPT, LONG, ARABIC, EMOJI, "</script><!-- alpine", '"><img src=x onerror=alert(1)> alpine')


def hostile_items() -> pa.Table:
    """The catalogue of topics, in which every fifth title is one that would do harm."""
    titles = ITEMS["title"].to_pylist()
    for place, item in enumerate(range(0, len(titles), 5)):
        titles[item] = HOSTILE[place % len(HOSTILE)]
    return pa.table({"item_id": ITEMS["item_id"], "title": titles})


def hostile_log() -> pa.Table:
    """The log of topics, with ids of users that would do harm: ids are not cleaned, as titles are."""
    table = log()
    users = [{"u00": SCRIPT, "u01": EMOJI}.get(user, user) for user in table["user_id"].to_pylist()]
    return table.set_column(table.schema.get_field_index("user_id"), "user_id", pa.array(users, pa.string()))


def write_workspaces(folder: Path) -> Path:
    """Write workspaces of all jobs without a model: `journeys`, `lives`, `out` for exploration, `lists`."""
    write(folder, {"log.parquet": hostile_log(), "items.parquet": hostile_items()})
    read = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    run(ExtractJob, *read, f"--workspace={folder / 'journeys'}", "--sweep", "--min_size=1")
    run(LifecycleJob, f"--journeys={folder / 'journeys'}", f"--workspace={folder / 'lives'}")
    run_all(folder, "--levels=3,6")
    out = folder / "out"
    run(RecommendJob, f"--clusters={out}", f"--table={out}", f"--workspace={folder / 'lists'}", "--dimensions=8")
    return folder


def write_report(folder: Path, output: Path, *options: str) -> str:
    """Write the page of these workspaces; return its text."""
    given = (f"--exploration={folder / 'out'}", f"--recommendations={folder / 'lists'}")
    run(ReportJob, f"--workspace={folder / 'journeys'}", *given, f"--output={output}", *options)
    return output.read_text(encoding="utf-8")
