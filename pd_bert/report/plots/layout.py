"""Sizes of figures, wrapped text and legends below the axes."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pd_bert.report.plots.style import FONT_SIZE, GRAY

WIDTH = 9.0  # inches; a wide page's text, and an A4 page at 80 %
_CHARACTER = 0.64  # the mean width of a character in units of the font's size
_HANDLE = 0.55  # inches: a legend's sample with the space around it
_ROW = 0.2  # inches: a row of a legend


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure, in inches, with matplotlib's constrained layout."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.02)
    return Figure(figsize=(width, height), layout=layout)


def about(text: str, *, size: float = FONT_SIZE) -> float:
    """Returns about how many inches wide the longest line of a text is."""
    return max(map(len, text.split("\n"))) * _CHARACTER * size / 72


def wrapped(text: str, width: float, *, size: float = FONT_SIZE) -> str:
    """Returns the text in lines of about `width` inches at most."""
    characters = max(1, int(width / about("x", size=size)))
    return "\n".join(
        line
        for paragraph in text.split("\n")
        for line in textwrap.wrap(paragraph, characters) or [""]
    )


def set_title(axes: Axes, title: str, width: float) -> None:
    """Puts the title above the axes, in lines of about `width` inches at most."""
    axes.set_title(wrapped(title, width, size=FONT_SIZE + 2))  # as it is bold


def legend_below(figure: Figure, handles: Sequence[Any], names: Iterable[str]) -> None:
    """Adds a legend below all axes; the figure grows by its rows."""
    width = figure.get_figwidth()
    labels = [wrapped(name, width - 2 * _HANDLE) for name in names]
    if not labels:
        return
    # matplotlib leaves labels with a leading underscore out of legends.
    labels = [f" {label}" if label.startswith("_") else label for label in labels]
    widest = max(map(about, labels)) + _HANDLE
    columns = max(1, min(len(labels), int((width - 0.3) / widest)))
    lines = max(label.count("\n") + 1 for label in labels)
    rows = -(-len(labels) // columns) * lines
    figure.set_figheight(figure.get_figheight() + _ROW * rows + 0.1)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=columns,
        handlelength=2.6,
        columnspacing=1.0,
        borderaxespad=0.2,
    )


def panels(
    count: int, columns: int, *, height: float, width: float = WIDTH, **rest: Any
) -> tuple[Figure, list[Axes]]:
    """Returns a figure and `count` axes, at least one, in rows of `columns`.

    `width` is the whole figure's, `height` one row's, in inches; `rest` is as of
    Figure.subplots.
    """
    rows = max(1, -(-count // columns))
    figure = new_figure(width, rows * height)
    grid = list(figure.subplots(rows, columns, squeeze=False, **rest).flat)
    for axes in grid[max(1, count) :]:
        axes.set_visible(False)
    return figure, grid[: max(1, count)]


def settle(figure: Figure) -> Figure:
    """Lays the figure out for good, so that it is drawn alike each time."""
    # The numbers of an axis follow from its size, and its size from their width.
    for _ in range(3):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def empty(axes: Axes) -> None:
    """Writes in the axes that there is nothing to draw."""
    axes.grid(visible=False)
    axes.tick_params(
        left=False, bottom=False, labelleft=False, labelbottom=False, which="both"
    )
    axes.text(
        0.5,
        0.5,
        "no values",
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=GRAY,
        style="italic",
    )
