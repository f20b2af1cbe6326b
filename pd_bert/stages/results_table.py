"""The table of what the models of a run reached, from the rows of results.json."""

import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def table(rows: Sequence[Row]) -> str:
    """The evaluated models, a line a method: mean ± sd over seeds, size and speed.

    The speed-up is over the method `teacher`, where there is one. The metric is named
    in the header or, where tasks have different ones, in a column; means over tasks
    come last. An axis of the recipe that tells lines apart has a column of its own.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    shown = [row for row in rows if row["kind"] == "evaluate"]
    shown += [row for row in rows if row["kind"] == "score"]
    axes = telling_axes(shown)
    for row in shown:
        own = [row[name] for name in ("task", "method", "size")]
        own += [row["axes"].get(axis, "–") for axis in axes]
        groups.setdefault(tuple(map(str, own)), []).append(row)
    if not groups:
        return ""
    metrics = list(dict.fromkeys(row["primary_metric"] for row in shown))
    several = len(metrics) > 1
    found = [split for row in shown for split in row["metrics"]]
    splits = list(dict.fromkeys(["dev", "test", *found]))
    lines: list[tuple[str, ...]] = [
        (
            "task",
            "method",
            "size",
            *axes,
            *(["metric"] if several else []),
            *(
                f"{split} %" if several else f"{split} {metrics[0]} %"
                for split in splits
            ),
            "seeds",
            "parameters",
            "MB",
            "examples/s",
            "speed-up",
        )
    ]
    for key, group in groups.items():
        speed = _speed(group)
        first = group[0]
        teacher = teacher_speed(first, shown)
        lines.append(
            (
                *key,
                *([first["primary_metric"]] if several else []),
                *(_spread(group, split) for split in splits),
                str(len(group)),
                f"{first['parameters']:,}" if first["parameters"] else "–",
                f"{first['size_bytes'] / 1e6:.1f}" if first["size_bytes"] else "–",
                f"{speed:,.0f}" if speed else "–",
                f"{speed / teacher:.1f}×" if speed and teacher else "–",
            )
        )
    return aligned(lines, left=3 + len(axes) + several)


def teacher_speed(row: Row, rows: Sequence[Row]) -> float | None:
    """That of the task's teacher at the row's axes; None without a single one."""
    found = [
        other
        for other in rows
        if other["method"] == "teacher"
        and other["task"] == row["task"]
        and all(row["axes"].get(axis) == at for axis, at in other["axes"].items())
    ]
    return _speed(found) if len(found) == 1 else None


def telling_axes(rows: Sequence[Row]) -> list[str]:
    """The axes in which rows of one task, method, size and seed differ."""
    alike: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("task", "method", "size", "seed"))
        alike.setdefault(key, []).append(row)
    differing = {
        axis: None
        for same in alike.values()
        for row in same
        for axis, value in row["axes"].items()
        if any(other["axes"].get(axis) != value for other in same)
    }
    return list(differing)


def _spread(group: Sequence[Row], split: str) -> str:
    values = [
        100 * row["metrics"][split][row["primary_metric"]]
        for row in group
        if split in row["metrics"]
    ]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def _speed(group: Sequence[Row]) -> float | None:
    found = [row["examples_per_second"] for row in group if row["examples_per_second"]]
    return statistics.median(found) if found else None


def aligned(lines: Sequence[Sequence[str]], *, left: int = 3) -> str:
    """Columns of one width each, the first `left` of them to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
