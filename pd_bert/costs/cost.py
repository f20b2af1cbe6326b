"""The cost of a stage."""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """Time, memory, disk and operations; the sum is the cost of one after another.

    `memory_bytes` is the peak of the process, `disk_bytes` stays in the artifact,
    `scratch_bytes` are there only while the stage runs. `flops` are floating-point
    operations of matrix products. `seconds` and `memory_bytes` are None where they
    were not measured. `exact` is whether the counts of examples are sure.
    """

    seconds: float | None = 0.0
    memory_bytes: int | None = 0
    disk_bytes: int = 0
    scratch_bytes: int = 0
    flops: float = 0.0
    exact: bool = True

    def __add__(self, other: "Cost") -> "Cost":
        """Peaks are the larger one, the rest sums; None with anything is None."""
        unknown = self.seconds is None or other.seconds is None
        unseen = self.memory_bytes is None or other.memory_bytes is None
        return Cost(
            seconds=None if unknown else (self.seconds or 0) + (other.seconds or 0),
            memory_bytes=None
            if unseen
            else max(self.memory_bytes or 0, other.memory_bytes or 0),
            disk_bytes=self.disk_bytes + other.disk_bytes,
            scratch_bytes=max(self.scratch_bytes, other.scratch_bytes),
            flops=self.flops + other.flops,
            exact=self.exact and other.exact,
        )

    @property
    def most_disk_bytes(self) -> int:
        """The disk space that must be free before it starts."""
        return self.disk_bytes + self.scratch_bytes


def total(costs: Iterable[Cost]) -> Cost:
    """The cost of stages one after another."""
    return sum(costs, start=Cost())


def as_duration(seconds: float | None) -> str:
    """Seconds for people.

    >>> [as_duration(s) for s in (None, 0.3, 75, 3660, 90000)]
    ['–', '0.3 s', '1.2 min', '1.0 h', '25.0 h']
    """
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def as_size(size: float | None) -> str:
    """Bytes for people, in decimal units: '2.5 MB'."""
    return "–" if size is None else _scaled(size, ("B", "kB", "MB", "GB", "TB", "PB"))


def as_operations(flops: float) -> str:
    """Floating-point operations for people: '3.1 TFLOP'."""
    if not flops:
        return "–"
    units = ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP")
    return _scaled(flops, units)


def _scaled(value: float, units: tuple[str, ...]) -> str:
    index = 0
    while value >= 999.5 and index < len(units) - 1:
        value, index = value / 1000, index + 1
    return (
        f"{value:.0f} {units[index]}" if index == 0 else f"{value:.3g} {units[index]}"
    )


UNKNOWN = Cost(seconds=None, memory_bytes=None, exact=False)
