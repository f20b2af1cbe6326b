"""Groups rows of results.json that are one model with several seeds."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.runs.axis_names import as_key, axis_names
from pd_bert.runs.result_group import (
    MODEL,
    SEED_AXIS,
    TEACHER,
    WORKDIR,
    ResultGroup,
    ResultRow,
    teacher_of,
)

_NAMES = ("kind", "method", "size")
_DIGITS = 7  # of a fingerprint, for people


def group_results(
    rows: Sequence[ResultRow], *, over_tasks: bool = False
) -> tuple[ResultGroup, ...]:
    """Returns the groups of rows with metrics, in the rows' order.

    Rows of one task, kind, method and size with the same `fingerprint_without_seeds`
    are one group. Rows may have a key `directory`, and one fingerprint may be in
    several directories.

    A group is named by its method, its size and, where these leave several groups of a
    task alike, by further columns in this order: the axes of the recipe except SEED,
    the working directory, and the first digits of the fingerprint. A column that
    distinguishes groups of one task names those of all tasks. With `over_tasks`, the
    groups of all tasks with the same names are one, whose task is "".
    """
    found: dict[tuple[Any, ...], list[ResultRow]] = {}
    for row in rows:
        key = (row["task"], *_family([row]), row["fingerprint_without_seeds"])
        found.setdefault(key, []).append(row)
    models = [_merged(each) for each in found.values()]
    labels = _labels(models)
    shared = {axis for each in labels for axis in each} & _of_several_methods(rows)
    if over_tasks:
        models, labels = _over_tasks(models, labels)
    groups = [
        ResultGroup(
            rows=members,
            kind=members[0]["kind"],
            task="" if over_tasks else str(members[0]["task"] or "–"),
            method=str(members[0]["method"] or "–"),
            size=str(members[0]["size"] or "–"),
            axes={axis: v for axis, v in _axes(members).items() if axis in shared},
            directories=_directories(members),
            labels=names,
        )
        for members, names in zip(models, labels, strict=True)
    ]
    return tuple(_with_speed(each, groups) for each in groups)


def _family(rows: Sequence[ResultRow]) -> tuple[Any, ...]:
    return tuple(rows[0][name] for name in _NAMES)


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


def _labels(models: Sequence[Sequence[ResultRow]]) -> list[dict[str, str]]:
    """The columns that each model is named by beside its method and size."""
    columns = _axis_columns(models)
    columns[WORKDIR] = [", ".join(_directories(rows)) for rows in models]
    columns[MODEL] = [r[0]["fingerprint_without_seeds"][:_DIGITS] for r in models]
    labels: list[dict[str, str]] = [{} for _ in models]
    for name, values in columns.items():
        cells = list(zip(models, labels, values, strict=True))
        alike: dict[tuple[Any, ...], set[str]] = collections.defaultdict(set)
        for rows, label, value in cells:
            alike[_family(rows), rows[0]["task"], as_key(label)].add(value)
        differ = {family for (family, *_), met in alike.items() if len(met) > 1}
        for rows, label, value in cells:
            if value and _family(rows) in differ:
                label[name] = value
    return labels


def _axis_columns(models: Sequence[Sequence[ResultRow]]) -> dict[str, list[str]]:
    """The value of each axis but the seed for each model; "" where it has not one."""
    rows = [row for members in models for row in members]
    axes = [_axes(members) for members in models]
    columns = {}
    for axis in dict.fromkeys(axis for row in rows for axis in row["axes"]):
        if axis != SEED_AXIS:
            shown = axis_names(row["axes"].get(axis) for row in rows)
            columns[axis] = [shown.get(as_key(own.get(axis)), "") for own in axes]
    return columns


def _axes(rows: Sequence[ResultRow]) -> dict[str, Any]:
    """The axes with one value in all the rows that have them."""
    found: dict[str, dict[str, Any]] = collections.defaultdict(dict)
    for row in rows:
        for axis, value in row["axes"].items():
            if value is not None:
                found[axis][as_key(value)] = value
    return {
        axis: next(iter(values.values()))
        for axis, values in found.items()
        if len(values) == 1
    }


def _of_several_methods(rows: Sequence[ResultRow]) -> set[str]:
    """The axes with a value that several methods share: not an axis of methods."""
    methods: dict[tuple[str, str], set[Any]] = collections.defaultdict(set)
    for row in rows:
        for axis, value in row["axes"].items():
            methods[axis, as_key(value)].add(row["method"])
    return {axis for (axis, _), met in methods.items() if len(met) > 1}


def _directories(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for row in rows for each in row["directories"]))


def _over_tasks(
    models: Sequence[Sequence[ResultRow]], labels: Sequence[Mapping[str, str]]
) -> tuple[list[tuple[ResultRow, ...]], list[dict[str, str]]]:
    found: dict[tuple[Any, ...], list[ResultRow]] = {}
    names = {}
    for rows, label in zip(models, labels, strict=True):
        key = (*_family(rows), as_key(label))
        found.setdefault(key, []).extend(rows)
        names[key] = dict(label)
    return [tuple(each) for each in found.values()], list(names.values())


def _with_speed(group: ResultGroup, groups: Sequence[ResultGroup]) -> ResultGroup:
    teacher = group if group.method == TEACHER else teacher_of(group, groups)
    speed = teacher.examples_per_second if teacher else None
    rows = []
    for row in group.rows:
        own = row.get("examples_per_second")
        rows.append({**row, "speed_up": own / speed if own and speed else None})
    return dataclasses.replace(group, rows=tuple(rows), teacher_speed=speed)
