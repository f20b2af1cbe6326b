"""Accuracy against confidence."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from pd_bert.analysis.agreement import Judged
from pd_bert.report.plots.layout import (
    WIDTH,
    empty,
    legend_below,
    new_figure,
    set_title,
    settle,
)
from pd_bert.report.plots.style import GRAY, PALETTE, look

_COLUMNS = 4
_PANEL = 3.3  # inches of height


@look()
def calibration(models: Sequence[Judged]) -> Figure:
    """Draws one reliability diagram per model, its ECE in the title, counts below.

    A point is a bin's accuracy at its mean confidence, with its 95 % interval.
    """
    columns = max(1, min(_COLUMNS, len(models)))
    rows = max(1, -(-len(models) // columns))
    width = WIDTH * max(columns, 1.6) / _COLUMNS
    figure = new_figure(width, rows * _PANEL)
    grid = figure.subplots(
        2 * rows,
        columns,
        squeeze=False,
        sharex=True,
        height_ratios=[3, 1] * rows,
    )
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        if number >= max(len(models), 1):
            above.set_visible(False)
            below.set_visible(False)
            continue
        _frame(above, below, first=column == 0)
        if not models:
            empty(above)
            empty(below)
            continue
        model = models[number]
        error = "–" if math.isnan(model.ece) else f"{100 * model.ece:.1f} %"
        set_title(above, f"{model.name}\nECE {error}", width / columns - 0.5)
        if not len(model.confidence):
            empty(above)
            empty(below)
            continue
        _reliability(above, model)
        for each in model.bins:
            middle = 50 * (each.low + each.high)
            below.bar(middle, each.count, width=9, color=PALETTE[5], zorder=3)
    legend_below(
        figure,
        [
            Line2D([], [], color=PALETTE[0], marker="o"),
            Line2D([], [], color=GRAY, linestyle="--"),
        ],
        ["a tenth of the confidence, with 95 % interval", "as often right as sure"],
    )
    return settle(figure)


def _frame(above: Axes, below: Axes, *, first: bool) -> None:
    above.set_xlim(0, 100)
    above.set_ylim(0, 100)
    above.set_yticks(range(0, 101, 20))
    below.set_xticks(range(0, 101, 20))
    below.tick_params(labelbottom=True)
    below.set_xlabel("confidence (%)")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    if first:
        above.set_ylabel("accuracy (%)")
        below.set_ylabel("texts")


def _reliability(axes: Axes, model: Judged) -> None:
    axes.plot([0, 100], [0, 100], color=GRAY, linestyle="--", linewidth=1)
    used = [each for each in model.bins if each.interval]
    x = [100 * (each.confidence or 0) for each in used]
    y = [100 * (each.accuracy or 0) for each in used]
    low, high = zip(*(each.interval for each in used if each.interval), strict=True)
    axes.plot(x, y, color=PALETTE[0], marker="o", zorder=4, clip_on=False)
    axes.vlines(x, 100 * np.array(low), 100 * np.array(high), color=PALETTE[0])
