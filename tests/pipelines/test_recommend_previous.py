"""`recommend --previous`: unchanged users keep their rows, others are computed, and what does not fit is refused."""

import contextlib
import datetime
import io
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.common.command_line import UsageError
from pipelines.common.run import run_job
from pipelines.explore.job import ExploreJob
from pipelines.extract.job import ExtractJob
from pipelines.recommend.job import RecommendJob
from pipelines.recommend.previous import check_previous
from schemas import CLUSTERS, ITEM_CLUSTERS, JOURNEYS, LOOKUP, METRICS, RECOMMENDATIONS
from tests.pipelines.logs import rows, write
from tests.pipelines.topics import ITEMS, START, USERS, log, run, run_all
from transforms.datasets.files import resolve_source

Row = dict[str, object]
NEW_TIME = START + datetime.timedelta(days=30)
CHANGED = {"u03", "u17", "u20", "new"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log, the catalogue, the workspace `out` with tree and table, and `first`: a first run."""
    found = write(tmp_path_factory.mktemp("previous"), {"log.parquet": log(), "items.parquet": ITEMS})
    run_all(found, "--levels=6")
    recommend(found, found / "first", "--dimensions=8", "--slots=6")
    return write(found, {"later.parquet": later()})


def later() -> pa.Table:
    """The log some time later: two users consumed more, one lost an interaction, one is new, and one is not there."""
    added = [("u03", "i00"), ("u03", "i07"), ("u17", "i11"), ("new", "i00"), ("new", "i01")]
    described = [{"user_id": user, "item_id": item, "timestamp": NEW_TIME} for user, item in added]
    earlier = log().to_pylist()
    lost = next(row for row in earlier if row["user_id"] == "u20")
    kept = [row for row in earlier if row != lost and row["user_id"] != "u50"]
    return pa.Table.from_pylist([*described, *kept], log().schema)


def recommend(folder: Path, output: Path, *options: str, code: int = 0) -> str:
    return run(RecommendJob, f"--clusters={folder / 'out'}", f"--workspace={output}", *options, code=code)


def again(folder: Path, output: Path, *options: str, code: int = 0) -> str:
    """Recommend on the later log, with the rows of the first run."""
    given = (f"--previous={folder / 'first'}", f"--interactions={folder / 'later.parquet'}")
    return recommend(folder, output, *given, *options, code=code)


def by_user(workspace: Path) -> dict[str, list[Row]]:
    lists: dict[str, list[Row]] = {}
    for row in rows(workspace, RECOMMENDATIONS):
        lists.setdefault(str(row["user_id"]), []).append(row)
    return lists


def metric(workspace: Path, name: str) -> float:
    return sum(float(str(row["value"])) for row in rows(workspace, METRICS) if row["metric"] == name)


def parts(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / RECOMMENDATIONS.name).glob("*.parquet")}


def test_unchanged_users_keep_their_rows_and_others_are_computed(folder: Path, tmp_path: Path) -> None:
    printed = again(folder, tmp_path / "second")
    recommend(folder, tmp_path / "anew", f"--interactions={folder / 'later.parquet'}", "--dimensions=8", "--slots=6")
    first, second, anew = by_user(folder / "first"), by_user(tmp_path / "second"), by_user(tmp_path / "anew")
    assert set(second) == set(anew) == (set(first) | {"new"}) - {"u50"}
    for user, own in second.items():
        assert own == (anew if user in CHANGED else first)[user]
    assert any(anew[user] != first[user] for user in set(second) - CHANGED)  # the ranker is fitted to the later log
    assert metric(tmp_path / "second", "users") == USERS
    assert metric(tmp_path / "second", "users_kept") == USERS - 4
    assert metric(tmp_path / "second", "users_computed") == 4
    assert metric(tmp_path / "second", "users_of_previous_left_out") == 1
    assert metric(tmp_path / "second", "recommended_items") == 6 * USERS
    assert f"users who keep the rows of --previous: {USERS - 4}" in printed
    assert "users whose lists were computed: 4" in printed


def test_an_equal_log_gives_equal_bytes_and_rows_are_kept_again(folder: Path, tmp_path: Path) -> None:
    recommend(folder, tmp_path / "second", f"--previous={folder / 'first'}")
    assert parts(tmp_path / "second") == parts(folder / "first")
    assert metric(tmp_path / "second", "users_computed") == 0
    # The second run is the earlier one of a third, in its own workspace.
    recommend(folder, tmp_path / "second", f"--previous={tmp_path / 'second'}")
    assert by_user(tmp_path / "second") == by_user(folder / "first")


def test_the_rows_do_not_depend_on_the_runner_or_the_order_of_the_log(folder: Path, tmp_path: Path) -> None:
    again(folder, tmp_path / "one")
    table = later()
    write(tmp_path, {"shuffled.parquet": table.take(pa.array(range(len(table) - 1, -1, -1)))})
    options = (
        f"--clusters={folder / 'out'}",
        f"--workspace={tmp_path / 'other'}",
        f"--previous={folder / 'first'}",
        f"--interactions={tmp_path / 'shuffled.parquet'}",
        "--runner=DirectRunner",
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert run_job(RecommendJob, list(options)) == 0
    assert parts(tmp_path / "other") == parts(tmp_path / "one")


def test_only_given_users_are_in_the_output(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, {"users.parquet": pa.table({"user_id": ["u03", "u05", "u50"]})})
    again(folder, tmp_path / "out", f"--users={tmp_path / 'users.parquet'}")
    found = by_user(tmp_path / "out")
    assert set(found) == {"u03", "u05"}
    assert found["u05"] == by_user(folder / "first")["u05"]
    assert metric(tmp_path / "out", "users_kept") == 1


def test_users_with_other_journeys_are_computed(folder: Path, tmp_path: Path) -> None:
    given = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    run(ExtractJob, *given, f"--workspace={tmp_path / 'journeys'}")
    with_journey = {row["user_id"] for row in rows(tmp_path / "journeys", JOURNEYS)}
    journeys = f"--journeys={tmp_path / 'journeys'}"
    recommend(folder, tmp_path / "second", f"--previous={folder / 'first'}", journeys)
    assert metric(tmp_path / "second", "users_computed") == len(with_journey) > 0
    recommend(folder, tmp_path / "third", f"--previous={tmp_path / 'second'}", journeys)
    assert metric(tmp_path / "third", "users_computed") == 0
    assert parts(tmp_path / "third") == parts(tmp_path / "second")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--slots=7", "--slots is 7 but was 6 in --previous: leave it out"),
        ("--cluster_power=0.75", "--cluster_power is 0.75 but was"),
        ("--allocation=in_turn", "--allocation is in_turn but was by_probability"),
        ("--dimensions=16", "--dimensions is 16 but was 8 in --previous"),
        ("--ranker_validation_fraction=0.2", "--ranker_validation_fraction is 0.2 but was 0.1"),
    ],
)
def test_other_options_are_refused(folder: Path, tmp_path: Path, option: str, message: str) -> None:
    assert message in again(folder, tmp_path / "out", option, code=2)
    assert not (tmp_path / "out" / RECOMMENDATIONS.name).exists()


def test_the_options_of_the_earlier_run_may_be_repeated(folder: Path, tmp_path: Path) -> None:
    again(folder, tmp_path / "out", "--slots=6", "--dimensions=8")
    assert metric(tmp_path / "out", "users_computed") == 4


def test_another_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path, {"vectors.parquet": pa.table({"item_id": ITEMS["item_id"], "embedding": [[1.0, 2.0]] * len(ITEMS)})}
    )
    printed = again(folder, tmp_path / "out", f"--item_embeddings={tmp_path / 'vectors.parquet'}", code=2)
    assert "the encoder is 'none' but was" in printed


@pytest.mark.parametrize("name", ["model", "level"])
def test_another_model_or_level_is_refused(folder: Path, name: str) -> None:
    previous = resolve_source(str(folder / "first" / RECOMMENDATIONS.name))
    assert previous.manifest is not None
    inputs = {each.name: resolve_source(str(folder / "out" / each.name)) for each in (CLUSTERS, ITEM_CLUSTERS, LOOKUP)}
    configuration = previous.manifest.configuration
    check_previous(previous, inputs, configuration)
    with pytest.raises(UsageError, match=f"the {name} is 'other' but was .* in --previous: leave out --previous"):
        check_previous(previous, inputs, configuration | {name: "other"})


def test_another_tree_or_table_is_refused(folder: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "out"
    shutil.copytree(folder / "out", workspace)
    shutil.copytree(folder / "first" / RECOMMENDATIONS.name, workspace / RECOMMENDATIONS.name)
    committed = parts(workspace)
    run(ExploreJob, f"--workspace={workspace}", "--top=2")
    assert len(rows(workspace, LOOKUP)) < len(rows(folder / "out", LOOKUP))
    given = (f"--workspace={workspace}", f"--previous={workspace}")
    assert "computed from other lookup than --table holds now" in run(RecommendJob, *given, code=2)
    inputs = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    run_other = write(tmp_path / "other", {"log.parquet": log(), "items.parquet": ITEMS})
    run_all(run_other, "--levels=5")
    printed = run(RecommendJob, f"--clusters={run_other / 'out'}", *given, *inputs, code=2)
    assert "computed from other clusters than --clusters holds now" in printed
    assert parts(workspace) == committed


def test_a_workspace_without_recommendations_is_refused(folder: Path, tmp_path: Path) -> None:
    given = (f"--previous={folder / 'out'}",)
    assert "--previous: no such file or folder" in recommend(folder, tmp_path / "out", *given, code=2)
    empty = tmp_path / "other" / RECOMMENDATIONS.name
    write(empty, {"part.parquet": pa.table({"user_id": ["u"]})})
    printed = recommend(folder, tmp_path / "out", f"--previous={empty.parent}", code=2)
    assert "holds no recommendations that this version wrote" in printed


def test_a_broken_part_of_the_earlier_run_fails_the_job(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "first", tmp_path / "first")
    part = sorted((tmp_path / "first" / RECOMMENDATIONS.name).glob("*.parquet"))[0]
    part.write_bytes(b"broken")
    printed = recommend(folder, tmp_path / "out", f"--previous={tmp_path / 'first'}", code=1)
    assert "recommendations" in printed
    assert not (tmp_path / "out" / RECOMMENDATIONS.name / "_manifest.json").exists()
