"""The points of a recipe's figure: those of the runs and those of the paper."""

import dataclasses
import math
from collections.abc import Sequence

from pd_bert.analysis.runs import Row, column
from pd_bert.analysis.statistics import Spread, spread
from pd_bert.stages.figure import Figure

RUN, PAPER = "run", "paper"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datum:
    """A point: `spread` in percent over the rows at it; `source` is run or paper."""

    panel: str
    line: str
    x: float | str
    spread: Spread
    source: str


def figure_data(figure: Figure, rows: Sequence[Row]) -> tuple[Datum, ...]:
    """The figure's points: panels and lines in their order, x ascending or as met.

    x is a number if it is one at every point, else a name. Rows that lack the split, or
    a column of the figure, are left out. The paper's numbers follow, in a panel named
    by `paper_label`.
    """
    groups: dict[tuple[str, str, object], list[float]] = {}
    for row in rows:
        place = _place(figure, row)
        if place is not None:
            value = row["metrics"][figure.split][row["primary_metric"]]
            groups.setdefault(place, []).append(100 * value)
    paper = [
        (line, x, value)
        for line, points in figure.paper.items()
        for x, value in points.items()
    ]
    numeric = all(_is_number(x) for _, _, x in groups) and all(
        _is_number(x) for _, x, _ in paper
    )

    def at(x: object) -> float | str:
        return float(str(x)) if numeric else str(x)

    data = [
        Datum(panel=panel, line=line, x=at(x), spread=spread(values), source=RUN)
        for (panel, line, x), values in groups.items()
    ]
    data += [
        Datum(
            panel=figure.paper_label or "the paper",
            line=line,
            x=at(x),
            spread=spread([value]),
            source=PAPER,
        )
        for line, x, value in paper
    ]
    order = list(dict.fromkeys([*figure.methods, *(each.line for each in data)]))
    panels = list(dict.fromkeys((each.source, each.panel) for each in data))
    names = list(dict.fromkeys(each.x for each in data))
    data.sort(
        key=lambda each: (
            panels.index((each.source, each.panel)),
            order.index(each.line),
            each.x if isinstance(each.x, float) else names.index(each.x),
        )
    )
    return tuple(data)


def _place(figure: Figure, row: Row) -> tuple[str, str, object] | None:
    """Panel, line and x of a row; None if it is not one of the figure's."""
    if row["kind"] != figure.kind or figure.split not in (row["metrics"] or {}):
        return None
    if figure.methods and row["method"] not in figure.methods:
        return None
    x, line = column(row, figure.x), column(row, figure.lines)
    panel = "" if figure.panels is None else column(row, figure.panels)
    if x is None or line is None or panel is None:
        return None
    return str(panel), str(line), x


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False
