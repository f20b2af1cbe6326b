"""The runs of one method, size and task over their seeds, as one."""

import dataclasses
import functools
import pathlib
import statistics as plain
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pd_bert.analysis.predictions import Predictions, read_predictions
from pd_bert.analysis.runs import Row, artifact_info
from pd_bert.analysis.statistics import (
    Difference,
    Metric,
    Spread,
    paired_bootstrap,
    spread,
)
from pd_bert.errors import InputError
from pd_bert.stages.results_table import teacher_speed, telling_axes
from pd_bert.tasks import metrics as known_metrics

TEACHER = "teacher"
_SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Summary:
    """What the rows of several seeds tell together.

    `axes` are those that tell summaries of one task, method and size apart. Metrics are
    in percent, `latency_ms` in milliseconds an example at batch size 1, speeds in
    examples a second; latency and speed are medians over the seeds. None: not measured.
    """

    rows: tuple[Row, ...]
    task: str
    method: str
    size: str
    axes: Mapping[str, Any]
    metric: str
    spreads: Mapping[str, Spread]
    parameters: int | None
    size_bytes: int | None
    latency_ms: float | None
    examples_per_second: float | None
    speed_up: float | None

    @property
    def title(self) -> str:
        """The summary's name among those of its task."""
        extra = [f"{axis} {value}" for axis, value in self.axes.items()]
        return " ".join([self.method, self.size, *(f"({each})" for each in extra)])

    @property
    def size_mb(self) -> float | None:
        """Megabytes (10⁶ bytes) of the weights on disk."""
        return self.size_bytes / 1e6 if self.size_bytes else None

    def predictions(self, split: str) -> tuple[Predictions, ...]:
        """Those of each seed; () unless every seed has them, on the same examples."""
        return _predictions(tuple(row["artifact"] for row in self.rows), split)


def summaries(rows: Sequence[Row]) -> tuple[Summary, ...]:
    """Rows with metrics, grouped by task, method, size and the axes that tell."""
    axes = telling_axes(rows)
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        own = [row[name] for name in ("task", "method", "size")]
        own += [row["axes"].get(axis) for axis in axes]
        groups.setdefault(tuple(map(str, own)), []).append(row)
    return tuple(_summary(group, axes, rows) for group in groups.values())


def splits_of(found: Iterable[Summary]) -> tuple[str, ...]:
    """The measured splits: dev and test first."""
    names = [split for each in found for split in each.spreads]
    return tuple(dict.fromkeys([*(s for s in _SPLITS if s in names), *names]))


def teacher_of(summary: Summary, others: Iterable[Summary]) -> Summary | None:
    """The task's teacher at the summary's axes; None without a single one."""
    return baseline_of(summary, others, TEACHER)


def compare(ours: Summary, theirs: Summary, split: str) -> Difference | None:
    """The paired bootstrap of two summaries, in percent points; None if it cannot be.

    It cannot without stored predictions of both on the same examples, and for metrics
    that `pd_bert.tasks.metrics` does not have.
    """
    metric = metric_named(ours.metric)
    one, other = ours.predictions(split), theirs.predictions(split)
    if metric is None or not one or not other or not _alike(one[0], other[0]):
        return None
    if ours.metric != theirs.metric or len(one[0].label) < 2:
        return None
    found = paired_bootstrap(
        metric,
        [each.predicted for each in one],
        [each.predicted for each in other],
        one[0].label,
    )
    return Difference(
        value=100 * found.value,
        low=100 * found.low,
        high=100 * found.high,
        share=found.share,
    )


def baseline_of(
    summary: Summary, others: Iterable[Summary], method: str
) -> Summary | None:
    """What a summary is compared with: `method` at its task, size and axes.

    Where `method` was run at one size alone, as a teacher is, that one. None where
    there is none or several, and for summaries of `method` itself.
    """
    if summary.method == method:
        return None
    found = [
        each
        for each in others
        if each.method == method and each.task == summary.task and _holds(summary, each)
    ]
    same = [each for each in found if each.size == summary.size]
    fitting = same or found
    return fitting[0] if len(fitting) == 1 else None


def check_baseline(found: Sequence[Summary], method: str) -> None:
    """Raises InputError unless some summary is of this method."""
    methods = sorted({each.method for each in found})
    if method not in methods:
        raise InputError(
            f"--baseline is one of the methods of the runs, {', '.join(methods)}; "
            f"received {method!r}"
        )


def metric_named(name: str) -> Metric | None:
    """A metric of `pd_bert.tasks.metrics`; None if it has none of that name."""
    found = None if name.startswith("_") else getattr(known_metrics, name, None)
    return found if callable(found) else None


def _summary(group: Sequence[Row], axes: Sequence[str], rows: Sequence[Row]) -> Summary:
    first = group[0]
    metric = first["primary_metric"]
    splits = dict.fromkeys(split for row in group for split in row["metrics"])
    speed = _median(group, "examples_per_second")
    teacher = teacher_speed(first, rows)
    return Summary(
        rows=tuple(group),
        task=str(first["task"] or "–"),
        method=str(first["method"] or "–"),
        size=str(first["size"] or "–"),
        axes={
            axis: first["axes"][axis]
            for axis in axes
            if first["axes"].get(axis) is not None
        },
        metric=metric,
        spreads={
            split: spread(
                [
                    100 * row["metrics"][split][metric]
                    for row in group
                    if split in row["metrics"]
                ]
            )
            for split in splits
        },
        parameters=first["parameters"],
        size_bytes=first["size_bytes"],
        latency_ms=_median(group, "latency_ms"),
        examples_per_second=speed,
        speed_up=speed / teacher if speed and teacher else None,
    )


def _median(group: Sequence[Row], key: str) -> float | None:
    found = [row[key] for row in group if row[key]]
    return plain.median(found) if found else None


@functools.lru_cache(maxsize=64)
def _predictions(folders: tuple[str, ...], split: str) -> tuple[Predictions, ...]:
    found: list[Predictions] = []
    for name in folders:
        directory = pathlib.Path(name)
        names = tuple(artifact_info(directory).get("labels") or ())
        read = read_predictions(directory, split, names=names)
        if read is None or (found and not _alike(found[0], read)):
            return ()
        found.append(read)
    return tuple(found)


def _holds(summary: Summary, other: Summary) -> bool:
    """Whether the other's axes have the values that the summary has."""
    return all(summary.axes.get(axis) == at for axis, at in other.axes.items())


def _alike(one: Predictions, other: Predictions) -> bool:
    """Whether both are of the same examples with the same gold labels."""
    return (
        one.logits.shape == other.logits.shape
        and np.array_equal(one.example_id, other.example_id)
        and np.array_equal(one.label, other.label)
    )
