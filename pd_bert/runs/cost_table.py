"""Tables of costs: before a run, and how far they were off after it."""

from collections.abc import Sequence

from pd_bert.costs.cost import Cost, as_duration, as_operations, as_size, total
from pd_bert.runs.estimates import Estimate, Estimates
from pd_bert.runs.results_table import aligned
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime

_COST_COLUMNS = (
    "stage",
    "parameters",
    "steps",
    "time",
    "peak memory",
    "disk",
    "while running",
    "operations",
    "counts",
)
_ACCURACY_COLUMNS = (
    "stage",
    "estimated",
    "actual",
    "ratio",
    "disk estimated",
    "actual",
    "memory estimated",
    "actual",
)
_REUSED = ("reused", *"–––––")
_Figures = tuple[float, int, int]  # seconds, bytes of the artifact, peak memory


def cost_table(estimates: Sequence[Estimate]) -> str:
    """A line a stage and one in all: steps, time, memory, disk and operations.

    `disk` is what stays, `while running` what a stage needs besides. Times, and sizes
    of data, rest on counts of examples that are exact or, from a sample, "about".
    """
    lines: list[tuple[str, ...]] = [_COST_COLUMNS]
    for each in estimates:
        lines.append(
            (
                each.stage.title,
                _number(each.parameters),
                _number(each.steps),
                *(_REUSED if each.reused else _cells(each.cost)),
            )
        )
    lines.append(("in all", "", "", *_cells(total(e.cost for e in estimates))))
    return aligned(lines, left=1)


def _cells(cost: Cost) -> tuple[str, ...]:
    return (
        as_duration(cost.seconds),
        as_size(cost.memory_bytes),
        as_size(cost.disk_bytes),
        as_size(cost.scratch_bytes),
        as_operations(cost.flops),
        "exact" if cost.exact else "about",
    )


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def accuracy_table(stages: Sequence[Stage], workdir: Workdir, runtime: Runtime) -> str:
    """Estimated and actual cost of each finished stage; "" without an estimate."""
    estimates = Estimates.read(workdir)
    lines: list[tuple[str, ...]] = [_ACCURACY_COLUMNS]
    pairs: list[tuple[_Figures, _Figures]] = []
    for stage in stages:
        artifact = workdir.artifact(stage)
        cost = estimates.of(stage.fingerprint(runtime))
        if artifact is None or cost is None or cost.seconds is None:
            continue
        files = [path for path in artifact.directory.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        peak = artifact.info.get("peak_memory_bytes", 0)
        estimated = (cost.seconds, cost.disk_bytes, cost.memory_bytes or 0)
        pairs.append((estimated, (artifact["seconds"], size, peak)))
        lines.append((stage.title, *_compared(*pairs[-1])))
    if not pairs:
        return ""
    estimated_all, actual_all = (_in_all([p[side] for p in pairs]) for side in (0, 1))
    lines.append(("in all", *_compared(estimated_all, actual_all)))
    return aligned(lines, left=1)


def _in_all(figures: Sequence[_Figures]) -> _Figures:
    seconds, sizes, peaks = zip(*figures, strict=True)
    return sum(seconds), sum(sizes), max(peaks)


def _compared(estimated: _Figures, actual: _Figures) -> tuple[str, ...]:
    """The ratio is estimated over actual: above 1 it was too much."""
    return (
        as_duration(estimated[0]),
        as_duration(actual[0]),
        f"{estimated[0] / max(actual[0], 0.01):.2f}",
        as_size(estimated[1]),
        as_size(actual[1]),
        as_size(estimated[2] or None),
        as_size(actual[2] or None),
    )
