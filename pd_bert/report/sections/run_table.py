"""Section: the table of runs."""

from pd_bert.analysis.evidence import Evidence, splits_of
from pd_bert.analysis.statistics import RESAMPLES, Difference
from pd_bert.report.content import (
    Block,
    Cell,
    Csv,
    Paragraph,
    Section,
    Table,
    number,
)
from pd_bert.runs.confidence_interval import ConfidenceInterval
from pd_bert.runs.result_group import ResultGroup
from pd_bert.runs.results_table import aligned

_SPREAD = ("mean", "sd", "low", "high", "n")
_COMPARED = ("baseline", "difference", "difference_low", "difference_high", "share")
_COSTS = (
    "parameters",
    "size_mb",
    "latency_ms",
    "examples_per_second",
    "speed_up",
)
_NOTHING = "No evaluation is finished: there is no metric to show."


def run_table(evidence: Evidence) -> Section:
    """A line a method, size and task: means over seeds, differences, costs."""
    if not evidence.groups:
        return Section(name="runs", title="Runs", blocks=(Paragraph(text=_NOTHING),))
    compared = evidence.comparisons
    splits = splits_of(evidence.groups)
    axes = _axes(evidence)
    several = len({each.metric for each in evidence.groups}) > 1
    header = (
        *("task", "method", "size", *axes),
        *(["metric"] if several else []),
        *(f"{split} {evidence.metric} %" for split in splits),
        "seeds",
        *([f"against {evidence.baseline}, points"] if evidence.baseline else []),
        *("parameters", "MB", "latency, ms", "examples/s", "speed-up"),
    )
    rows = tuple(
        (
            *(each.task, each.method, each.size),
            *(each.labels.get(axis, "–") for axis in axes),
            *([each.metric] if several else []),
            *(_spread(each.spreads.get(split)) for split in splits),
            each.seeds,
            *([_difference(each, compared.get(each))] if evidence.baseline else []),
            *_costs(each),
        )
        for each in evidence.groups
    )
    caption = (
        "Metrics in percent: mean ± sample standard deviation over seeds, below it the "
        "95 % t interval of the mean, which with few seeds may pass 100. MB: weights "
        f"on disk, 10⁶ bytes. Latency: median time of {evidence.timed}. "
        "Examples a second in batches. Speed-up: examples a second over those of the "
        "task's teacher."
    )
    blocks: list[Block] = [
        Table(
            caption=caption,
            header=header,
            rows=rows,
            names=3 + len(axes) + several,
            headers=3 + len(axes),
        )
    ]
    if evidence.baseline:
        blocks.append(Paragraph(text=_explained(evidence, compared)))
    return Section(
        name="runs",
        title="Runs",
        blocks=tuple(blocks),
        files=(_csv(evidence, compared, splits, axes),),
    )


def text_table(evidence: Evidence) -> str:
    """The same table for a terminal, a line a summary."""
    if not evidence.groups:
        return _NOTHING
    section = run_table(evidence)
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    lines = [[cell.replace("\n", " ") for cell in row] for row in table.rows]
    return aligned([table.header, *lines], left=table.names)


def _axes(evidence: Evidence) -> tuple[str, ...]:
    return tuple(dict.fromkeys(a for each in evidence.groups for a in each.labels))


def _spread(found: ConfidenceInterval | None) -> str:
    if found is None:
        return "–"
    if found.sd is None:
        return number(found.mean)
    return (
        f"{number(found.mean)} ± {number(found.sd)}\n"
        f"[{number(found.low)}, {number(found.high)}]"
    )


def _difference(
    group: ResultGroup, found: tuple[ResultGroup, Difference] | None
) -> str:
    if found is None:
        return "–"
    baseline, difference = found
    text = (
        f"{difference.value:+.1f}\n"
        f"[{difference.low:+.1f}, {difference.high:+.1f}], {difference.share:.3f}"
    )
    # The teacher is of another size, and may have axes of its own.
    if (baseline.size, baseline.labels) != (group.size, group.labels):
        text += f"\nto {baseline.title}"
    return text


def _costs(each: ResultGroup) -> tuple[str, ...]:
    return (
        number(each.parameters, 0),
        number(each.size_mb),
        number(each.latency_ms, 2),
        number(each.examples_per_second, 0),
        "–" if each.speed_up is None else f"{each.speed_up:.1f}×",
    )


def _explained(
    evidence: Evidence, compared: dict[ResultGroup, tuple[ResultGroup, Difference]]
) -> str:
    text = (
        f"Against {evidence.baseline}: the difference on {evidence.split} (dev for "
        "tasks without it) to that method at the same task and size and at the same "
        "values of most axes (a teacher may be of another size; what differs is "
        "named), its "
        "95 % interval by the paired bootstrap, and twice the share of resamples on "
        "the other side of zero. Examples are resampled, the same for both sides "
        f"({RESAMPLES:,} times, 1,000 for correlations of scores), and the metric is "
        "averaged over each side's seeds; seeds are not resampled."
    )
    if not compared:
        text += (
            " No two models could be compared: there is no single baseline, or their "
            "predictions are not stored, or not of the same examples."
        )
    return text


def _csv(
    evidence: Evidence,
    compared: dict[ResultGroup, tuple[ResultGroup, Difference]],
    splits: tuple[str, ...],
    axes: tuple[str, ...],
) -> Csv:
    rows = []
    for each in evidence.groups:
        cells: list[Cell] = [each.task, each.method, each.size]
        cells += [each.labels.get(axis) for axis in axes]
        cells += [each.metric]
        for split in splits:
            found = each.spreads.get(split)
            cells += [getattr(found, name, None) for name in _SPREAD]
        other, difference = compared.get(each, (None, None))
        cells += [other.title if other else None]
        cells += [
            getattr(difference, name, None)
            for name in ("value", "low", "high", "share")
        ]
        cells += [getattr(each, name) for name in _COSTS]
        rows.append(tuple(cells))
    return Csv(
        name="runs",
        header=(
            *("task", "method", "size", *axes, "metric"),
            *(f"{split}_{name}" for split in splits for name in _SPREAD),
            *_COMPARED,
            *_COSTS,
        ),
        rows=tuple(rows),
    )
