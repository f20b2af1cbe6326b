"""Values of a recipe's axes as people read them."""

import collections
import json
import re
from collections.abc import Iterable
from typing import Any

_REFERENCE = re.compile(r"[@%](.+)")


def axis_names(values: Iterable[Any]) -> dict[str, str]:
    """Returns each value of a column as people read it, by its JSON, all different.

    References lose the mark @ or %, and the class where the scope says enough.

    >>> found = axis_names(["@tiny/pd.Bert", "@a/x.X", "@a/y.Y", "%LARGE", 3])
    >>> list(found.values())
    ['tiny', 'a/x.X', 'a/y.Y', 'LARGE', '3']
    """
    distinct = {as_key(value): value for value in values if value is not None}
    short = {key: _short(value) for key, value in distinct.items()}
    long = {key: _long(value) for key, value in distinct.items()}
    often, still = (collections.Counter(each.values()) for each in (short, long))
    return {
        key: short[key]
        if often[short[key]] == 1
        else (long[key] if still[long[key]] == 1 else key)
        for key in distinct
    }


def as_key(value: object) -> str:
    """Returns JSON of a value, which may be a list: equal for equal values alone."""
    return json.dumps(value, sort_keys=True)


def _long(value: object) -> str:
    text = value if isinstance(value, str) else as_key(value)
    match = _REFERENCE.fullmatch(text)
    return match[1] if match else text


def _short(value: object) -> str:
    text = _long(value)
    scope, slash, _ = text.rpartition("/")
    return scope if slash and text != value else text
