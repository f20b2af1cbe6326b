"""Names of the values of a recipe's axes."""

import collections
import json
import re
from collections.abc import Iterable
from typing import Any

_REFERENCE = re.compile(r"[@%](?P<name>(?:(?P<scope>.+)/)?.+?)(?:\(\))?")


def axis_names(values: Iterable[Any]) -> dict[str, str]:
    """Returns the name of each value of a column, by the value's JSON.

    References lose gin's marks, and their class where the scope alone is unique.

    >>> found = axis_names(["@tiny/pd.Bert", "@a/x.X", "@a/y.Y", "%LARGE", 3])
    >>> list(found.values())
    ['tiny', 'a/x.X', 'a/y.Y', 'LARGE', '3']
    """
    names = {as_key(value): _names(value) for value in values if value is not None}
    counts = collections.Counter(short for short, _ in names.values())
    return {
        key: short if counts[short] == 1 else long
        for key, (short, long) in names.items()
    }


def as_key(value: object) -> str:
    """Returns a value as JSON, which is equal for equal values alone."""
    return json.dumps(value, sort_keys=True)


def _names(value: object) -> tuple[str, str]:
    """The short and the long name of a value."""
    text = value if isinstance(value, str) else as_key(value)
    match = _REFERENCE.fullmatch(text)
    return (match["scope"] or match["name"], match["name"]) if match else (text, text)
