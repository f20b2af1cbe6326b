"""Which rows of results.json are one model with several seeds."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pd_bert.runs.axis_names import as_key, axis_names
from pd_bert.runs.result_group import (
    TEACHER,
    WORKDIR,
    ResultGroup,
    ResultRow,
    teacher_of,
)

_NAMES = ("kind", "method", "size")
_DIGITS = 7  # of a hash, for people


def group_results(
    rows: Sequence[ResultRow], *, over_tasks: bool = False
) -> tuple[ResultGroup, ...]:
    """The groups of rows with metrics, in the rows' order.

    Rows are one group if their stages are equal but for seeds. Rows may have a key
    `directory`, and one fingerprint may be in several.

    Groups of one task, kind, method and size are told apart by the axes that have
    several values among them; those that are not, by the names of their stages, their
    directories, other axes, or a hash, the first that tells. What tells the groups of
    one task is told of all tasks. With `over_tasks`, the groups of all tasks that are
    told by the same names are one, whose task is "".
    """
    found: dict[tuple[Any, ...], list[ResultRow]] = {}
    for row in rows:
        names = (row[name] for name in ("task", *_NAMES))
        found.setdefault((*names, row["fingerprint_without_seeds"]), []).append(row)
    merged = [_merged(each) for each in found.values()]
    shown = {
        axis: axis_names(row["axes"].get(axis) for row in rows)
        for axis in dict.fromkeys(axis for row in rows for axis in row["axes"])
    }
    told = _told(merged, shown)
    if over_tasks:
        merged, told = _over_tasks(merged, told)
    telling = {axis for each in told for axis in each} & _of_several_methods(rows)
    groups = [
        _group(members, names, telling, over_tasks)
        for members, names in zip(merged, told, strict=True)
    ]
    return tuple(_with_speed(each, groups) for each in groups)


def _merged(members: Sequence[ResultRow]) -> tuple[ResultRow, ...]:
    """Each fingerprint once: a shared stage has the axes of all its directories."""
    rows: dict[str, ResultRow] = {}
    for row in members:
        held = rows.get(row["fingerprint"], {**row, "directories": ()})
        rows[row["fingerprint"]] = {
            **held,
            "axes": {**row["axes"], **held["axes"]},
            "directories": (*held["directories"], row.get("directory", "")),
        }
    return tuple(rows.values())


def _told(
    merged: Sequence[Sequence[ResultRow]], shown: Mapping[str, Mapping[str, str]]
) -> list[dict[str, str]]:
    """What tells each from the others of its task, kind, method and size, by name."""
    told: list[dict[str, str]] = [{} for _ in merged]
    axes = [_axes(rows) for rows in merged]
    seeds = _of_seeds([row for rows in merged for row in rows])

    def of_axis(axis: str) -> Callable[[int], str]:
        return lambda index: shown[axis].get(as_key(axes[index].get(axis)), "")

    ways: dict[str, Callable[[int], str]] = {
        "stage": lambda index: str(merged[index][0]["stage"]),
        WORKDIR: lambda index: ", ".join(_homes(merged[index])),
        **{axis: of_axis(axis) for axis in sorted(shown, key=seeds.__contains__)},
        "hash": lambda index: merged[index][0]["fingerprint_without_seeds"][:_DIGITS],
    }

    def tell(family: Iterable[int], name: str) -> None:
        for index in family:
            if value := ways[name](index):
                told[index][name] = value

    families: dict[tuple[Any, ...], dict[str, list[int]]] = {}
    for index, rows in enumerate(merged):
        key = tuple(rows[0][name] for name in _NAMES)
        families.setdefault(key, {}).setdefault(rows[0]["task"], []).append(index)
    for tasks in families.values():
        family = [index for same in tasks.values() for index in same]
        for axis in (axis for axis in shown if axis not in seeds):
            if any(
                len({as_key(axes[i][axis]) for i in same if axis in axes[i]}) > 1
                for same in tasks.values()
            ):
                tell(family, axis)
        for name, value in ways.items():
            if any(
                len(set(map(value, clash))) > 1
                for same in tasks.values()
                for clash in _clashes(same, told)
            ):
                tell(family, name)
    return told


def _clashes(
    same: Iterable[int], told: Sequence[Mapping[str, str]]
) -> list[tuple[int, ...]]:
    """Those of one task, kind, method and size that read alike."""
    found: dict[str, list[int]] = collections.defaultdict(list)
    for index in same:
        found[as_key(told[index])].append(index)
    return [tuple(each) for each in found.values() if len(each) > 1]


def _axes(rows: Iterable[ResultRow]) -> dict[str, Any]:
    """The axes with one value in all the rows that have them."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for axis, value in row["axes"].items():
            if value is not None:
                found.setdefault(axis, {})[as_key(value)] = value
    return {
        axis: next(iter(values.values()))
        for axis, values in found.items()
        if len(values) == 1
    }


def _of_seeds(rows: Iterable[ResultRow]) -> set[str]:
    """The axes that are the seed in all the rows that have both."""
    found: dict[str, bool] = {}
    for row in rows:
        for axis, value in row["axes"].items():
            if row["seed"] is not None and value is not None:
                is_seed = value == row["seed"] and not isinstance(value, bool)
                found[axis] = found.get(axis, True) and is_seed
    return {axis for axis, is_seed in found.items() if is_seed}


def _of_several_methods(rows: Iterable[ResultRow]) -> set[str]:
    """The axes of which several methods have the same value, which can be compared.

    An axis of the methods themselves is none.
    """
    met: dict[tuple[str, str], set[Any]] = {}
    for row in rows:
        for axis, value in row["axes"].items():
            met.setdefault((axis, as_key(value)), set()).add(row["method"])
    return {axis for (axis, _), methods in met.items() if len(methods) > 1}


def _homes(rows: Iterable[ResultRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(home for row in rows for home in row["directories"]))


def _over_tasks(
    merged: Sequence[Sequence[ResultRow]], told: Sequence[dict[str, str]]
) -> tuple[list[tuple[ResultRow, ...]], list[dict[str, str]]]:
    found: dict[tuple[Any, ...], list[ResultRow]] = {}
    names = {}
    for rows, told_apart in zip(merged, told, strict=True):
        key = (*(rows[0][name] for name in _NAMES), as_key(told_apart))
        found.setdefault(key, []).extend(rows)
        names[key] = told_apart
    return [tuple(each) for each in found.values()], list(names.values())


def _group(
    rows: Sequence[ResultRow],
    told: Mapping[str, str],
    telling: set[str],
    over_tasks: bool,
) -> ResultGroup:
    first = rows[0]
    return ResultGroup(
        rows=tuple(rows),
        kind=first["kind"],
        task="" if over_tasks else str(first["task"] or "–"),
        method=str(first["method"] or "–"),
        size=str(first["size"] or "–"),
        axes={axis: each for axis, each in _axes(rows).items() if axis in telling},
        directories=_homes(rows),
        told=told,
    )


def _with_speed(group: ResultGroup, groups: Sequence[ResultGroup]) -> ResultGroup:
    teacher = group if group.method == TEACHER else teacher_of(group, groups)
    speed = teacher.examples_per_second if teacher else None
    rows = []
    for row in group.rows:
        own = row.get("examples_per_second")
        rows.append({**row, "speed_up": own / speed if own and speed else None})
    return dataclasses.replace(group, rows=tuple(rows), teacher_speed=speed)
