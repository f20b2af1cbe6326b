"""Frozen values as JSON, and back: how artifacts and fingerprints name things.

A value is a frozen dataclass of plain fields and other values. It is written as its
class path and its fields, so a class of anybody's package can be stored and read
without a registry.
"""

import dataclasses
import functools
import hashlib
import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def class_path(cls: type) -> str:
    """The import path of a class: `package.module.Class`."""
    return f"{cls.__module__}.{cls.__qualname__}"


def to_json(value: Any) -> Any:
    """A value as JSON data.

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


def from_json(data: Any) -> Any:
    """The value that `to_json` described; lists come back as tuples."""
    if isinstance(data, list):
        return tuple(from_json(item) for item in data)
    if isinstance(data, dict) and data.keys() == {"class", "settings"}:
        cls = attribute(data["class"])
        return cls(**{name: from_json(v) for name, v in data["settings"].items()})
    if isinstance(data, dict) and data.keys() == {"function"}:
        return attribute(data["function"])
    if isinstance(data, dict):
        return {name: from_json(item) for name, item in data.items()}
    return data


def digest(data: Any) -> str:
    """SHA-256, in hex, of JSON data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def attribute(path: str) -> Any:
    """What an import path names: `package.module.Class`."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
