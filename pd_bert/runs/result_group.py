"""A group of rows of results.json: one model with several seeds."""

import dataclasses
import functools
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from pd_bert.runs.confidence_interval import ConfidenceInterval, confidence_interval

ResultRow = dict[str, Any]

TEACHER = "teacher"
# A recipe's axis of this name is its seed: no name of a model.
SEED_AXIS = "SEED"
# Columns that name groups beside the axes of recipes.
WORKDIR = "working directory"
MODEL = "model"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ResultGroup:
    """Rows of stages that are equal except for their seeds.

    `labels` are the columns that distinguish it from the groups of its task, method
    and size, as people read them. `axes` holds the axes that are a column of any group
    and that have one value here, as the rows hold it. `directories` are the working
    directories that hold a row. Each row has further keys: `directories`, and
    `speed_up` over `teacher_speed`, the examples per second of the task's teacher;
    None where it was not measured.
    """

    rows: tuple[ResultRow, ...]
    kind: str
    task: str
    method: str
    size: str
    axes: Mapping[str, Any]
    directories: tuple[str, ...]
    labels: Mapping[str, str]
    teacher_speed: float | None = None

    @property
    def title(self) -> str:
        """The group's name, unique within its task."""
        extra = [f"({name} {value})" for name, value in self.labels.items()]
        names = dict.fromkeys([self.method, self.size])  # "teacher" once if it is both
        return " ".join([*names, *extra])

    @property
    def metric(self) -> str:
        return str(self.rows[0]["primary_metric"])

    @functools.cached_property
    def spreads(self) -> Mapping[str, ConfidenceInterval]:
        """The primary metric in percent on each measured split."""
        names = dict.fromkeys(s for row in self.rows for s in row["metrics"] or {})
        found = {name: self.values(name) for name in names}
        return {name: confidence_interval(each) for name, each in found.items() if each}

    @property
    def seeds(self) -> str:
        """The number of seeds that each split was measured with."""
        counts = {name: each.n for name, each in self.spreads.items()}
        if len(set(counts.values())) <= 1:
            return str(next(iter(counts.values()), 0))
        return ", ".join(f"{name} {count}" for name, count in counts.items())

    @property
    def parameters(self) -> int | None:
        return self.rows[0]["parameters"]

    @property
    def size_bytes(self) -> int | None:
        return self.rows[0]["size_bytes"]

    @property
    def size_mb(self) -> float | None:
        """Megabytes (10⁶ bytes) of the weights on disk."""
        return self.size_bytes / 1e6 if self.size_bytes else None

    @property
    def latency_ms(self) -> float | None:
        """The median over the seeds."""
        return self._median("latency_ms")

    @property
    def examples_per_second(self) -> float | None:
        """The median over the seeds."""
        return self._median("examples_per_second")

    @property
    def speed_up(self) -> float | None:
        """Examples per second over the teacher's."""
        speed = self.examples_per_second
        return speed / self.teacher_speed if speed and self.teacher_speed else None

    def values(self, split: str) -> list[float]:
        """Returns the primary metric in percent for each seed that has the split."""
        found = [(row["metrics"] or {}).get(split, {}) for row in self.rows]
        return [100 * each[self.metric] for each in found if self.metric in each]

    def _median(self, key: str) -> float | None:
        found = [row[key] for row in self.rows if row.get(key)]
        return statistics.median(found) if found else None


def nearest(group: ResultGroup, others: Iterable[ResultGroup]) -> ResultGroup | None:
    """Returns the group to compare a group with; None if there is not exactly one.

    Groups of another kind or task, or at another value of an axis, are not compared.
    Of the others the nearest has the same values of most axes, then the fewest axes
    that the group lacks, then a directory in common.
    """
    ranked: dict[tuple[int, int, bool], list[ResultGroup]] = {}
    for each in others:
        if (each.kind, each.task) != (group.kind, group.task):
            continue
        common = group.axes.keys() & each.axes.keys()
        if all(group.axes[axis] == each.axes[axis] for axis in common):
            rank = (
                len(common),
                len(common) - len(each.axes),
                bool({*group.directories} & {*each.directories}),
            )
            ranked.setdefault(rank, []).append(each)
    best = ranked[max(ranked)] if ranked else []
    return best[0] if len(best) == 1 else None


def teacher_of(group: ResultGroup, others: Iterable[ResultGroup]) -> ResultGroup | None:
    """Returns the nearest of the task's teachers, of any size."""
    return nearest(group, (each for each in others if each.method == TEACHER))
