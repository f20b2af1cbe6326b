"""The rows of results.json that are one model with several seeds."""

import dataclasses
import functools
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from pd_bert.stages.spread import Spread, spread

Row = dict[str, Any]

TEACHER = "teacher"
WORKDIR = "working directory"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ResultGroup:
    """Rows alike in kind, task, method, size and axes: those of several seeds.

    `axes` has, of the axes that tell groups of one task, method and size apart, those
    with one value here, as the rows hold it. `directories` are the working directories
    where those tell groups apart, () else. `told` is both as people read it. Each row
    has a further key, `speed_up`, over `teacher_speed`, the examples a second of the
    task's teacher. None: not measured.
    """

    rows: tuple[Row, ...]
    kind: str
    task: str
    method: str
    size: str
    axes: Mapping[str, Any]
    directories: tuple[str, ...]
    told: Mapping[str, str]
    teacher_speed: float | None = None

    @property
    def title(self) -> str:
        """The group's name among those of its task."""
        extra = [f"({name} {value})" for name, value in self.told.items()]
        names = dict.fromkeys([self.method, self.size])  # teacher alone, if it is both
        return " ".join([*names, *extra])

    @property
    def metric(self) -> str:
        return str(self.rows[0]["primary_metric"])

    @functools.cached_property
    def spreads(self) -> Mapping[str, Spread]:
        """The primary metric in percent, of each split that was measured."""
        names = dict.fromkeys(s for row in self.rows for s in row["metrics"] or {})
        found = {name: self.values(name) for name in names}
        return {name: spread(each) for name, each in found.items() if each}

    @property
    def seeds(self) -> str:
        """How many seeds each split was measured with."""
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
        """Examples a second over the teacher's."""
        speed = self.examples_per_second
        return speed / self.teacher_speed if speed and self.teacher_speed else None

    def values(self, split: str) -> list[float]:
        """The primary metric in percent, of the seeds that have the split."""
        found = [(row["metrics"] or {}).get(split, {}) for row in self.rows]
        return [100 * each[self.metric] for each in found if self.metric in each]

    def holds(self, other: "ResultGroup") -> bool:
        """Whether all that tells the other apart is so of this one too."""
        return all(
            row["axes"].get(axis) == value
            for row in self.rows
            for axis, value in other.axes.items()
        ) and (
            not other.directories
            or (bool(self.directories) and {*self.directories} <= {*other.directories})
        )

    def _median(self, key: str) -> float | None:
        found = [row[key] for row in self.rows if row.get(key)]
        return statistics.median(found) if found else None


def of_method(
    group: ResultGroup, others: Iterable[ResultGroup], method: str
) -> tuple[ResultGroup, ...]:
    """The groups of a method at a group's task, axes and directory, of any size."""
    return tuple(
        each
        for each in others
        if (each.kind, each.task, each.method) == (group.kind, group.task, method)
        and group.holds(each)
    )


def teacher_of(group: ResultGroup, others: Iterable[ResultGroup]) -> ResultGroup | None:
    """The task's teacher at the group's axes; None without a single one."""
    found = of_method(group, others, TEACHER)
    return found[0] if len(found) == 1 else None
