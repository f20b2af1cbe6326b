"""Quality against cost, and which models no other beats in both."""

import dataclasses
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

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
# Where a name may stand: (horizontal, vertical) alignment and distance in points.
_SIDES = (
    ("left", "center", 6, 0),
    ("right", "center", -6, 0),
    ("left", "bottom", 4, 4),
    ("left", "top", 4, -4),
    ("right", "bottom", -4, 4),
    ("right", "top", -4, -4),
    ("center", "bottom", 0, 7),
    ("center", "top", 0, -7),
    ("left", "bottom", 10, 12),
    ("left", "top", 10, -12),
    ("right", "bottom", -10, 12),
    ("right", "top", -10, -12),
    ("left", "bottom", 14, 24),
    ("left", "top", 14, -24),
    ("right", "bottom", -14, 24),
    ("right", "top", -14, -24),
)


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
    """The points over a logarithmic x with the Pareto front as a step line.

    On the front are those that no other is at once as cheap and as good as. Names stand
    beside the points; where they are many, numbers, with a key beside the axes; of more
    than 40 those on the front alone have one. `order` lists groups, as in `curves`.
    """
    groups = list(dict.fromkeys(point.group for point in points))
    styles = marks(groups, order)
    figure = new_figure(WIDTH, 4.2)
    axes = figure.subplots()
    for point in points:
        mark = styles[point.group]
        axes.plot(point.x, point.y, mark.marker, color=mark.color, zorder=4)
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
    _name(figure, axes, points, front(points) if len(points) > _MOST else points)
    return figure


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """Those that no other is at once as cheap and as good as, the cheapest first."""
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


def _name(
    figure: Figure, axes: Axes, points: Sequence[Point], named: Sequence[Point]
) -> None:
    names = [point.name for point in named]
    if len(named) > _MANY:
        _key(figure, names)
        names = [str(number) for number in range(1, len(names) + 1)]
    settle(figure)  # only now is known where the points are
    taken = [_around(axes, point) for point in points]
    lines = [*_steps(axes, front(points)), *_intervals(axes, points)]
    inside = axes.get_window_extent()
    for point, name in zip(named, names, strict=True):
        text = axes.annotate(
            name,
            (point.x, point.y),
            xytext=(0, 0),
            textcoords="offset points",
            size=_SMALL,
            zorder=5,
        )
        best = None
        for across, along, x, y in _SIDES:
            text.set(ha=across, va=along, position=(x, y))
            box = text.get_window_extent().padded(1)
            out = not inside.contains(*box.min) or not inside.contains(*box.max)
            # To cross a line is better than to hide a point, and all than to be cut.
            clashes = box.count_overlaps(lines) + 10 * box.count_overlaps(taken)
            clashes += 1000 * out
            if best is None or clashes < best[0]:
                best = (clashes, box, (across, along, x, y))
            if not clashes:
                break
        assert best is not None
        across, along, x, y = best[2]
        text.set(ha=across, va=along, position=(x, y))
        taken.append(best[1])


def _key(figure: Figure, names: Sequence[str]) -> None:
    """What the numbers beside the points mean, right of the axes."""
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


def _steps(axes: Axes, best: Sequence[Point]) -> list[Bbox]:
    """The pixels of the front's steps."""
    right = axes.get_xlim()[1]
    found = []
    for point, after in zip(best, [*best[1:], None], strict=False):
        end = after.x if after else right
        found.append(_box(axes, (point.x, point.y), (end, point.y)))
        if after:
            found.append(_box(axes, (end, point.y), (end, after.y)))
    return found


def _intervals(axes: Axes, points: Sequence[Point]) -> list[Bbox]:
    return [
        _box(axes, (point.x, point.y_low), (point.x, point.y_high))
        for point in points
        if point.y_low is not None and point.y_high is not None
    ]


def _box(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> Bbox:
    """The pixels between two places, and one around them."""
    return Bbox(axes.transData.transform([start, end])).padded(1)


def _around(axes: Axes, point: Point) -> Bbox:
    """The pixels that a point takes."""
    x, y = axes.transData.transform((point.x, point.y))
    half = 4 * axes.figure.dpi / 72
    return Bbox.from_extents(x - half, y - half, x + half, y + half)
