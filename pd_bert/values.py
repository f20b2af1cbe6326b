"""Frozen values as JSON, and back: how artifacts and fingerprints name things.

A value is a frozen dataclass of plain fields and other values. It is written as its
class path and its fields, so a class of any package can be stored and read without a
registry. Reading never runs code that a file of somebody else names: see `from_json`.
"""

import collections.abc
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from pd_bert.errors import InputError

_PACKAGE = "pd_bert"
_PROGRAMS = "pd_bert.bin"  # importing one defines flags, and holds no values
_trusted: set[str] = set()


def trust(module: str) -> None:
    """Allows `from_json` to import this module and those below it in this process.

    Raises InputError for a name that no module can have.
    """
    if not _is_import_path(module):
        raise InputError(
            "a trusted module must be named as in an import, such as my_package; "
            f"received {module!r}"
        )
    _trusted.add(module)


def trust_classes_of(value: Any) -> None:
    """Trusts the modules of the classes of a value and of the values inside it.

    They were imported already, by whoever made the value.
    """
    todo, seen = [value], set()
    while todo:
        each = todo.pop()
        if id(each) in seen:  # stages have many paths to one input
            continue
        seen.add(id(each))
        if isinstance(each, list | tuple):
            todo += each
        elif isinstance(each, Mapping):
            todo += each.values()
        elif dataclasses.is_dataclass(each) and not isinstance(each, type):
            _trusted.add(type(each).__module__)
            todo += [getattr(each, field.name) for field in dataclasses.fields(each)]


def class_path(cls: type) -> str:
    """Returns the import path of a class: `package.module.Class`."""
    return f"{cls.__module__}.{cls.__qualname__}"


def to_json(value: Any) -> Any:
    """Returns a value as JSON data.

    >>> to_json((1, "a"))
    [1, 'a']
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            "class": class_path(type(value)),
            "settings": {
                field.name: to_json(getattr(value, field.name))
                for field in dataclasses.fields(value)
            },
        }
    if callable(value):
        function = value.func if isinstance(value, functools.partial) else value
        return {"function": f"{function.__module__}.{function.__qualname__}"}
    raise TypeError(f"a value holds plain fields and values; received {value!r}")


def from_json(
    data: Any,
    expected: Any,
    *,
    where: str,
    functions: tuple[str, ...] = (),
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Returns the value that `to_json` wrote; lists come back as tuples.

    `expected` is a class or another annotation. Only dataclasses of that type are
    built, and in their fields only values of the annotated types. They must come from
    `pd_bert` or from a module that this process trusts, which is checked before any
    import; each value is checked before its class is called. Functions are accepted
    only where a callable is expected, from the modules `functions` and from trusted
    ones. `given` contains fields of the outermost value that the data leaves out.

    Raises InputError, which names the place `where`, for everything else.
    """
    return _Reader(where, functions).read(data, expected, given or {})


def digest(data: Any) -> str:
    """Returns the SHA-256 of JSON data, in hex."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


class _Reader:
    """A reader of the JSON data of one place as values of expected types."""

    def __init__(self, where: str, functions: tuple[str, ...]) -> None:
        self._where = where
        self._functions = functions

    def read(self, data: Any, expected: Any, given: Mapping[str, Any]) -> Any:
        origin, arguments = typing.get_origin(expected), typing.get_args(expected)
        if expected is Any:
            return self._plain(data)
        if expected in (None, types.NoneType) and data is None:
            return None
        if origin in (typing.Union, types.UnionType):
            return self._one_of(data, arguments)
        if origin is typing.Literal and data in arguments:
            return data
        if collections.abc.Callable in (expected, origin):
            return self._function(data)
        if expected in (bool, int, float, str) and _is_plain(data, expected):
            return data
        kind = origin or expected
        if isinstance(kind, type) and isinstance(data, list):
            if issubclass(kind, collections.abc.Sequence) and kind is not str:
                return self._items(data, kind, expected, arguments)
        elif isinstance(kind, type) and isinstance(data, dict):
            if issubclass(kind, collections.abc.Mapping):
                key, item = arguments or (str, Any)
                return {
                    self._key(name, key): self.read(value, item, {})
                    for name, value in data.items()
                }
            if kind.__module__ != "builtins":
                return self._value(data, kind, given)
        raise self._error(f"expected {_named(expected)}; received {_short(data)}")

    def _plain(self, data: Any) -> Any:
        """Returns data that names neither a class nor a function."""
        if isinstance(data, list):
            return tuple(self._plain(item) for item in data)
        if isinstance(data, dict):
            if named := data.get("class", data.get("function")):
                raise self._error(f"expected plain data; received {_short(named)}")
            return {name: self._plain(item) for name, item in data.items()}
        return data

    def _one_of(self, data: Any, members: tuple[Any, ...]) -> Any:
        if data is None and types.NoneType in members:
            return None
        members = tuple(each for each in members if each is not types.NoneType)
        if len(members) == 1:
            return self.read(data, members[0], {})
        refused = {}
        for member in members:
            try:
                return self.read(data, member, {})
            except InputError as error:
                refused[str(error)] = member
        raise InputError("; or ".join(refused))

    def _items(
        self, data: list[Any], kind: type, expected: Any, types_: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        if not types_:
            types_ = (Any,)
        elif kind is tuple and types_[-1] is not Ellipsis:
            if len(types_) != len(data):
                raise self._error(
                    f"expected {_named(expected)}; received {_short(data)}"
                )
            pairs = zip(data, types_, strict=True)
            return tuple(self.read(item, type_, {}) for item, type_ in pairs)
        return tuple(self.read(item, types_[0], {}) for item in data)

    def _key(self, name: str, expected: Any) -> Any:
        return int(name) if expected is int and name.isdecimal() else name

    def _value(self, data: Mapping[str, Any], kind: type, given: Mapping) -> Any:
        if data.keys() != {"class", "settings"} or not isinstance(
            data["settings"], dict
        ):
            raise self._error(
                f"expected {kind.__name__} as class and settings; received "
                f"{_short(data)}"
            )
        cls = self._class(data["class"], kind)
        settings = data["settings"]
        fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
        if unknown := sorted(settings.keys() - (fields.keys() - given.keys())):
            raise self._error(f"{data['class']} has no setting {', '.join(unknown)}")
        for name, field in fields.items():
            required = field.default is field.default_factory is dataclasses.MISSING
            if required and name not in settings and name not in given:
                raise self._error(f"{data['class']} needs the setting {name}")
        try:
            annotations = typing.get_type_hints(cls)
        except NameError as error:  # of a name that only type checkers import
            raise self._error(f"{data['class']} cannot be read ({error})") from error
        values = {
            name: self.read(value, annotations[name], {})
            for name, value in settings.items()
        }
        return cls(**values, **given)

    def _class(self, path: Any, kind: type) -> type[Any]:
        """Returns the class of this path, if it is a value of the expected kind."""
        rule = f"expected {kind.__name__} by the module and name of its dataclass"
        module, name = self._module(path, (_PACKAGE,), rule)
        cls = vars(module).get(name)
        if (
            not isinstance(cls, type)
            or class_path(cls) != path
            or not dataclasses.is_dataclass(cls)
            or not issubclass(cls, kind)
            or inspect.isabstract(cls)
        ):
            raise self._error(f"{rule}; received {_short(path)}")
        return cls

    def _function(self, data: Any) -> Any:
        """Returns the function that the data names, if its module is allowed."""
        if not isinstance(data, dict) or data.keys() != {"function"}:
            raise self._error(f"expected a function; received {_short(data)}")
        path = data["function"]
        places = " or ".join(self._functions) or "a trusted module"
        rule = f"expected a function that {places} defines"
        module, name = self._module(path, self._functions, rule)
        function = vars(module).get(name)
        if (
            name.startswith("_")
            or not inspect.isfunction(function)
            or f"{function.__module__}.{function.__qualname__}" != path
        ):
            raise self._error(f"{rule}; received {_short(path)}")
        return function

    def _module(
        self, path: Any, allowed: tuple[str, ...], rule: str
    ) -> tuple[types.ModuleType, str]:
        """Imports the module of a path and returns it with the name in it."""
        if not isinstance(path, str) or not _is_import_path(path):
            raise self._error(f"{rule}; received {_short(path)}")
        module, _, name = path.rpartition(".")
        if not module or _within(module, _PROGRAMS):
            raise self._error(f"{rule}; received {_short(path)}")
        if not any(_within(module, each) for each in (*allowed, *_trusted)):
            package = module.partition(".")[0]
            if package == _PACKAGE:
                raise self._error(f"{rule}; received {_short(path)}")
            raise self._error(
                f"{path} is not trusted and was not imported; to allow the classes of "
                f"a package that you know, add --trust={package}"
            )
        try:
            return importlib.import_module(module), name
        except ImportError as error:
            raise self._error(f"{path} cannot be imported ({error})") from error

    def _error(self, message: str) -> InputError:
        return InputError(f"{self._where}: {message}")


def _within(module: str, package: str) -> bool:
    """Returns whether a module is a package or lies below it."""
    return module == package or module.startswith(f"{package}.")


def _is_import_path(path: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", path, re.ASCII))


def _is_plain(data: Any, expected: type) -> bool:
    """Returns whether JSON data is of a plain type; whole numbers are floats too."""
    if expected is float:
        return isinstance(data, int | float) and not isinstance(data, bool)
    return type(data) is expected


def _named(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 200 else f"{text[:200]}…"
