"""The points of a recipe's figure: the runs' and the paper's."""

import collections
import dataclasses
import math
import statistics as plain
from collections.abc import Iterable, Iterator, Sequence, Set
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
    """A point: `spread` is over its seeds, `source` is run or paper.

    The spread is in percent, or in the unit of the figure's column `y`.
    """

    panel: str
    line: str
    x: float | str
    spread: ConfidenceInterval
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Place:
    """The values of a group, or of the paper, at one panel, line and x."""

    panel: str
    line: str
    x: Any
    values: tuple[float, ...]
    group: ResultGroup | None = None


def figure_data(
    figure: Figure,
    groups: Sequence[ResultGroup],
    directories: Set[str] = frozenset(),
) -> tuple[Datum, ...]:
    """Returns the figure's points: panels and lines in their order, x ascending.

    `groups` are the runs' groups, over tasks for a meta-score; with `directories`, only
    the rows of these are used. A point is one group's. Where several would stand at one
    place, what distinguishes them is added to the names: tasks to the panels', all else
    to the lines'.

    x is a number if it is one at every point, else a name, in the order met. Rows that
    lack the split, or a column of the figure, are left out. The paper's numbers follow,
    in a panel named by `paper_label`.
    """
    places = _apart(_places(figure, groups, directories))
    places += [
        _Place(panel=figure.paper_label or "the paper", line=line, x=x, values=(value,))
        for line, points in figure.paper.items()
        for x, value in points.items()
    ]
    numeric = all(_is_number(each.x) for each in places)
    data = [
        Datum(
            panel=each.panel,
            line=each.line,
            x=float(each.x) if numeric else str(each.x),
            spread=confidence_interval(each.values),
            source=RUN if each.group else PAPER,
        )
        for each in places
    ]
    lines = _line_order(figure, places)
    panels = list(dict.fromkeys((each.source, each.panel) for each in data))
    names: list[object] = list(dict.fromkeys([*figure.methods, *(d.x for d in data)]))
    data.sort(
        key=lambda each: (
            panels.index((each.source, each.panel)),
            lines.index(each.line),
            each.x if isinstance(each.x, float) else names.index(each.x),
        )
    )
    return tuple(data)


def drawn(
    figure: Figure, group: ResultGroup, directories: Set[str] = frozenset()
) -> bool:
    """Returns True if a group is one of the figure's."""
    return (
        group.kind == figure.kind
        and (not figure.methods or group.method in figure.methods)
        and any(_is_in(row, directories) for row in group.rows)
    )


def _places(
    figure: Figure, groups: Sequence[ResultGroup], directories: Set[str]
) -> list[_Place]:
    """One place per group, or several where its seeds differ in a column."""
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
    measured = _meta_scores if figure.meta_score else _values
    found = []
    for group, rows in mine:
        at: dict[tuple[Any, ...], list[ResultRow]] = {}
        for row in rows:
            held = [column(row, name) if name else "" for name in columns]
            if None not in held:
                at.setdefault(tuple(map(as_key, held)), []).append(row)
        for (panel, line, x), same in at.items():
            if values := tuple(measured(figure, same, tasks)):
                value = column(same[0], figure.x)
                found.append(
                    _Place(
                        panel=shown[0].get(panel, ""),
                        line=shown[1][line],
                        x=value if _is_number(value) else shown[2][x],
                        values=values,
                        group=group,
                    )
                )
    return found


def _apart(places: list[_Place]) -> list[_Place]:
    """Adds names until no two groups are at one place: the task to panels, then others.

    These are, to lines, the method, the size and the groups' labels.
    """
    groups = [each.group for each in places if each.group]
    labels = dict.fromkeys(label for group in groups for label in group.labels)
    for name in ("task", "method", "size", *labels):
        texts = [_text(group, name) for group in groups]
        at: dict[tuple[Any, ...], set[str]] = collections.defaultdict(set)
        for each, text in zip(places, texts, strict=True):
            at[each.panel, each.line, each.x].add(text)
        if any(len(several) > 1 for several in at.values()):
            places = [
                dataclasses.replace(each, panel=f"{each.panel} {text}".strip())
                if name == "task"
                else dataclasses.replace(each, line=f"{each.line} {text}".strip())
                for each, text in zip(places, texts, strict=True)
            ]
    return places


def _text(group: ResultGroup, name: str) -> str:
    """The text that a name of a group adds to a panel or a line."""
    if name in ("task", "method", "size"):
        return str(getattr(group, name))
    value = group.labels.get(name)
    if value is None:
        return ""
    return f"({value})" if name == WORKDIR else f"({name} {value})"


def _line_order(figure: Figure, places: Sequence[_Place]) -> list[str]:
    """The lines' names: first by the figure's methods, then as met."""
    by_method = []
    for method in figure.methods if figure.lines == "method" else ():
        by_method += [p.line for p in places if p.group and p.group.method == method]
        by_method.append(method)  # which the paper alone may have
    return list(dict.fromkeys([*by_method, *(each.line for each in places)]))


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
