"""Which artifact was made from which."""

import dataclasses
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from pd_bert.report.plots.layered import layered
from pd_bert.report.plots.layout import empty, new_figure, wrapped
from pd_bert.report.plots.style import FONT_SIZE, GRAY, PALETTE, look

_SMALL = FONT_SIZE - 1
_WIDE = 1.2  # inches of a box
_PAD = 0.08
_LINE = 0.15  # inches of a line of text
_ACROSS = 0.36  # inches between layers
_DOWN = 0.14  # inches between boxes of a layer
_EDGE = 0.1  # inches around all


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """An artifact: `id` (unique: the folder name), and the ids of those that it reads.

    `inputs` that no box has as its id are left out. `fingerprint` is shown by its first
    eight digits. A box that is not `finished` is dashed.
    """

    id: str
    kind: str
    name: str
    fingerprint: str = ""
    inputs: tuple[str, ...] = ()
    finished: bool = True

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """(text, weight, colour) of each line, as wide as a box at most."""
        room = _WIDE - 2 * _PAD
        kind = wrapped(self.kind, room, size=_SMALL, bold=True).split("\n")
        name = wrapped(self.name, room, size=_SMALL).split("\n")
        return (
            *((line, "bold", "black") for line in kind),
            *((line, "normal", "black") for line in name if line),
            *((line, "normal", GRAY) for line in [self.fingerprint[:8]] if line),
        )


@look()
def lineage(boxes: Sequence[Box]) -> Figure:
    """Boxes with arrows from inputs to readers, in layers by the longest way to them.

    The figure grows with the number of boxes.

    Raises graphlib.CycleError if an artifact is among its own inputs.
    """
    known = {box.id: box for box in boxes}
    inputs = {
        box.id: tuple(dict.fromkeys(one for one in box.inputs if one in known))
        for box in boxes
    }
    tall = {box.id: _LINE * len(box.lines) + 2 * _PAD for box in boxes}
    plan = layered(inputs, tall, gap=_DOWN)
    width = max(plan.layers * (_WIDE + _ACROSS) - _ACROSS, 1.5) + 2 * _EDGE
    height = max(plan.height, 0.8) + 2 * _EDGE
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # all places are given
    axes = figure.add_axes((0, 0, 1, 1))
    # Data coordinates are inches, y downwards: a box is as large as its text.
    axes.set(xlim=(-_EDGE, width - _EDGE), ylim=(height - _EDGE, -_EDGE))
    axes.axis("off")
    if not boxes:
        empty(axes)
    for box in boxes:
        layer, middle = plan.places[box.id]
        _box(axes, box, layer * (_WIDE + _ACROSS), middle - tall[box.id] / 2)
    for (source, reader), way in plan.ways.items():
        _arrow(axes, [plan.places[source], *way, plan.places[reader]])
    return figure


def _box(axes: Axes, box: Box, left: float, top: float) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            _WIDE,
            _LINE * len(box.lines) + 2 * _PAD,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="#EEF5FA" if box.finished else "white",
            edgecolor=PALETTE[0] if box.finished else GRAY,
            linestyle="-" if box.finished else "--",
            zorder=3,
        )
    )
    for number, (line, weight, color) in enumerate(box.lines):
        axes.text(
            left + _WIDE / 2,
            top + _PAD + _LINE * (number + 0.5),
            line,
            ha="center",
            va="center",
            size=_SMALL,
            weight=weight,
            color=color,
            zorder=4,
        )


def _arrow(axes: Axes, places: Sequence[tuple[int, float]]) -> None:
    """Straight through the layers between, curved from one layer to the next."""
    step = _WIDE + _ACROSS
    (layer, y), *others = places
    points = [(layer * step + _WIDE, y)]
    codes = [Path.MOVETO]
    for place in others:
        left = place[0] * step
        bend = left - _ACROSS / 2
        points += [(bend, y), (bend, place[1]), (left, place[1])]
        codes += [Path.CURVE4] * 3
        y = place[1]
        if place is not others[-1]:
            points.append((left + _WIDE, y))
            codes.append(Path.LINETO)
    axes.add_patch(
        FancyArrowPatch(
            path=Path(points, codes),
            arrowstyle="-|>,head_length=0.5,head_width=0.25",
            mutation_scale=9,
            color=GRAY,
            linewidth=0.9,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )
