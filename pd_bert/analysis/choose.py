"""The best student within limits."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.stats

from pd_bert.analysis.evidence import Compare
from pd_bert.runs.result_group import TEACHER, ResultGroup


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """A task's best student by its mean on dev, or None, and the reason in sentences.

    `next_best` is the runner-up among the students that fit the limits.
    """

    task: str
    best: ResultGroup | None
    next_best: ResultGroup | None
    reason: str


def choose(
    found: Sequence[ResultGroup],
    *,
    max_latency_ms: float | None = None,
    max_size_mb: float | None = None,
    compare: Compare,
) -> tuple[Choice, ...]:
    """Returns a choice for each task among the models that are not its teacher.

    Means over tasks are not candidates. A model whose latency or size was not measured
    does not fit a limit on it. The test split is not used. Of equals the smaller, then
    the faster, then the first is chosen.
    """
    found = [each for each in found if each.kind == "evaluate"]
    students: dict[str, list[ResultGroup]] = {each.task: [] for each in found}
    for each in found:
        if each.method != TEACHER and "dev" in each.spreads:
            students[each.task].append(each)
    return tuple(
        _choice(task, candidates, max_latency_ms, max_size_mb, compare)
        for task, candidates in students.items()
    )


def _choice(
    task: str,
    students: Sequence[ResultGroup],
    max_latency_ms: float | None,
    max_size_mb: float | None,
    compare: Compare,
) -> Choice:
    fitting = [
        each
        for each in students
        if _fits(each.latency_ms, max_latency_ms) and _fits(each.size_mb, max_size_mb)
    ]
    ranked = sorted(
        fitting,
        key=lambda each: (
            -each.spreads["dev"].mean,
            each.size_bytes or float("inf"),
            each.latency_ms or float("inf"),
        ),
    )
    limits = " and ".join(
        [
            *([f"{max_latency_ms:g} ms"] if max_latency_ms is not None else []),
            *([f"{max_size_mb:g} MB"] if max_size_mb is not None else []),
        ]
    )
    if not ranked:
        reason = _none_fits(students, limits)
    else:
        counted = f"{len(ranked)} of {_counted(students)}"
        verb = ("fits", "was") if len(ranked) == 1 else ("fit", "were")
        fit = f"{verb[0]} {limits}" if limits else f"{verb[1]} measured"
        reason = (
            f"{counted} {fit}; {ranked[0].title} has the highest mean on dev, "
            f"{ranked[0].spreads['dev'].mean:.1f} %."
        )
        if len(ranked) > 1:
            reason += " " + _against(ranked[0], ranked[1], compare)
        else:
            reason += " There is no other to compare it with."
    return Choice(
        task=task,
        best=ranked[0] if ranked else None,
        next_best=ranked[1] if len(ranked) > 1 else None,
        reason=reason,
    )


def _fits(value: float | None, limit: float | None) -> bool:
    return limit is None or (value is not None and value <= limit)


def _none_fits(students: Sequence[ResultGroup], limits: str) -> str:
    if not students:
        return "There is no student with a measured dev split."
    reason = f"None of {_counted(students)} fits {limits}."
    small = [each for each in students if each.size_mb is not None]
    fast = [each for each in students if each.latency_ms is not None]
    if small:
        each = min(small, key=lambda each: each.size_mb or 0)
        reason += f" The smallest is {each.title} with {each.size_mb:.1f} MB."
    if fast:
        each = min(fast, key=lambda each: each.latency_ms or 0)
        reason += f" The fastest is {each.title} with {each.latency_ms:.2f} ms."
    else:
        reason += " No latency was measured."
    return reason


def _counted(students: Sequence[ResultGroup]) -> str:
    return f"{len(students)} student{'' if len(students) == 1 else 's'}"


def _against(best: ResultGroup, other: ResultGroup, compare: Compare) -> str:
    """The runner-up's distance, and if it may be chance."""
    gap = best.spreads["dev"].mean - other.spreads["dev"].mean
    text = f"The next is {other.title}, {gap:.1f} points behind"
    intervals = []
    if (difference := compare(best, other, "dev")) is not None:
        intervals.append(("resampled examples", difference.low, difference.high))
    if (seeds := _over_seeds(best, other)) is not None:
        intervals.append(("seeds", *seeds))
    if not intervals:
        return f"{text}; these seeds, without predictions, leave noise unknown."
    shown = ", ".join(
        f"{low:.1f} to {high:.1f} over {of}" for of, low, high in intervals
    )
    noise = any(low <= 0 <= high for _, low, high in intervals)
    return f"{text}, {'within' if noise else 'beyond'} noise (95 % interval {shown})."


def _over_seeds(best: ResultGroup, other: ResultGroup) -> tuple[float, float] | None:
    """Welch's 95 % interval of the means' difference; None if it is not defined.

    It is not for a single seed, nor for seeds without any variance, which are too few.
    """
    sides = [each.values("dev") for each in (best, other)]
    if min(map(len, sides)) < 2:
        return None
    squares = [np.var(side, ddof=1) / len(side) for side in sides]
    if not (square := sum(squares)):
        return None
    freedom = square**2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(squares, sides, strict=True)
    )
    gap = float(np.mean(sides[0]) - np.mean(sides[1]))
    half = float(scipy.stats.t.ppf(0.975, freedom)) * float(square) ** 0.5
    return gap - half, gap + half
