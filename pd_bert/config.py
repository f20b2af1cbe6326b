"""All that knows gin: reading recipes, checking them, making their values."""

import contextlib
import dataclasses

# gin uses importlib.util without importing it.
import importlib.util  # noqa: F401
import itertools
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import gin
from absl import logging
from gin import config as gin_config

import pd_bert
from pd_bert.errors import InputError
from pd_bert.runs.recipe import Recipe, axis_values, in_order
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime
from pd_bert.values import class_path

T = TypeVar("T")

_text = ""  # gin's configuration, which belongs to it, is the process's as well


def gin_folder() -> pathlib.Path:
    """The gin files that ship with the package, or those beside it in a checkout."""
    package = pathlib.Path(pd_bert.__file__).parent
    installed = package / "gin"
    return installed if installed.is_dir() else package.parent / "gin"


def recipe_names() -> list[str]:
    """The names that `load` finds in the gin folder."""
    folder = gin_folder() / "recipes"
    return sorted(
        str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.gin")
    )


def load(
    files: Sequence[str], bindings: Sequence[str] = ()
) -> tuple[Recipe, list[Stage], Runtime]:
    """Reads gin files (paths, or names in the gin folder) and then bindings.

    Returns the recipe, with `axis_values`, its stages in order, over all values of its
    axes, and the runtime. Raises InputError for a missing file, a misspelt name, macro
    or parameter, and for a parameter that is required and was not given.
    """
    gin.clear_config()
    gin.add_config_file_search_path(str(gin_folder()))
    paths = [_find(name) for name in files]
    at = f"configuration {', '.join(files)}"
    try:
        with _quiet():
            parsed = [gin.parse_config_file(str(path)) for path in paths]
            for binding in bindings:
                at = f"binding {binding!r}"
                gin.parse_config(binding)
            at = f"configuration {', '.join(files)}"
            gin.finalize()
        global _text
        _text = "\n".join(_texts(parsed))
        _check_macros("\n".join([_text, *bindings]))
        recipe, runtime = _make(Recipe), _make(Runtime)
        _check_axes(recipe, bindings)
        points = list(_points(recipe))
        stages = in_order(itertools.chain(*(made for _, made in points)), runtime)
        values = axis_values(points, runtime)
        return dataclasses.replace(recipe, axis_values=values), stages, runtime
    except InputError:
        raise
    except (
        OSError,
        SyntaxError,
        ImportError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
        NameError,
        KeyError,
    ) as error:
        raise InputError(f"{at}: {_explained(error)}") from error


def text() -> str:
    """What the gin files of the last `load`, and those that they include, hold."""
    return _text


def operative() -> str:
    """What the last `load` used, as gin text that gives the same again."""
    return gin.operative_config_str()


def value(cls: type[T]) -> T:
    """The value of a class, as the last `load` binds it.

    Raises InputError if a parameter is required and was not given.
    """
    try:
        return _make(cls)
    except (TypeError, ValueError, RuntimeError, NameError) as error:
        raise InputError(f"{cls.__name__}: {_explained(error)}") from error


def used_macros() -> dict[str, Any]:
    """The macros that the last `load` found in use, with their values."""
    values = {
        scope: bound["value"]
        for (scope, name), bound in gin_config._CONFIG.items()
        if name == "gin.macro"
    }
    references = gin_config.iterate_references(gin_config._CONFIG)
    keys = [reference.config_key for reference in references]
    used = {scope for scope, name in keys if name == "gin.macro"}
    return {name: values[name] for name in sorted(used & values.keys())}


def as_bindings(point: Mapping[str, object]) -> list[str]:
    """Values of macros as gin bindings."""
    return [f"{name} = {_expression(value)}" for name, value in point.items()]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """gin logs an error for each place where it looks for an include in vain."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _make(cls: type[T]) -> T:
    """The value of a class, with what the configuration binds of it, if anything."""
    bound = any(name == class_path(cls) for _, name in gin_config._CONFIG)
    return gin.get_configurable(cls)() if bound else cls()


def _find(name: str) -> pathlib.Path:
    tried = [pathlib.Path(name)]
    for folder in ("recipes", "."):
        tried += [gin_folder() / folder / name, gin_folder() / folder / f"{name}.gin"]
    for path in tried:
        if path.is_file():
            return path
    raise InputError(
        f"no such recipe or file: {name}; the recipes are {', '.join(recipe_names())}"
    )


def _points(recipe: Recipe) -> Iterator[tuple[dict[str, object], tuple[Stage, ...]]]:
    """Every combination of the axes' values, and the stages wanted there."""
    names = list(recipe.axes)
    for name, values in recipe.axes.items():
        if not isinstance(values, tuple | list) or not values:
            raise InputError(
                f"Recipe.axes: {name} must have a tuple of at least one value; "
                f"received {values!r}"
            )
        if name not in _macros():
            raise InputError(f"Recipe.axes: {name} is not a macro of this recipe")
    for values in itertools.product(*recipe.axes.values()):
        with gin.unlock_config():
            for name, value in zip(names, values, strict=True):
                gin.parse_config(f"{name} = {_expression(value)}")
        yield dict(zip(names, values, strict=True)), _make(Recipe).stages


def _expression(value: object) -> str:
    """An axis's value as gin writes it; '@…' and '%…' are references, not strings."""
    if isinstance(value, str) and value.startswith(("@", "%")):
        return value
    return repr(value)


def _check_axes(recipe: Recipe, bindings: Sequence[str]) -> None:
    """Raises InputError for a binding that an axis would override without a word."""
    for binding in bindings:
        names = re.findall(r"^\s*([\w./]+)\s*=", binding, flags=re.MULTILINE)
        for name in (name for name in names if name in recipe.axes):
            raise InputError(
                f"binding {binding!r}: {name} is an axis of this recipe, which takes "
                f"the values {tuple(recipe.axes[name])}; bind those instead"
            )


def _macros() -> set[str]:
    """The names that are defined as macros."""
    return {scope for scope, name in gin_config._CONFIG if name == "gin.macro"}


def _texts(parsed: Iterable[Any]) -> Iterator[str]:
    """The texts of parsed gin files and of those that they include."""
    for file in parsed:
        here = pathlib.Path(file.filename)
        yield (here if here.is_file() else gin_folder() / here).read_text()
        yield from _texts(file.includes)


def _check_macros(text: str) -> None:
    """Raises InputError for a macro that nothing refers to: gin takes it silently.

    `text` is all that was parsed: what gin keeps of it lacks the bindings that others
    override, and whoever overrides a parameter must not have to unset its macro.
    """
    text = re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)
    used = set(re.findall(r"%([A-Za-z_][\w./]*)", text))
    axes = set(re.findall(r"""['"]([A-Z][A-Z0-9_]*)['"]\s*:""", text))
    if unused := sorted(_macros() - used - axes):
        raise InputError(
            f"a macro that is set must be used; nothing uses {', '.join(unused)} "
            f"(the macros in use are {', '.join(sorted(used))})"
        )


def _explained(error: BaseException) -> str:
    """gin's message on one line, without the whole configuration that may follow."""
    text = " ".join(str(error).split())
    if macro := re.match(r"No bindings specified for '([^']*)/gin.macro'", text):
        return f"the macro {macro[1]} is used and must be set; nothing sets it"
    return text
