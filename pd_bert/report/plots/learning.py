"""Values against training steps."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pd_bert.analysis.logs import History
from pd_bert.report.plots.layout import (
    WIDTH,
    empty,
    legend_below,
    panels,
    set_title,
    settle,
    wrapped,
)
from pd_bert.report.plots.style import GRAY, Mark, look, marks
from pd_bert.report.plots.ticks import few_y, linear_x

_HEIGHT = 2.8  # inches of a panel
# More lines than that look alike: the others are thin and gray.
_NAMED = 20


@look()
def learning(histories: Sequence[History], *, y_label: str) -> Figure:
    """Draws one panel per kind and one line per stage.

    `y_label` names the unit: "loss (nats)". Values that are not finite are left out. Of
    more than 20 stages the first of each kind are named, the others are gray.
    """
    kinds = list(dict.fromkeys(history.kind for history in histories)) or [""]
    names = list(dict.fromkeys(history.name for history in histories))
    named = _named(histories, kinds)
    styles = marks(named)
    columns = min(3, len(kinds)) if len(kinds) != 4 else 2
    width = WIDTH if columns > 1 else 0.7 * WIDTH
    figure, grid = panels(len(kinds), columns, width=width, height=_HEIGHT)
    for axes, kind in zip(grid, kinds, strict=True):
        drawn = 0
        for history in (history for history in histories if history.kind == kind):
            x, y = _points(history)
            if x:
                axes.plot(x, y, **_line(styles.get(history.name), len(x)))
            drawn += len(x)
        if not drawn:
            empty(axes)
        linear_x(axes)
        few_y(axes)
        set_title(axes, kind, width / columns - 0.8)
        axes.set_xlabel("step")
        axes.set_ylabel(wrapped(y_label, _HEIGHT - 0.4))
    handles = [styles[name].sample() for name in named]
    if len(names) > len(named):
        handles.append(Line2D([], [], color=GRAY, linewidth=0.6, alpha=0.6))
        named.append(f"{len(names) - len(named)} more")
    legend_below(figure, handles, named)
    return settle(figure)


def _named(histories: Sequence[History], kinds: Sequence[str]) -> list[str]:
    """The names of all stages, or of as many as can be distinguished."""
    by_kind = [
        list(dict.fromkeys(one.name for one in histories if one.kind == kind))
        for kind in kinds
    ]
    several = sum(map(len, by_kind)) > _NAMED
    most = max(1, _NAMED // len(kinds)) if several else _NAMED
    return list(dict.fromkeys(name for names in by_kind for name in names[:most]))


def _points(history: History) -> tuple[list[int], list[float]]:
    pairs = [
        (step, value)
        for step, value in zip(history.steps, history.values, strict=True)
        if math.isfinite(value)
    ]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _line(mark: Mark | None, points: int) -> dict[str, Any]:
    if mark is None:
        return {"color": GRAY, "linewidth": 0.6, "alpha": 0.6, "zorder": 2}
    return {
        "color": mark.color,
        "linestyle": mark.dashes,
        "linewidth": 1.3,
        "marker": mark.marker,
        "markersize": 4,
        "markevery": max(1, points // 8),
        "zorder": 3,
    }
