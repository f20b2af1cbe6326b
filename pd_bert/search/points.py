"""The points of a search, numbered and never listed."""

import json
import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import CategoricalDistribution

from pd_bert.values import to_json

Point = dict[str, Any]
"""A value for each macro of the search."""

Params = dict[str, Any]
"""The same point as Optuna stores it: a text for each parameter."""


def text(value: object) -> str:
    """Returns the text that stands for a value in Optuna's study.

    >>> text((3, None))
    '[3, null]'
    """
    return json.dumps(to_json(value))


class Points:
    """All combinations of the values of macros; the last parameter varies fastest.

    A macro of `space` is one parameter. A macro of `genes` is one parameter for each
    position of its tuple: MAPPING.1, MAPPING.2 and so on.
    """

    def __init__(
        self,
        space: Mapping[str, tuple[object, ...]],
        genes: Mapping[str, tuple[tuple[object, ...], ...]],
    ) -> None:
        self._positions = {
            name: [f"{name}.{position}" for position in range(1, len(choices) + 1)]
            for name, choices in genes.items()
        }
        values = dict(space)
        for name, choices in genes.items():
            values |= zip(self._positions[name], choices, strict=True)
        self._macros = (*space, *genes)
        self._values = {
            name: {text(value): value for value in choices}
            for name, choices in values.items()
        }
        self._texts = {name: list(texts) for name, texts in self._values.items()}
        self.count = math.prod(map(len, self._texts.values()))
        self.distributions = {
            name: CategoricalDistribution(texts) for name, texts in self._texts.items()
        }

    def params(self, number: int) -> Params:
        """Returns the parameters of the point with this number, from 0."""
        found = {}
        for name, texts in reversed(self._texts.items()):
            number, digit = divmod(number, len(texts))
            found[name] = texts[digit]
        return dict(reversed(found.items()))

    def number(self, params: Mapping[str, Any]) -> int:
        """Returns the number of a point; the inverse of `params`."""
        number = 0
        for name, texts in self._texts.items():
            number = number * len(texts) + texts.index(params[name])
        return number

    def point(self, params: Mapping[str, Any]) -> Point:
        """Returns the values of the macros that some parameters stand for."""
        values = {name: self._values[name][params[name]] for name in self._values}
        return {
            name: tuple(values[position] for position in self._positions[name])
            if name in self._positions
            else values[name]
            for name in self._macros
        }

    def params_of(self, point: Mapping[str, Any]) -> Params:
        """Returns the parameters of a point; the inverse of `point`.

        Raises ValueError if it has other macros or values than the search.
        """
        found: Params = {}
        for name, value in point.items():
            if positions := self._positions.get(name):
                found |= zip(positions, map(text, value), strict=True)
            else:
                found[name] = text(value)
        if found.keys() != self._texts.keys():
            raise ValueError(f"a point has a value for {', '.join(self._macros)}")
        self.number(found)
        return found
