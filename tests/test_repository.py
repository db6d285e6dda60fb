import ast
import re
from importlib.metadata import requires
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from packaging.requirements import Requirement

from schemas import INTERACTIONS, ITEMS
from schemas.dataset import DatasetSchema

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(path.parent for path in ROOT.glob("samples/*/items.parquet"))
RUNNER_CONFIGS = sorted(ROOT.glob("runner_configs/*.yaml"))
FOLDERS = ("benchmarks", "docs", "pipelines", "runner_configs", "samples", "schemas", "tests", "tools", "transforms")
TEXT = {"", ".cfg", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}


def requirements(extra: str) -> set[str]:
    found = map(Requirement, requires("interest-journeys") or [])
    return {each.name for each in found if each.marker is None or each.marker.evaluate({"extra": extra})}


@pytest.mark.parametrize("extra", ["", "dev"])
def test_no_language_model_is_installed_by_default(extra: str) -> None:
    assert {"apache-beam", "pyarrow"} <= requirements(extra)
    assert not {"torch", "transformers", "peft", "vllm"} & requirements(extra)


def test_the_version_of_beam_is_in_one_place() -> None:
    (version,) = re.findall(r'^BEAM_VERSION = "(.+)"$', (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)
    series = re.escape(version.rpartition(".")[0])
    places = [
        f"{path.relative_to(ROOT)}:{number}"
        for pattern in ("*.*", "Makefile", ".ci/*", *(f"{folder}/**/*" for folder in FOLDERS))
        for path in ROOT.glob(pattern)
        if path.is_file() and path.suffix in TEXT and path.name != "CHANGELOG.md"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(rf"(?<![\d.]){series}(?!\d)|beam\D{{0,12}}2\.\d", line, re.IGNORECASE)
    ]
    assert len(places) == 1, places
    assert places[0].startswith("setup.py:")


def test_nothing_relies_on_the_hash_that_differs_between_processes() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("schemas", "transforms", "pipelines")
        for path in ROOT.glob(f"{package}/**/*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash"
    ]
    assert not calls


def test_tests_that_need_torch_are_among_those_of_models() -> None:
    """Otherwise no target runs them after `make setup` alone: they are skipped without torch."""
    needs_torch = re.compile(r'(?:importorskip|find_spec)\("torch"\)')
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py")}
    found = [path for path, text in texts.items() if needs_torch.search(text)]
    assert len(found) > 10
    assert [str(path) for path in found if "pytest.mark.models" not in texts[path]] == []


@pytest.mark.parametrize("path", RUNNER_CONFIGS, ids=lambda path: path.stem)
def test_runner_configs_are_flat_maps_of_options_of_beam(path: Path) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    options = PipelineOptions([]).get_all_options()
    assert "runner" in config
    assert set(config) <= set(options)
    assert all(isinstance(value, bool | int | str) for value in config.values())


def has_columns(table: pa.Table, dataset: DatasetSchema) -> bool:
    return set(dataset.required) <= set(table.column_names) and all(
        field.type == dataset.column(field.name).type and table[field.name].null_count < table.num_rows
        for field in table.schema
    )


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_samples_are_complete(folder: Path) -> None:
    interactions = pq.read_table(folder / "interactions.parquet")
    items = pq.read_table(folder / "items.parquet")
    assert has_columns(interactions, INTERACTIONS)
    assert has_columns(items, ITEMS)
    assert interactions.num_rows > 1_000
    assert items["item_id"].to_pylist() == sorted(set(interactions["item_id"].to_pylist()))
    assert pc.all(pc.not_equal(items["title"], "")).as_py()
    assert f"| {interactions.num_rows:,} |" in (ROOT / "samples/README.md").read_text(encoding="utf-8")


def test_samples_are_small_and_described() -> None:
    assert [folder.name for folder in SAMPLES] == ["arxiv_authors", "github_stars", "online_retail"]
    assert sum(path.stat().st_size for path in ROOT.glob("samples/**/*.parquet")) <= 6_000_000


def test_row_groups_of_samples_can_be_read_one_by_one() -> None:
    for path in ROOT.glob("samples/**/*.parquet"):
        metadata = pq.ParquetFile(path).metadata
        assert metadata.row_group(0).column(0).compression == "ZSTD"
        assert max(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)) <= 32_768
