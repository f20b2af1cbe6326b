"""Figures in which nothing overlaps: sizes, wrapped text, legends below the axes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from pd_bert.report.plots.style import FONT_SIZE, FONTS, GRAY

WIDTH = 9.0  # inches; a wide page's text, and an A4 page at 80 %
_POINTS = 72.0
_DRAWS = 6  # at most, until all places stay
_HANDLE = 0.55  # inches: a legend's sample with the space around it
_ROW = 0.2  # inches: a row of a legend


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that arranges itself when it is drawn."""
    figure = Figure(
        figsize=(width, height),
        layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.02),
    )
    FigureCanvasAgg(figure)  # measures text
    return figure


def width_of(text: str, *, size: float = FONT_SIZE, bold: bool = False) -> float:
    """The width of the longest line of a text in inches."""
    font = FontProperties(
        family=list(FONTS), size=size, weight="bold" if bold else "normal"
    )
    widths = (
        text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]
        for line in text.split("\n")
    )
    return max(widths, default=0.0) / _POINTS


def wrapped(
    text: str, width: float, *, size: float = FONT_SIZE, bold: bool = False
) -> str:
    """The text in lines of at most `width` inches; too long words are broken."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if width_of(longer, size=size, bold=bold) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while len(line) > 1 and width_of(line, size=size, bold=bold) > width:
                end = _break(line, width, size, bold)
                lines.append(line[:end])
                line = line[end:]
        lines.append(line)
    return "\n".join(lines)


def set_title(axes: Axes, title: str, width: float) -> None:
    """The title above the axes, in lines of at most `width` inches."""
    axes.set_title(wrapped(title, width, size=FONT_SIZE + 1, bold=True))


def legend_below(figure: Figure, handles: Sequence[Any], names: Iterable[str]) -> None:
    """A legend below all axes; the figure grows by its rows."""
    width = figure.get_figwidth()
    labels = [_label(name, width - 2 * _HANDLE) for name in names]
    if not labels:
        return
    widest = max(width_of(label) for label in labels) + _HANDLE
    columns = max(1, min(len(labels), int((width - 0.3) / widest)))
    tallest = max(label.count("\n") + 1 for label in labels)
    rows = -(-len(labels) // columns) * tallest
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


def settle(figure: Figure) -> Figure:
    """The figure arranged for good: later draws change no place."""
    # The numbers of an axis follow from its size, and its size from their width.
    before = None
    for _ in range(_DRAWS):
        figure.draw_without_rendering()
        places = [axes.get_position().bounds for axes in figure.axes]
        if before is not None and np.allclose(places, before, atol=1e-3):
            break
        before = places
    figure.set_layout_engine("none")
    return figure


def empty(axes: Axes) -> Text:
    """Says in the axes that there is nothing to draw."""
    axes.grid(visible=False)
    axes.tick_params(
        left=False, bottom=False, labelleft=False, labelbottom=False, which="both"
    )
    return axes.text(
        0.5,
        0.5,
        "no values",
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=GRAY,
        style="italic",
    )


def _break(word: str, width: float, size: float, bold: bool) -> int:
    """Where to break a word that is too wide: after a sign, or evenly."""
    fits = 1
    while width_of(word[: fits + 1], size=size, bold=bold) <= width:
        fits += 1
    after = [end for end in range(1, fits + 1) if word[end - 1] in "_-/.,:="]
    if after and after[-1] > fits // 3:
        return after[-1]
    return -(-len(word) // -(-len(word) // fits))


def _label(name: str, width: float) -> str:
    text = wrapped(name, width)
    # matplotlib leaves labels with a leading underscore out of legends.
    return f" {text}" if text.startswith("_") else text
