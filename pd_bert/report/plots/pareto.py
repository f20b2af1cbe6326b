"""Quality against cost, and which models no other beats in both."""

import dataclasses
from collections.abc import Sequence

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pd_bert.report.plots.layout import (
    WIDTH,
    empty,
    legend_below,
    new_figure,
    settle,
    wrapped,
)
from pd_bert.report.plots.style import FONT_SIZE, GRAY, look, marks
from pd_bert.report.plots.ticks import log_x

_SMALL = FONT_SIZE - 1
_MANY = 16  # more names than that stand in a key
_ROWS = 26  # of a key, before it has two columns
_MOST = 40  # names of all; of more points those on the front are named
_KEY = 3.0  # inches of a key
# Where a name may stand beside its point, in points to the right and upwards.
_PLACES = [
    (side * right, up)
    for up, right in ((7, 5), (-7, 5), (0, 7), (14, 8), (-14, 8), (24, 12), (-24, 12))
    for side in (1, -1)
]


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


@look()
def pareto(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    order: Sequence[str] = (),
) -> Figure:
    """Draws the points over a logarithmic x with the Pareto front as a step line.

    The front holds the points that no other is at once as cheap and as good as. Names
    stand beside the points; where they are many, numbers, with a key beside the axes;
    of more than 40 points only those on the front have one. `order` lists groups, as in
    `curves`.
    """
    groups = list(dict.fromkeys(point.group for point in points))
    styles = marks(groups, order)
    figure = new_figure(WIDTH, 4.2)
    axes = figure.subplots()
    drawn = []
    for point in points:
        mark = styles[point.group]
        drawn += axes.plot(point.x, point.y, mark.marker, color=mark.color, zorder=4)
        if point.y_low is not None and point.y_high is not None:
            axes.vlines(
                point.x, point.y_low, point.y_high, color=mark.color, linewidth=1
            )
    axes.margins(x=0.08, y=0.1)
    if points:
        log_x(axes)
        _draw_front(axes, front(points))
    else:
        empty(axes)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    legend_below(
        figure,
        [
            *(styles[group].sample(line=False) for group in groups),
            Line2D([], [], color=GRAY, linewidth=1, drawstyle="steps-post"),
        ],
        [*groups, "Pareto front"],
    )
    named = front(points) if len(points) > _MOST else points
    names = [point.name for point in named]
    if len(named) > _MANY:
        _add_key(figure, names)
        names = [str(number) for number in range(1, len(names) + 1)]
    settle(figure)  # the places of the points are known from here on
    _add_names(axes, named, names, drawn)
    return figure


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """Returns the points that no other beats in cost and metric, cheapest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not found or point.y > found[-1].y:
            found.append(point)
    return tuple(found)


def _draw_front(axes: Axes, best: Sequence[Point]) -> None:
    right = axes.get_xlim()[1]
    axes.step(
        [*(point.x for point in best), right],
        [*(point.y for point in best), best[-1].y],
        where="post",
        color=GRAY,
        linewidth=1,
        zorder=1,
    )
    axes.set_xlim(right=right)


def _add_names(
    axes: Axes, points: Sequence[Point], names: Sequence[str], drawn: Sequence[Line2D]
) -> None:
    """Puts each name at the first place where it hides nothing and is not cut off."""
    inside = axes.get_window_extent()
    taken = [line.get_window_extent().padded(1) for line in drawn]
    for point, name in zip(points, names, strict=True):
        text = axes.annotate(
            name,
            (point.x, point.y),
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            size=_SMALL,
            zorder=5,
            # Readable over a line.
            path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
        )
        clashes = []
        for place in _PLACES:
            text.set(ha="left" if place[0] > 0 else "right", position=place)
            box = text.get_window_extent().padded(1)
            cut = not all(inside.contains(*corner) for corner in (box.min, box.max))
            clashes.append((box.count_overlaps(taken) + 100 * cut, place))
            if clashes[-1][0] == 0:
                break
        _, place = min(clashes, key=lambda clash: clash[0])
        text.set(ha="left" if place[0] > 0 else "right", position=place)
        taken.append(text.get_window_extent().padded(1))


def _add_key(figure: Figure, names: Sequence[str]) -> None:
    """Adds the meaning of the numbers beside the points, right of the axes."""
    columns = 1 + (len(names) > _ROWS)
    rows = -(-len(names) // columns)
    figure.set_figheight(max(figure.get_figheight(), 0.16 * rows + 0.8))
    room = _KEY / columns
    figure.legend(
        [Line2D([], [], linestyle="none") for _ in names],
        [
            wrapped(f"{number} {name}", room, size=_SMALL)
            for number, name in enumerate(names, 1)
        ],
        loc="outside right upper",
        ncols=columns,
        handlelength=0,
        handletextpad=0,
        columnspacing=1.0,
        labelspacing=0.25,
        fontsize=_SMALL,
    )
