"""The import graph of the packages has no cycle, not even through imports inside functions."""

import ast
import graphlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "transforms", "pipelines")


def module_files(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    """Map the dotted name of each module below some packages to its file."""
    files = (path for package in packages for path in root.glob(f"{package}/**/*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imports_at_runtime(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """All import statements of a module, at any level, except those for type checkers only."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    for child in ast.iter_child_nodes(node):
        yield from imports_at_runtime(child)


def import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Map each module to the modules that it imports anywhere in its code, among those of `files`."""
    graph = {}
    for module, path in files.items():
        imported = set()
        for node in imports_at_runtime(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif node.module:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                imported |= {name if name in files else node.module for name in names}
        graph[module] = imported & files.keys()
    return graph


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle, the first repeated at the end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_import_forms_a_cycle() -> None:
    graph = import_graph(module_files(ROOT, PACKAGES))
    assert len(graph) > 100
    assert find_cycle(graph) == []


@pytest.mark.parametrize(
    "back", ["import lib.b", "from lib import b", "from lib.b import name", "def load():\n    from lib.b import name"]
)
def test_a_cycle_is_found_at_any_level(tmp_path: Path, back: str) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("from lib.b import name")
    (tmp_path / "lib" / "a.py").write_text(f"{back}\n")
    (tmp_path / "lib" / "b.py").write_text("from lib.a import load")
    graph = import_graph(module_files(tmp_path, ["lib"]))
    assert graph["lib"] == {"lib.b"}
    assert set(find_cycle(graph)) == {"lib.a", "lib.b"}


def test_an_import_for_type_checkers_is_no_cycle(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("if TYPE_CHECKING:\n    from lib.b import name\n")
    (tmp_path / "lib" / "b.py").write_text("from lib.a import load")
    assert find_cycle(import_graph(module_files(tmp_path, ["lib"]))) == []
