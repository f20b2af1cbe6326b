"""Packages import from those below them, and files without circles."""

import ast
import collections
import graphlib
import pathlib
from collections.abc import Iterator

import pd_bert

_ROOT = pathlib.Path(pd_bert.__file__).parent
# From the bottom; a package may import those before it.
_ORDER = (
    "errors",
    "values",
    "system",
    "text",
    "models",
    "objectives",
    "data",
    "sources",
    "curation",
    "tasks",
    "training",
    "artifact",
    "formats",
    "costs",
    "stages",
    "runs",
    "export",
    "search",
    "analysis",
    "report",
    "contrib",
    "api",
    "config",
    "bin",
)
_LAYERS = {name: number for number, name in enumerate(_ORDER)}


def test_imports_point_down() -> None:
    broken = []
    for path, package, module in _imports():
        parts = module.split(".")
        if parts[0] != "pd_bert" or len(parts) == 1:
            continue
        assert parts[1] in _LAYERS, f"{path}: {parts[1]} has no layer"
        if _LAYERS[parts[1]] > _LAYERS[package]:
            broken.append(f"{path} imports {module}")
    assert not broken, "\n".join(broken)


def test_only_config_knows_gin_and_nothing_knows_tools() -> None:
    for path, package, module in _imports():
        first = module.split(".")[0]
        assert first != "gin" or package == "config", f"{path} imports {module}"
        assert first not in ("tools", "tests"), f"{path} imports {module}"


def test_analysis_draws_nothing() -> None:
    """Neither pictures nor pages: they are the report's."""
    drawing = ("matplotlib", "jinja2", "markupsafe")
    for path, package, module in _imports():
        if package == "analysis":
            assert module.split(".")[0] not in drawing, f"{path} imports {module}"


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {
        ".".join(("pd_bert", *path.relative_to(_ROOT).with_suffix("").parts))
        for path in _ROOT.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph: dict[str, set[str]] = {name: set() for name in files}
    for path, _, module in _imports():
        importer = f"pd_bert.{path.removesuffix('.py').replace('/', '.')}"
        for name in (module, module.rpartition(".")[0]):
            if importer in files and name in files:
                graph[importer].add(name)
    assert any(graph.values())
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_no_package_holds_more_than_a_seventh_of_the_lines() -> None:
    lines = collections.Counter[str]()
    for path in _ROOT.rglob("*.py"):
        package = path.relative_to(_ROOT).parts[0]
        lines[package] += len(path.read_text().splitlines())
    (largest, count), *_ = lines.most_common(1)
    assert count <= lines.total() / 7, largest


def _imports() -> Iterator[tuple[str, str, str]]:
    """(file, its package, a module that it imports), also inside functions."""
    for path in sorted(_ROOT.rglob("*.py")):
        relative = path.relative_to(_ROOT)
        package = relative.parts[0].removesuffix(".py")
        if package == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{relative}: imports are absolute"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                yield str(relative), package, name
