"""The points of a recipe's figure: those of the runs and those of the paper."""

import dataclasses
import functools
import math
import statistics as plain
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

from pd_bert.analysis.runs import ResultRow, column
from pd_bert.runs.axis_names import as_key, axis_names
from pd_bert.runs.confidence_interval import ConfidenceInterval, confidence_interval
from pd_bert.runs.figure import Figure
from pd_bert.runs.result_group import WORKDIR, ResultGroup
from pd_bert.tasks.meta_score import meta_score, score_on_dev

RUN, PAPER = "run", "paper"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datum:
    """A point: `spread` over the seeds at it; `source` is run or paper.

    The spread is in percent, or in the unit of the figure's column `y`.
    """

    panel: str
    line: str
    x: float | str
    spread: ConfidenceInterval
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Place:
    """What a group measured at one panel, line and x."""

    panel: str
    line: str
    x: Any
    group: ResultGroup
    values: tuple[float, ...]


def figure_data(
    figure: Figure,
    groups: Sequence[ResultGroup],
    directories: Set[str] = frozenset(),
) -> tuple[Datum, ...]:
    """The figure's points: panels and lines in their order, x ascending or as met.

    `groups` are those of the runs, over tasks for a meta-score; of `directories` alone
    where some are given. A point is one group's. Where several would stand at one
    place, what parts them is added to the names: tasks to the panels', all else to the
    lines'.

    x is a number if it is one at every point, else a name. Rows that lack the split, or
    a column of the figure, are left out. The paper's numbers follow, in a panel named
    by `paper_label`.
    """
    places = _apart(_places(figure, groups, directories))
    paper = [
        (line, x, value)
        for line, points in figure.paper.items()
        for x, value in points.items()
    ]
    numeric = all(_is_number(each.x) for each in places) and all(
        _is_number(x) for _, x, _ in paper
    )

    def at(x: object) -> float | str:
        return float(str(x)) if numeric else str(x)

    data = [
        Datum(
            panel=each.panel,
            line=each.line,
            x=at(each.x),
            spread=confidence_interval(each.values),
            source=RUN,
        )
        for each in places
    ]
    data += [
        Datum(
            panel=figure.paper_label or "the paper",
            line=line,
            x=at(x),
            spread=confidence_interval([value]),
            source=PAPER,
        )
        for line, x, value in paper
    ]
    order = _line_order(figure, places, data)
    panels = list(dict.fromkeys((each.source, each.panel) for each in data))
    names: list[object] = list(dict.fromkeys([*figure.methods, *(d.x for d in data)]))
    data.sort(
        key=lambda each: (
            panels.index((each.source, each.panel)),
            order.index(each.line),
            each.x if isinstance(each.x, float) else names.index(each.x),
        )
    )
    return tuple(data)


def drawn(
    figure: Figure, group: ResultGroup, directories: Set[str] = frozenset()
) -> bool:
    """Whether a group is one of the figure's."""
    return (
        group.kind == figure.kind
        and (not figure.methods or group.method in figure.methods)
        and any(_is_in(row, directories) for row in group.rows)
    )


def _places(
    figure: Figure, groups: Sequence[ResultGroup], directories: Set[str]
) -> list[_Place]:
    """One for each group, or several where its seeds differ in a column."""
    mine = [
        (group, [row for row in group.rows if _is_in(row, directories)])
        for group in groups
        if drawn(figure, group)
    ]
    columns = (figure.panels, figure.lines, figure.x)
    # References of all rows together, as two may read alike if shortened.
    shown = [
        axis_names(column(row, name) for _, rows in mine for row in rows)
        if name
        else {}
        for name in columns
    ]
    tasks = {row["task"] for _, rows in mine for row in rows}
    found = []
    for group, rows in mine:
        at: dict[tuple[Any, ...], list[ResultRow]] = {}
        for row in rows:
            held = [column(row, name) if name else "" for name in columns]
            if None not in held:
                at.setdefault(tuple(map(as_key, held)), []).append(row)
        for (panel, line, x), same in at.items():
            measured = _meta_scores if figure.meta_score else _values
            if values := tuple(measured(figure, same, tasks)):
                value = column(same[0], figure.x)
                found.append(
                    _Place(
                        panel=shown[0].get(panel, ""),
                        line=shown[1][line],
                        x=value if _is_number(value) else shown[2][x],
                        group=group,
                        values=values,
                    )
                )
    return found


def _apart(places: list[_Place]) -> list[_Place]:
    """No two at one place: panels are told by task, then lines by the rest."""
    axes = dict.fromkeys(axis for each in places for axis in each.group.labels)
    ways: list[tuple[bool, Callable[[ResultGroup], str]]] = [
        (True, lambda group: group.task),
        (False, lambda group: group.method),
        (False, lambda group: group.size),
        *((False, functools.partial(_axis, axis=axis)) for axis in axes),
    ]
    for tells_panels, name in ways:
        at: dict[tuple[Any, ...], set[str]] = {}
        for each in places:
            at.setdefault((each.panel, each.line, each.x), set()).add(name(each.group))
        if not any(len(names) > 1 for names in at.values()):
            continue
        places = [
            dataclasses.replace(each, panel=f"{each.panel} {name(each.group)}".strip())
            if tells_panels
            else dataclasses.replace(
                each, line=f"{each.line} {name(each.group)}".strip()
            )
            for each in places
        ]
    return places


def _axis(group: ResultGroup, axis: str) -> str:
    """What an axis adds to a line's name."""
    if axis not in group.labels:
        return ""
    value = group.labels[axis]
    return f"({value})" if axis == WORKDIR else f"({axis} {value})"


def _line_order(
    figure: Figure, places: Sequence[_Place], data: Sequence[Datum]
) -> list[str]:
    """The lines' names: those of the figure's methods in its order, others as met."""
    by_method = []
    for method in figure.methods if figure.lines == "method" else ():
        by_method += [each.line for each in places if each.group.method == method]
        by_method.append(method)  # which the paper alone may have
    return list(dict.fromkeys([*by_method, *(each.line for each in data)]))


def _is_in(row: ResultRow, directories: Set[str]) -> bool:
    return not directories or bool(directories & {*row.get("directories", ())})


def _values(
    figure: Figure, rows: Iterable[ResultRow], tasks: Set[Any]
) -> Iterator[float]:
    """The column `y`, or the primary metric in percent, of each row that has it."""
    for row in rows:
        if figure.y is not None:
            value = column(row, figure.y)
            if isinstance(value, int | float):
                yield float(value)
        elif row["primary_metric"] in row["metrics"].get(figure.split, {}):
            yield 100 * row["metrics"][figure.split][row["primary_metric"]]


def _meta_scores(
    figure: Figure, rows: Iterable[ResultRow], tasks: Set[Any]
) -> Iterator[float]:
    """The mean over tasks, in percent, of each seed that has all of them.

    A task's score is the mean over its dev sets of the mean of the metrics.
    """
    scores: dict[object, dict[Any, list[float]]] = {}
    for row in rows:
        if (score := score_on_dev(row["metrics"])) is not None:
            of_seed = scores.setdefault(row["seed"], {})
            of_seed.setdefault(row["task"], []).append(100 * score)
    for found in scores.values():
        if found.keys() == tasks:
            yield meta_score({task: plain.fmean(each) for task, each in found.items()})


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False
