"""A package imports only from layers below it, or from itself."""

import ast
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
