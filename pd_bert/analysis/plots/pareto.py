"""Quality against cost, and which models no other beats in both."""

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """A model: `x` is its cost (positive), `y` its metric in percent.

    `group` (the method) chooses the mark; `y_low` and `y_high` are the ends of the 95 %
    interval, in percent.
    """

    name: str
    group: str
    x: float
    y: float
    y_low: float | None = None
    y_high: float | None = None


def pareto(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    order: Sequence[str] = (),
) -> Figure:
    """The points over a logarithmic x with the Pareto front as a step line.

    On the front are those that no other is at once as cheap and as good as. Names stand
    beside the points; where they are many, numbers, with a key beside the axes. `order`
    lists groups, as in `curves`.
    """
    raise NotImplementedError
