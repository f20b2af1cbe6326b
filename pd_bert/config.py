"""The one module that knows gin: it reads recipes, checks them, makes their values."""

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
from pd_bert.values import trust

T = TypeVar("T")

_FEATURE = "__gin__.dynamic_registration"
_FACADE = "from pd_bert import api as pd"
# Fields that map macros to the values that they take.
_OVER_MACROS = ("axes", "space")

_text = ""  # gin's configuration, which belongs to it, is the process's as well


def gin_folder() -> pathlib.Path:
    """Returns the folder of gin files in the package, or beside it in a checkout."""
    package = pathlib.Path(pd_bert.__file__).parent
    installed = package / "gin"
    return installed if installed.is_dir() else package.parent / "gin"


def recipe_names() -> list[str]:
    """Returns the names of the recipes that ship with the package."""
    folder = gin_folder() / "recipes"
    return sorted(
        str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.gin")
    )


def load(
    files: Sequence[str], bindings: Sequence[str] = ()
) -> tuple[Recipe, list[Stage], Runtime]:
    """Reads gin files (paths, or names in the gin folder) and then bindings.

    Bindings know `pd`, which is `pd_bert.api`, and the names that the files import.

    Returns the recipe, with `axis_values`, its stages in order, over all values of its
    axes, and the runtime. Modules that the files import are trusted from then on.
    Raises InputError for a missing file, a misspelt name, macro or parameter, and for a
    parameter that is required and was not given.
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
                _bind(binding)
            at = f"configuration {', '.join(files)}"
            gin.finalize()
        global _text
        _text = "\n".join(_texts(parsed))
        for module in imported_modules():
            trust(module)
        _check_macros("\n".join([_text, *bindings]))
        _check_calls()
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
    """Returns the gin files of the last `load`, and what they include, as one text."""
    return _text


def operative() -> str:
    """Returns what the last `load` used, as gin text that gives the same again."""
    return gin.operative_config_str()


def value(cls: type[T]) -> T:
    """Makes the value of a class, as the last `load` binds it.

    Raises InputError if a parameter is required and was not given.
    """
    try:
        return _make(cls)
    except (TypeError, ValueError, RuntimeError, NameError) as error:
        raise InputError(f"{cls.__name__}: {_explained(error)}") from error


def used_macros() -> dict[str, Any]:
    """Returns the macros that the last `load` found in use, with their values."""
    values = {
        scope: bound["value"]
        for (scope, name), bound in gin_config._CONFIG.items()
        if name == "gin.macro"
    }
    references = gin_config.iterate_references(gin_config._CONFIG)
    keys = [reference.config_key for reference in references]
    used = {scope for scope, name in keys if name == "gin.macro"}
    return {name: values[name] for name in sorted(used & values.keys())}


def imported_modules() -> list[str]:
    """Returns the modules that the gin files of the last `load` import, by name."""
    found = {statement.module for statement in gin_config._IMPORTS}
    return sorted(found - {_FEATURE})


def as_bindings(point: Mapping[str, object]) -> list[str]:
    """Writes values of macros, as `Recipe.axes` and `Search.space` hold them, in gin.

    >>> as_bindings({"STUDENT": "@tiny/pd.Bert", "SEED": 1})
    ['STUDENT = @tiny/pd.Bert()', 'SEED = 1']
    """
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


def _bind(binding: str) -> None:
    """Parses a binding, where `pd` and what the gin files import have their names.

    A name that files give to different modules is left out: gin reports its use.
    """
    modules: dict[str, set[str]] = {"pd": {_FACADE}}
    for statement in gin_config._IMPORTS:
        # `import a.b` and `import a.c` both bind a, and go together.
        whole = not (statement.is_from or statement.alias)
        name = statement.format() if whole else statement.bound_name()
        if statement.module != _FEATURE:
            modules.setdefault(name, set()).add(statement.format())
    imports = [lines.pop() for lines in modules.values() if len(lines) == 1]
    feature = "from __gin__ import dynamic_registration"
    gin.parse_config("\n".join([feature, *sorted(imports), binding]))


def _make(cls: type[T]) -> T:
    """Makes the value of a class, with what the configuration binds of it, if anything.

    Fields that map macros to values have references in them as text.
    """
    registered = gin_config._inverse_lookup(cls)
    selector = registered and registered.selector
    if not any(name == selector for _, name in gin_config._CONFIG):
        return cls()
    made: Any = gin.get_configurable(cls)()
    bound = gin_config._CONFIG.get(("", selector), {})
    for field in _OVER_MACROS:
        if isinstance(written := _followed(bound.get(field)), Mapping):
            values = dict(getattr(made, field))
            for name, each in written.items():
                if isinstance(each := _followed(each), tuple | list):
                    where = f"{cls.__name__}.{field}: {name}"
                    values[name] = tuple(_text_of(value, where) for value in each)
            made = dataclasses.replace(made, **{field: values})
    return made


def _followed(value: Any) -> Any:
    """The value of a macro, or of a macro that is a macro; else the value itself."""
    while getattr(value, "config_key", ("", ""))[1] == "gin.macro":
        value = gin_config._CONFIG[value.config_key]["value"]
    return value


def _text_of(value: Any, where: str) -> Any:
    """A value with references as text: '@tiny/pd.Bert', whether or not it is called."""
    if isinstance(value, gin_config.ConfigurableReference):
        return repr(value).removesuffix("()")
    if isinstance(value, tuple | list):
        return tuple(_text_of(item, where) for item in value)
    if _is_reference(value):
        raise InputError(
            f"{where}: a reference is written without quotes, as in "
            f"(@tiny/pd.Bert, @mini/pd.Bert); received {value!r}"
        )
    return value


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
                _bind(f"{name} = {_expression(value)}")
        yield dict(zip(names, values, strict=True)), _make(Recipe).stages


def _expression(value: object) -> str:
    """A value as gin writes it; '@…' names a factory, and the macro what it makes."""
    if isinstance(value, str) and _is_reference(value):
        return f"{value}()" if value.startswith("@") else value
    if isinstance(value, tuple | list):
        return f"({''.join(f'{_expression(item)}, ' for item in value)})"
    return repr(value)


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("@", "%"))


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


def _check_calls() -> None:
    """Raises InputError for a macro that is a class, where its value was meant."""
    for name in sorted(_macros()):
        value = gin_config._CONFIG[name, "gin.macro"]["value"]
        is_factory = getattr(value, "evaluate", None) is False
        if is_factory and isinstance(value.configurable.wrapped, type):
            raise InputError(
                f"{name} must be a value, which a class makes when it is called: "
                f"{name} = {value}(); received {value}"
            )


def _explained(error: BaseException) -> str:
    """gin's message on one line, without the whole configuration that may follow."""
    text = " ".join(str(error).split())
    # The message shows the binding; gin counts the lines of the imports before it.
    text = re.sub(r"\.? \(line \d+\)$| In bindings string line \d+ .*", "", text)
    if macro := re.match(r"No bindings specified for '([^']*)/gin.macro'", text):
        return f"the macro {macro[1]} is used and must be set; nothing sets it"
    return text
