"""The points of a recipe's figure: those of the runs and those of the paper."""

import dataclasses
import math
import statistics as plain
from collections.abc import Iterator, Sequence

from pd_bert.analysis.runs import Row, column
from pd_bert.analysis.statistics import Spread, spread
from pd_bert.stages.figure import Figure

RUN, PAPER = "run", "paper"

Place = tuple[str, str, object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datum:
    """A point: `spread` over the runs at it; `source` is run or paper.

    The spread is in percent, or in the unit of the figure's column `y`.
    """

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
    placed = [(found, row) for row in rows if (found := _place(figure, row))]
    measured = _meta_scores(placed) if figure.meta_score else _values(figure, placed)
    groups: dict[Place, list[float]] = {}
    for place, value in measured:
        groups.setdefault(place, []).append(value)
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
    named = dict.fromkeys([*figure.methods, *(each.x for each in data)])
    names: list[object] = list(named)
    data.sort(
        key=lambda each: (
            panels.index((each.source, each.panel)),
            order.index(each.line),
            each.x if isinstance(each.x, float) else names.index(each.x),
        )
    )
    return tuple(data)


def _place(figure: Figure, row: Row) -> Place | None:
    """Panel, line and x of a row; None if it is not one of the figure's."""
    if row["kind"] != figure.kind:
        return None
    if figure.methods and row["method"] not in figure.methods:
        return None
    x, line = column(row, figure.x), column(row, figure.lines)
    panel = "" if figure.panels is None else column(row, figure.panels)
    if x is None or line is None or panel is None:
        return None
    return str(panel), str(line), x


def _values(
    figure: Figure, placed: Sequence[tuple[Place, Row]]
) -> Iterator[tuple[Place, float]]:
    """The column `y`, or the primary metric in percent, of each row that has it."""
    for place, row in placed:
        if figure.y is not None:
            value = column(row, figure.y)
            if isinstance(value, int | float):
                yield place, float(value)
        elif figure.split in row["metrics"]:
            yield place, 100 * row["metrics"][figure.split][row["primary_metric"]]


def _meta_scores(placed: Sequence[tuple[Place, Row]]) -> Iterator[tuple[Place, float]]:
    """The mean over tasks, in percent, of each place's seeds that have every task.

    The tasks are all those of the figure. A task's score is the mean over its dev sets
    (`dev`, and `dev_…`) of the mean of the metrics.
    """
    scores: dict[tuple[Place, object], dict[str, list[float]]] = {}
    for place, row in placed:
        on_dev = [
            plain.fmean(found.values())
            for split, found in row["metrics"].items()
            if split == "dev" or split.startswith("dev_")
        ]
        if on_dev:
            of_seed = scores.setdefault((place, row["seed"]), {})
            of_seed.setdefault(str(row["task"]), []).append(100 * plain.fmean(on_dev))
    tasks = {task for found in scores.values() for task in found}
    for (place, _), found in scores.items():
        if found.keys() == tasks:
            yield place, plain.fmean(plain.fmean(each) for each in found.values())


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False
