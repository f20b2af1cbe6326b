"""A metric over a column, a line for each method, panels side by side."""

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line: its name, its points, and the ends of their 95 % intervals.

    `x` are numbers, or names of categories in the order in which they are to stand. `y`
    is in the unit of the y axis. `low` and `high` are as long as `y`, in its unit (ends,
    not distances), None where a point has no interval; empty if none has.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel: lines on the same axes."""

    title: str
    lines: tuple[Line, ...]


def curves(
    panels: Sequence[Panel],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    order: Sequence[str] = (),
) -> Figure:
    """The panels side by side, lines of one name alike in all of them.

    `x_label` and `y_label` say the unit: "accuracy on dev (%)". `order` lists names of
    lines: pass the same to several figures to have the same colours in all. Lines and
    panels without points are shown as empty.
    """
    raise NotImplementedError
