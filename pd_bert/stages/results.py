"""results.json, and the table that a run ends with."""

import functools
import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pd_bert.data.atomic import write_json
from pd_bert.stages.artifact import Artifact
from pd_bert.stages.base import Stage

Row = dict[str, Any]


def result_row(
    stage: Stage,
    artifact: Artifact,
    axes: Mapping[str, object],
    *,
    estimated_seconds: float | None = None,
) -> Row:
    """A finished stage's object in results.json; null where a key does not apply.

    `axes` are the values of the recipe's axes that the stage depends on.
    """
    info = artifact.info
    return {
        "stage": f"{stage.kind}-{stage.name}",
        "kind": stage.kind,
        "method": stage.method,
        **stage.row(),
        "axes": dict(axes),
        "metrics": info.get("metrics"),
        "primary_metric": info.get("primary_metric"),
        "parameters": info.get("parameters"),
        "seconds": info["seconds"],
        "estimated_seconds": estimated_seconds,
        "size_bytes": info.get("size_bytes"),
        "examples_per_second": info.get("examples_per_second"),
        "latency_ms": info.get("latency_ms"),
        "facts": facts(artifact),
        "artifact": str(artifact.directory),
        "fingerprint": info["fingerprint"],
    }


def facts(artifact: Artifact) -> dict[str, Any]:
    """What an artifact and those it was made of tell as `facts`, the nearest first.

    A stage tells such as the size of its transfer set; of one told twice, that of
    fewer steps back in the lineage holds.
    """
    # A reused artifact lies in another working directory, with what it was made of.
    folder = artifact.directory.resolve()
    found: dict[str, Any] = {}
    near, seen = [folder], {folder}
    while near:
        read = []
        for each in near:
            told, made_of = _told(each)
            found = {**told, **found}
            for name in made_of:
                other = (each.parent / name).resolve()
                if other not in seen and (other / "artifact.json").is_file():
                    seen.add(other)
                    read.append(other)
        near = read
    return found


@functools.lru_cache(maxsize=4096)
def _told(folder: pathlib.Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An artifact's own facts and the folders' names of what it was made of.

    Finished artifacts do not change.
    """
    info = Artifact(folder).info
    names = tuple(each["artifact"] for each in info["lineage"].values())
    return info.get("facts", {}), names


def plan_row(
    stage: Stage, label: str, fingerprint: str, axes: Mapping[str, object]
) -> Row:
    """A stage's object in plan.json, finished or not; `label` is its folder's name."""
    return {
        "stage": stage.title,
        "kind": stage.kind,
        "method": stage.method,
        **stage.row(),
        "axes": dict(axes),
        "artifact": label,
        "fingerprint": fingerprint,
    }


def write_results(path: pathlib.Path, rows: Iterable[Row]) -> None:
    """Writes results.json, whole or not at all."""
    write_json(path, list(rows))


def table(rows: Sequence[Row]) -> str:
    """The evaluated models, a line a method: mean ± sd over seeds, size and speed.

    The speed-up is over the method `teacher`, where there is one. The metric is named
    in the header or, where tasks have different ones, in a column; means over tasks
    come last. An axis of the recipe that tells lines apart has a column of its own.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    shown = [row for row in rows if row["kind"] == "evaluate"]
    shown += [row for row in rows if row["kind"] == "score"]
    axes = _telling_axes(shown)
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
        teacher = _teacher_speed(first, shown)
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


def _teacher_speed(row: Row, rows: Sequence[Row]) -> float | None:
    """That of the task's teacher at the row's axes; None without a single one."""
    found = [
        other
        for other in rows
        if other["method"] == "teacher"
        and other["task"] == row["task"]
        and all(row["axes"].get(axis) == at for axis, at in other["axes"].items())
    ]
    return _speed(found) if len(found) == 1 else None


def _telling_axes(rows: Sequence[Row]) -> list[str]:
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
