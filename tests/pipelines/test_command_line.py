"""What can be written on the command line of `extract`, and what it says when it cannot be carried out."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions, StandardOptions

from pipelines.common.command_line import UsageError, parse_command_line
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from schemas import HISTORIES
from tests.pipelines.logs import ITEMS, LOG, extract, manifest, write
from transforms.journeys.config import BayesianConfig, SweepConfig

ROOT = Path(__file__).parents[2]


def planned(*argv: str) -> ExtractJob:
    return ExtractJob.from_options(parse_command_line(ExtractJob, argv)[0])


def beam_options(*argv: str) -> PipelineOptions:
    return parse_command_line(ExtractJob, argv)[1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that a test leaves to their defaults lie in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The options for a log with all optional columns and its catalogue."""
    log = LOG.append_column("event", pa.array(["play"] * LOG.num_rows)).append_column(
        "value", pa.array([3.0] * LOG.num_rows)
    )
    folder = write(tmp_path_factory.mktemp("inputs"), {"log.parquet": log, "items.parquet": ITEMS})
    return f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}"


class TestParsing:
    def test_nothing_need_be_given(self, tmp_path: Path) -> None:
        job = planned()
        sample = ROOT / "samples" / "arxiv_authors"
        assert [file.path for file in job.interactions.files] == [str(sample / "interactions.parquet")]
        assert [file.path for file in job.items.files] == [str(sample / "items.parquet")]
        assert job.workspace == str(tmp_path / "workspace")
        assert job.previous is None

    def test_the_join_follows_from_the_size_of_the_catalogue(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert planned().extraction.join == "broadcast"
        assert planned("--catalogue_join=shuffle").extraction.join == "shuffle"
        monkeypatch.setattr("pipelines.extract.checks._BROADCAST_BYTES", 1000)
        assert planned().extraction.join == "shuffle"
        assert planned("--catalogue_join=broadcast").extraction.join == "broadcast"

    def test_options_of_beam_are_passed_on(self) -> None:
        options = beam_options(
            "--runner", "FnApiRunner", "--direct_num_workers=3", "--experiments=a", "--experiments=b"
        )
        assert options.view_as(StandardOptions).runner == "FnApiRunner"
        assert options.view_as(DirectOptions).direct_num_workers == 3
        assert options.view_as(DebugOptions).experiments == ["a", "b"]

    def test_help_lists_every_option(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            run_job(ExtractJob, ["--help"])
        assert ended.value.code == 0
        reported = capsys.readouterr().out
        assert all(f"--{option}" in reported for option in vars(parse_command_line(ExtractJob, [])[0]))
        assert "--runner_config" in reported

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("--interaction=x", "unknown option --interaction; did you mean --interactions?"),
            ("--tresholt=0.5", "unknown option --tresholt; did you mean --threshold?"),
            ("--runer=DirectRunner", "unknown option --runer; did you mean --runner?"),
            ("--zzzzzzzz", "unknown option --zzzzzzzz; --help lists the options"),
            ("positional", "unknown option positional; --help lists the options"),
            ("--thresh=0.5", "unknown option --thresh; did you mean --threshold?"),  # no abbreviations
            ("--items", "argument --items: expected one argument"),
            ("--threshold=0", "argument --threshold: must be a number in (0, 1], got '0'"),
            ("--threshold=1.5", "argument --threshold: must be a number in (0, 1], got '1.5'"),
            ("--threshold=x", "argument --threshold: must be a number in (0, 1], got 'x'"),
            ("--threshold=nan", "argument --threshold: must be a number in (0, 1], got 'nan'"),
            ("--min_size=0", "argument --min_size: must be a whole number, at least 1, got '0'"),
            ("--min_size=2.5", "argument --min_size: must be a whole number, at least 1, got '2.5'"),
            ("--max_history=0", "argument --max_history: must be a whole number, at least 1, got '0'"),
            ("--max_error_rate=2", "argument --max_error_rate: must be a number in [0, 1], got '2'"),
            ("--min_association=-2", "argument --min_association: must be a number in [-1, 1], got '-2'"),
            ("--buckets=70000", "argument --buckets: must be a whole number in [0, 65536], got '70000'"),
            ("--assign=some", "argument --assign: invalid choice: 'some' (choose from 'best', 'all')"),
            ("--timestamp_unit=h", "argument --timestamp_unit: invalid choice: 'h'"),
            ("--columns=user_id", "argument --columns: must be column=name,..., got 'user_id'"),
            ("--columns=user_id=", "argument --columns: user_id is required, so it must have a name: user_id=name"),
            ("--columns=user=x", "interactions have no column 'user'; the columns are user_id, item_id, timestamp,"),
            ("--item_columns=user_id=x", "items have no column 'user_id'; the columns are item_id, title,"),
            ("--direct_num_workers=many", "argument --direct_num_workers: invalid int value: 'many'"),
            ("--interactions=log.parquet", "--interactions and --items belong together"),
            ("--items=items.parquet", "--interactions and --items belong together"),
            ("--stop_words=nowhere.txt", "--stop_words: cannot read 'nowhere.txt'"),
            ("--previous=nowhere", "--previous: no such file or folder: '"),
            (
                "--threshold=0.3",
                "--threshold is for journeys that are formed by terms: give --cluster_by=terms",
            ),
            ("--min_coherence=1", "argument --min_coherence: must be a number in [0, 1), got '1'"),
            ("--embedding_columns=embedding=x", "--embedding_columns is for --item_embeddings, which is not given"),
            ("--scorer=both", "argument --scorer: invalid choice: 'both'"),
            ("--embeddings=x", "--embeddings is for an --encoder other than the packaged one, whose vectors are not"),
            ("--encoder=mini", "--encoder: no encoder 'mini'; allowed are 'static'"),
            ("--item_embeddings=nowhere", "--item_embeddings: no such file or folder: '"),
            ("--salient_terms=nowhere", "--salient_terms: no such file or folder: '"),
            (
                "--target_journeys_per_user=0",
                "argument --target_journeys_per_user: must be a number in (0, 1e+06], got '0'",
            ),
            (
                "--target_journeys_per_user=many",
                "argument --target_journeys_per_user: must be a number in (0, 1e+06], got 'many'",
            ),
            ("--half_life_days=0", "argument --half_life_days: must be a number in (0, 1e+06], got '0'"),
            ("--half_life_days=inf", "argument --half_life_days: must be a number in (0, 1e+06], got 'inf'"),
            ("--half_life_days=a week", "argument --half_life_days: must be a number in (0, 1e+06], got 'a week'"),
            ("--buckets=3", "--buckets must divide the number of parts, 16, got 3"),
        ],
    )
    def test_what_is_not_allowed_is_reported(
        self, capsys: pytest.CaptureFixture[str], given: str, message: str
    ) -> None:
        assert run_job(ExtractJob, [given]) == 2
        reported = capsys.readouterr().err
        assert reported.startswith("extract: ")
        assert message in reported
        assert len(reported.splitlines()) == 1

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("--threshold=0.5", "--threshold is for journeys that are formed by terms: give --cluster_by=terms"),
            ("--assign=best", "--assign is for journeys that are formed by terms: give --cluster_by=terms"),
            ("--scorer=learned", "--scorer=learned needs an encoder"),
            (
                "--cluster_by=terms",
                "--item_embeddings is for journeys that are formed by vectors, not with --cluster_by",
            ),
            ("--encoder=minilm", "--encoder and --item_embeddings are mutually exclusive"),
            ("--max_history=5001", "--max_history must be at most 5000 for journeys that are formed by vectors"),
        ],
    )
    def test_what_does_not_go_with_vectors_is_reported(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, message: str
    ) -> None:
        (tmp_path / "vectors.parquet").touch()
        assert run_job(ExtractJob, [f"--item_embeddings={tmp_path / 'vectors.parquet'}", given]) == 2
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize("given", ["--merge_threshold=-0.3", "--scorer=learned", "--encoder=static"])
    def test_what_does_not_go_with_terms_is_reported(self, capsys: pytest.CaptureFixture[str], given: str) -> None:
        assert run_job(ExtractJob, ["--cluster_by=terms", given]) == 2
        assert given.partition("=")[0] in capsys.readouterr().err

    @pytest.mark.parametrize("option", ["threshold", "merge_threshold"])
    def test_a_threshold_is_given_or_found(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
    ) -> None:
        (tmp_path / "vectors.parquet").touch()
        clustering = (
            "--cluster_by=terms" if option == "threshold" else f"--item_embeddings={tmp_path / 'vectors.parquet'}"
        )
        assert run_job(ExtractJob, [clustering, f"--{option}=0.1", "--target_journeys_per_user=3"]) == 2
        assert f"--target_journeys_per_user and --{option} are mutually exclusive" in capsys.readouterr().err

    def test_a_target_implies_a_sweep(self) -> None:
        assert planned().extraction.sweep is None
        assert planned("--sweep", "--cluster_by=terms", "--threshold=0.1").extraction.sweep == SweepConfig()
        assert planned("--target_journeys_per_user=2.5").extraction.sweep == SweepConfig(2.5)
        assert planned("--target_journeys_per_user=2.5", "--sweep").configuration["extraction"]["sweep"] == {
            "target_journeys_per_user": 2.5,
            "min_relative_coverage": 0.8,
            "users": 4096,
        }

    def test_a_half_life_is_reported_in_manifests(self) -> None:
        assert planned().configuration["extraction"]["half_life_days"] is None
        assert planned("--half_life_days=7.5").configuration["extraction"]["half_life_days"] == 7.5

    def test_options_of_vectors(self, tmp_path: Path) -> None:
        (tmp_path / "vectors.parquet").touch()
        given = f"--item_embeddings={tmp_path / 'vectors.parquet'}"
        assert planned("--cluster_by=terms").extraction.bayesian is None
        assert planned().extraction.bayesian == BayesianConfig()
        assert planned(given).extraction.bayesian == BayesianConfig()
        changed = planned(
            given, "--merge_threshold=-0.2", "--merge_fraction=0.5", "--min_coherence=0"
        ).extraction.bayesian
        assert changed == BayesianConfig(merge_threshold=-0.2, merge_fraction=0.5, min_coherence=0)

    def test_numbers_at_the_ends_of_what_is_allowed(self) -> None:
        job = planned(
            "--cluster_by=terms",
            "--threshold=1",
            "--min_value",
            "-3",
            "--max_error_rate=0",
            "--min_association=-1",
            "--min_size=1",
        )
        assert job.extraction.icpc.threshold == 1
        assert job.extraction.interactions.min_value == -3
        assert job.max_error_rate == 0
        assert job.salience.vocabulary.min_association == -1

    def test_lists_and_names(self) -> None:
        job = planned("--keep_events=buy,,click", "--columns=user_id=a=b,item_id=c")
        assert job.extraction.interactions.keep_events == ("buy", "click")
        assert job.columns == {"user_id": "a=b", "item_id": "c"}


class TestRunnerConfig:
    @staticmethod
    def config(folder: Path, text: str | bytes) -> str:
        (folder / "runner.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return f"--runner_config={folder / 'runner.yaml'}"

    def test_its_options_reach_beam(self, tmp_path: Path) -> None:
        text = "runner: FnApiRunner\ndirect_num_workers: 2\nexperiments: [a, b]\nstreaming: true\nno_auth: false\n"
        options = beam_options(self.config(tmp_path, text))
        assert options.view_as(StandardOptions).runner == "FnApiRunner"
        assert options.view_as(StandardOptions).streaming is True
        assert options.view_as(DirectOptions).direct_num_workers == 2
        assert options.view_as(DebugOptions).experiments == ["a", "b"]

    def test_the_command_line_wins(self, tmp_path: Path) -> None:
        config = self.config(tmp_path, "runner: DirectRunner\ndirect_num_workers: 2\n")
        options = beam_options("--direct_num_workers=5", config)
        assert options.view_as(StandardOptions).runner == "DirectRunner"
        assert options.view_as(DirectOptions).direct_num_workers == 5

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("runer: DirectRunner", "names 'runer', which is not an option of Beam; did you mean 'runner'?"),
            ("threshold: 0.5", "names 'threshold', which is not an option of Beam"),
            ("7: 8", "names 7, which is not an option of Beam"),
            ("- runner", "must be a map of options, such as 'runner: DirectRunner'"),
            ("", "must be a map of options, such as 'runner: DirectRunner'"),
            ("runner: [", "is not YAML"),
            (b"runner: caf\xe9", "is not YAML"),
            ("direct_num_workers: many", "argument --direct_num_workers: invalid int value: 'many'"),
        ],
    )
    def test_a_bad_one_is_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, message: str
    ) -> None:
        assert run_job(ExtractJob, [self.config(tmp_path, text)]) == 2
        assert message in capsys.readouterr().err

    def test_it_must_exist(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run_job(ExtractJob, ["--runner_config=nowhere.yaml"]) == 2
        assert f"--runner_config: no such file: {tmp_path / 'nowhere.yaml'}" in capsys.readouterr().err


class TestPrevious:
    """A run is continued by one that would have filtered and cut the older log in the same way."""

    FILTER = ("--keep_events=play,like", "--min_value=2")

    @pytest.fixture(scope="class")
    @classmethod
    def workspace(cls, tmp_path_factory: pytest.TempPathFactory, inputs: tuple[str, str]) -> Path:
        workspace = tmp_path_factory.mktemp("previous")
        paths = (option.partition("=")[2] for option in inputs)
        assert extract(workspace, *paths, *cls.FILTER, "--max_history=50") == 0
        return workspace

    @pytest.mark.parametrize("options", [("--max_history=50",), ("--max_history=7", "--min_size=2")])
    def test_what_agrees_is_accepted(self, workspace: Path, inputs: tuple[str, str], options: tuple[str, ...]) -> None:
        job = planned(*inputs, f"--previous={workspace}", *self.FILTER, *options)
        assert job.previous is not None
        assert job.lineage["histories"] == manifest(workspace, HISTORIES).digest

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ((*FILTER, "--max_history=51"), "--max_history is 51 but --previous kept only 50 per user"),
            ((*FILTER, "--min_value=1", "--max_history=50"), "--min_value is 1.0 but was 2.0 in --previous"),
            ((FILTER[0], "--max_history=50"), "--min_value is None but was 2.0 in --previous"),
            (("--keep_events=play", FILTER[1], "--max_history=50"), "--keep_events is ('play',) but was ["),
            ((*FILTER, "--min_dwell_seconds=5"), "--min_dwell_seconds is 5.0 but was None in --previous"),
            ((*FILTER, "--min_interest=.5"), "--min_interest is 0.5 but was None in --previous"),
            ((*FILTER, "--cluster_by=terms"), "the vectors of items are of no encoder, but of "),
        ],
    )
    def test_what_differs_is_refused(
        self, workspace: Path, inputs: tuple[str, str], options: tuple[str, ...], message: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            planned(*inputs, f"--previous={workspace}", *options)
        assert message in str(refused.value)

    def test_it_must_be_a_workspace_of_this_version(
        self, tmp_path: Path, workspace: Path, inputs: tuple[str, str]
    ) -> None:
        write(tmp_path, {"plain/histories/part.parquet": LOG})
        other = dataclasses.replace(manifest(workspace, HISTORIES), schema_fingerprint="0")
        write(tmp_path, {"other/histories/_manifest.json": other.to_json().encode()})
        for name in ("plain", "other"):
            with pytest.raises(UsageError, match=f"--previous: '{name}' holds no histories that this version"):
                planned(*inputs, f"--previous={name}")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--treshold=0.5"], "extract: unknown option --treshold; did you mean --threshold?"),
        (
            ["--interactions=nowhere.parquet", "--items=nowhere.parquet"],
            "extract: --interactions: no such file or folder",
        ),
        (["--items=items.parquet"], "extract: --interactions and --items belong together"),
    ],
    ids=["unknown", "missing", "contradiction"],
)
def test_a_mistake_is_reported_at_once(argv: list[str], message: str) -> None:
    command = [sys.executable, "-m", "pipelines.extract", *argv]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("option", ["--workspace", "--previous"])
def test_a_bucket_of_google_without_its_packages(tmp_path: Path, inputs: tuple[str, str], option: str) -> None:
    """The command in a process in which they cannot be imported."""
    program = """
import sys
sys.modules |= dict.fromkeys(("google.cloud.storage", "google.api_core", "google.auth"))
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
sys.exit(run_job(ExtractJob, sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, *inputs, f"--workspace={tmp_path}", f"{option}=gs://bucket/folder"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"extract: {option}: ")
    assert re.search(r"gs:// needs more packages: .*pip install '.*\[gcp\]'", ended.stderr)
    assert len(ended.stderr.splitlines()) == 1


def test_a_mistake_is_reported_before_kernels_are_imported() -> None:
    program = """
import sys
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
assert run_job(ExtractJob, ["--interactions=nowhere", "--items=nowhere"]) == 2
print({"numba", "scipy", "sklearn", "tokenizers", "torch"} & set(sys.modules))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
