"""Panels of lines: a metric over a column, one line per method."""

import dataclasses
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pd_bert.report.plots.layout import (
    WIDTH,
    about,
    empty,
    legend_below,
    set_title,
    settle,
    wrapped,
)
from pd_bert.report.plots.layout import panels as panel_grid
from pd_bert.report.plots.style import FONT_SIZE, Mark, look, marks
from pd_bert.report.plots.ticks import few_y, linear_x
from pd_bert.report.plots.ticks import log_x as logarithmic_x

_HEIGHT = 3.0  # inches of a panel
_NARROWEST = 2.9  # inches of a panel with its labels
_CATEGORY = 0.2  # inches that an upright category takes
_LONGEST = 1.6  # inches of a category's name before it is wrapped


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line: its name, its points, and the ends of their 95 % intervals.

    `x` are numbers, or names of categories in the order in which they are shown; `y`
    is in the unit of the y axis. `low` and `high` are as long as `y`, in its unit
    (ends, not distances), None where a point has no interval; empty if none has.
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


@look()
def curves(
    panels: Sequence[Panel],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    connected: bool = True,
    order: Sequence[str] = (),
) -> Figure:
    """Draws the panels side by side; lines of one name look alike in all of them.

    `x_label` and `y_label` name the unit: "accuracy on dev (%)". Neighbors are joined
    by lines if `connected`. `order` lists names of lines: pass the same to several
    figures to have the same colors in all. Lines and panels without points are shown
    as empty. Panels share their y axis if their values are near each other.
    """
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    styles = marks(names, order)
    shown = panels or [Panel(title="", lines=())]
    categories = [_categories(panel) for panel in shown]
    most = max(map(len, categories))
    columns = _columns(len(shown), _NARROWEST if not most else 0.9 + _CATEGORY * most)
    width = WIDTH if columns > 1 or most > 12 else 0.7 * WIDTH
    room = width / columns - 0.8  # inches of a panel without its numbers
    upright = _tallest(categories, room / most) if most else 0.0
    near = _near(panels)
    figure, grid = panel_grid(
        len(shown),
        columns,
        width=width,
        height=_HEIGHT + upright,
        sharey="all" if near else "none",
    )
    for number, (axes, panel, own) in enumerate(
        zip(grid, shown, categories, strict=True)
    ):
        set_title(axes, panel.title, room)
        _draw(axes, panel, own, styles, connected)
        if own:
            _name_categories(axes, own, upright > 0)
        elif log_x:
            logarithmic_x(axes)
        else:
            linear_x(axes)
        few_y(axes)
        axes.set_xlabel(wrapped(x_label, room))
        if number % columns == 0 or not near:
            axes.set_ylabel(wrapped(y_label, _HEIGHT - 0.4))
            axes.tick_params(labelleft=any(line.y for line in panel.lines))
    legend_below(figure, [styles[name].sample(line=connected) for name in names], names)
    return settle(figure)


def _draw(
    axes: Axes,
    panel: Panel,
    categories: list[str],
    styles: dict[str, Mark],
    connected: bool,
) -> None:
    if not any(line.y for line in panel.lines):
        empty(axes)
        return
    places = {category: place for place, category in enumerate(categories)}
    for index, line in enumerate(panel.lines):
        # Beside each other, so that equal values and intervals do not hide each other.
        aside = 0.5 * ((index + 0.5) / len(panel.lines) - 0.5) if categories else 0.0
        x = [places[_text(at)] + aside if places else float(at) for at in line.x]
        mark = styles[line.name]
        axes.plot(
            x,
            line.y,
            color=mark.color,
            marker=mark.marker,
            linestyle=mark.dashes if connected else "none",
            linewidth=0.8 if categories else None,
            zorder=3,
        )
        ends = [
            (at, low, high)
            for at, low, high in zip(x, line.low, line.high, strict=False)
            if low is not None and high is not None
        ]
        if ends:
            at, low, high = zip(*ends, strict=True)
            axes.vlines(at, low, high, color=mark.color, linewidth=1.2, zorder=2)
            for end in (low, high):
                axes.plot(at, end, "_", color=mark.color, markersize=5, zorder=2)


def _categories(panel: Panel) -> list[str]:
    """The categories in order; none if x are numbers."""
    found = [x for line in panel.lines for x in line.x]
    if not any(isinstance(x, str) for x in found):
        return []
    return list(dict.fromkeys(map(_text, found)))


def _text(x: float | str) -> str:
    return x if isinstance(x, str) else f"{x:g}"


def _columns(panels: int, need: float) -> int:
    most = max(1, min(3, int(WIDTH / need)))
    # Four panels stand better as two and two.
    return 2 if panels == 4 and most == 3 else max(1, min(panels, most))


def _tallest(categories: list[list[str]], room: float) -> float:
    """Inches that upright names take; 0 if all fit side by side."""
    size = FONT_SIZE - 1
    wide = max(about(name, size=size) for names in categories for name in names)
    return 0.0 if wide < 0.9 * room else min(wide, _LONGEST)


def _name_categories(axes: Axes, categories: list[str], upright: bool) -> None:
    labels = [wrapped(name, _LONGEST, size=FONT_SIZE - 1) for name in categories]
    axes.set_xticks(range(len(labels)), labels, rotation=90 if upright else 0)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.grid(visible=False, axis="x")


def _near(panels: Sequence[Panel]) -> bool:
    """True if one y axis for all leaves each panel at least a third of it."""
    spans = []
    for panel in panels:
        values = [
            value
            for line in panel.lines
            for value in (*line.y, *line.low, *line.high)
            if value is not None and math.isfinite(value)
        ]
        if values:
            spans.append((min(values), max(values)))
    if not spans:
        return True
    whole = max(high for _, high in spans) - min(low for low, _ in spans)
    return whole <= 3 * max(high - low for low, high in spans)
