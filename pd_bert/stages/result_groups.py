"""Which rows of results.json are one model with several seeds."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.stages.result_group import (
    TEACHER,
    WORKDIR,
    ResultGroup,
    Row,
    teacher_of,
)
from pd_bert.stages.told import as_key, told

_NAMES = ("task", "kind", "method", "size")


def result_groups(
    rows: Sequence[Row], *, over_tasks: bool = False
) -> tuple[ResultGroup, ...]:
    """The groups of rows with metrics, in the rows' order.

    Rows may have a key `directory`, and one fingerprint may be in several. A directory
    tells groups apart only if there are rows that nothing else does: with the same
    seed, or from recipes with other axes. Within a directory the stages' names do so,
    where there are several for one seed. With `over_tasks` the rows of one model on
    all tasks are one group, whose task is "".
    """
    alike: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(row[name] for name in _NAMES), []).append(row)
    # What tells the models of one task apart does so in all of them.
    telling: dict[tuple[Any, ...], dict[str, None]] = {}
    for key, same in alike.items():
        telling.setdefault(key[over_tasks:], {}).update(dict.fromkeys(_telling(same)))
    found: dict[tuple[Any, ...], list[Row]] = {}
    for key, same in alike.items():
        start = key[over_tasks:]
        for row in same:
            at = [as_key(row["axes"].get(axis)) for axis in telling[start]]
            found.setdefault((*start, *at), []).append(row)
    found = {
        (key, stage): [row for row in same if stage in (None, row["stage"])]
        for key, same in found.items()
        for stage in _stages(same)
    }
    parts: list[list[tuple[list[Row], tuple[str, ...]]]] = [
        [(each, ())] for each in found.values()
    ]
    named = [stage for _, stage in found]
    if any(_clash(each) for each in found.values()):
        everywhere = {row.get("directory", "") for row in rows}
        parts = [_by_directory(each, everywhere) for each in found.values()]
    names = {
        axis: told(row["axes"].get(axis) for row in rows)
        for axis in dict.fromkeys(axis for axes in telling.values() for axis in axes)
    }
    groups = [
        _group(members, directories, names, stage, over_tasks)
        for part, stage in zip(parts, named, strict=True)
        for members, directories in part
    ]
    return tuple(_with_speed(each, groups) for each in groups)


def _telling(rows: Sequence[Row]) -> list[str]:
    """The axes in which rows of one task, method and size differ.

    Not those whose values are the seeds' own, nor those that a recipe has and another
    directory's has not.
    """
    found = []
    for axis in dict.fromkeys(axis for row in rows for axis in row["axes"]):
        having = [row for row in rows if row["axes"].get(axis) is not None]
        if all(_is_seed(row, axis) for row in having):
            continue
        homes = {row.get("directory") for row in having}
        lacking = any(
            row["axes"].get(axis) is None and row.get("directory") in homes
            for row in rows
        )
        if lacking or len({as_key(row["axes"][axis]) for row in having}) > 1:
            found.append(axis)
    return found


def _stages(rows: Sequence[Row]) -> tuple[str | None, ...]:
    """The stages' names if a directory has several for one seed; (None,) else."""
    names: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        at = row.get("directory"), row["task"], row["seed"]
        names.setdefault(at, set()).add(row["stage"])
    if all(len(each) == 1 for each in names.values()):
        return (None,)
    return tuple(dict.fromkeys(row["stage"] for row in rows))


def _is_seed(row: Row, axis: str) -> bool:
    value = row["axes"].get(axis)
    return value == row["seed"] and not isinstance(value, bool)


def _clash(rows: Sequence[Row]) -> bool:
    """Whether directories hold different models here that no axis tells apart."""
    homes: dict[str, list[Row]] = {}
    for row in rows:
        homes.setdefault(row.get("directory", ""), []).append(row)
    for one, other in itertools.combinations(homes.values(), 2):
        prints = [{row["fingerprint"] for row in side} for side in (one, other)]
        if prints[0] <= prints[1] or prints[1] <= prints[0]:
            continue
        seeds = [_by_seed(side) for side in (one, other)]
        if any(seeds[0][seed] != seeds[1][seed] for seed in seeds[0] & seeds[1].keys()):
            return True
        axes = [{as_key(_axes(row)) for row in side} for side in (one, other)]
        if axes[0] != axes[1]:
            return True
    return False


def _by_seed(rows: Sequence[Row]) -> dict[tuple[Any, Any], set[str]]:
    found: dict[tuple[Any, Any], set[str]] = {}
    for row in rows:
        found.setdefault((row["task"], row["seed"]), set()).add(row["fingerprint"])
    return found


def _axes(row: Row) -> dict[str, Any]:
    return {
        axis: value for axis, value in row["axes"].items() if not _is_seed(row, axis)
    }


def _by_directory(
    rows: Sequence[Row], everywhere: set[str]
) -> list[tuple[list[Row], tuple[str, ...]]]:
    """A part for each directory; those that hold the same are one, () if all do."""
    homes: dict[str, list[Row]] = {}
    for row in rows:
        homes.setdefault(row.get("directory", ""), []).append(row)
    parts: dict[frozenset[str], tuple[list[Row], list[str]]] = {}
    for home, held in homes.items():
        members, names = parts.setdefault(
            frozenset(row["fingerprint"] for row in held), ([], [])
        )
        members += held
        names.append(home)
    return [
        (members, () if {*names} == everywhere else tuple(names))
        for members, names in parts.values()
    ]


def _group(
    members: Sequence[Row],
    directories: tuple[str, ...],
    names: Mapping[str, Mapping[str, str]],
    stage: str | None,
    over_tasks: bool,
) -> ResultGroup:
    # A stage that several directories share has the axes of all of them.
    rows: dict[str, Row] = {}
    for row in members:
        held = rows.get(row["fingerprint"], {**row, "directories": ()})
        rows[row["fingerprint"]] = {
            **held,
            "axes": {**row["axes"], **held["axes"]},
            "directories": (*held["directories"], row.get("directory", "")),
        }
    first = members[0]
    axes = {}
    for axis in names:
        values = {as_key(row["axes"].get(axis)) for row in rows.values()}
        value = first["axes"].get(axis)
        if len(values) == 1 and value is not None:
            axes[axis] = value
    shown = {axis: names[axis][as_key(value)] for axis, value in axes.items()}
    if stage:
        shown["stage"] = stage
    if directories:
        shown[WORKDIR] = ", ".join(directories)
    return ResultGroup(
        rows=tuple(rows.values()),
        kind=first["kind"],
        task="" if over_tasks else str(first["task"] or "–"),
        method=str(first["method"] or "–"),
        size=str(first["size"] or "–"),
        axes=axes,
        directories=directories,
        told=shown,
    )


def _with_speed(group: ResultGroup, groups: Sequence[ResultGroup]) -> ResultGroup:
    teacher = group if group.method == TEACHER else teacher_of(group, groups)
    speed = teacher.examples_per_second if teacher else None
    rows = []
    for row in group.rows:
        own = row.get("examples_per_second")
        rows.append({**row, "speed_up": own / speed if own and speed else None})
    return dataclasses.replace(group, rows=tuple(rows), teacher_speed=speed)
