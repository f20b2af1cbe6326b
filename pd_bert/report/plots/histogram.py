"""Distributions over shared bins, and the mean of each bin."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from pd_bert.report.plots.layout import (
    WIDTH,
    empty,
    legend_below,
    new_figure,
    settle,
)
from pd_bert.report.plots.style import look, marks
from pd_bert.report.plots.ticks import linear_x


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bars:
    """A series over bins: one value per bin (a count or a mean); None: no value."""

    name: str
    values: tuple[float | None, ...]


@look()
def histogram(
    series: Sequence[Bars],
    *,
    edges: Sequence[float],
    x_label: str,
    y_label: str = "share (%)",
    shares: bool = True,
) -> Figure:
    """Draws the series as outlines over the same bins, one fewer than `edges`.

    With `shares` the values are counts, and each series is drawn in percent of its own
    sum, so that sets of different sizes can be compared. Without, the values are drawn
    as they are (mean confidence in percent by length) and bins without a value are
    gaps.

    Raises ValueError if a series does not have one value per bin.
    """
    for one in series:
        if len(one.values) != len(edges) - 1:
            raise ValueError(
                f"{len(edges)} edges make {len(edges) - 1} bins; {one.name!r} has"
                f" {len(one.values)} values"
            )
    styles = marks(one.name for one in series)
    figure = new_figure(0.7 * WIDTH, 3.0)
    axes = figure.subplots()
    for one in series:
        values = _percent(one.values) if shares else list(one.values)
        y = [math.nan if value is None else value for value in values]
        mark = styles[one.name]
        axes.stairs(
            y,
            edges,
            baseline=0 if shares else None,
            color=mark.color,
            linestyle=mark.dashes,
            linewidth=1.6,
            zorder=3,
        )
        middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        axes.plot(middles, y, mark.marker, color=mark.color, markersize=3.5, zorder=4)
    if not any(value is not None for one in series for value in one.values):
        empty(axes)
    if shares:
        axes.set_ylim(bottom=0)
    linear_x(axes)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    legend_below(
        figure,
        [styles[one.name].sample() for one in series],
        [one.name for one in series],
    )
    return settle(figure)


def _percent(values: Sequence[float | None]) -> list[float | None]:
    """Of their sum; 0 throughout where it is 0."""
    whole = sum(value or 0 for value in values) or 1
    return [100 * (value or 0) / whole for value in values]
