"""Section: the table of runs."""

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.statistics import RESAMPLES, Difference
from pd_bert.report.content import Block, Cell, Csv, Paragraph, Section, Table, number
from pd_bert.runs.confidence_interval import ConfidenceInterval
from pd_bert.runs.result_group import ResultGroup
from pd_bert.runs.results_table import aligned, in_lines, name_columns, splits_of

_SPREAD = ("mean", "sd", "low", "high", "n")
_COMPARED = ("value", "low", "high", "share")
_COSTS = ("parameters", "size_mb", "latency_ms", "examples_per_second", "speed_up")
_NOTHING = "No evaluation is finished: there is no metric to show."


def run_table(evidence: Evidence) -> Section:
    """Returns one line per method, size and task: metrics, differences, costs."""
    groups = evidence.groups
    if not groups:
        return Section(name="runs", title="Runs", blocks=(Paragraph(text=_NOTHING),))
    names = name_columns(groups)
    columns = dict(names)
    for split in splits_of(groups):
        intervals = [each.spreads.get(split) for each in groups]
        columns[f"{split} {evidence.metric} %"] = list(map(_interval, intervals))
    columns["seeds"] = [each.seeds for each in groups]
    if evidence.baseline:
        compared = [_difference(each, evidence) for each in groups]
        columns[f"against {evidence.baseline}, points"] = compared
    columns |= {
        "parameters": [number(each.parameters, 0) for each in groups],
        "MB": [number(each.size_mb) for each in groups],
        "latency, ms": [number(each.latency_ms, 2) for each in groups],
        "examples/s": [number(each.examples_per_second, 0) for each in groups],
        "speed-up": [number(each.speed_up, 1, "×") for each in groups],
    }
    header, *rows = in_lines(columns)
    caption = (
        "Metrics in percent: mean ± sample standard deviation over seeds, below it the "
        "95 % t interval of the mean, which with few seeds may pass 100. MB: weights "
        f"on disk, 10⁶ bytes. Latency: median time of {evidence.timed}. Examples per "
        "second in batches. Speed-up: examples per second over those of the task's "
        "teacher."
    )
    table = Table(
        caption=caption,
        header=header,
        rows=tuple(rows),
        names=len(names),
        headers=len(names) - ("metric" in names),
    )
    blocks: tuple[Block, ...] = (table,)
    if evidence.baseline:
        blocks = (table, Paragraph(text=_explained(evidence)))
    return Section(name="runs", title="Runs", blocks=blocks, files=(_csv(evidence),))


def text_table(evidence: Evidence) -> str:
    """Returns the same table for a terminal, one line per row."""
    (block, *_) = run_table(evidence).blocks
    if not isinstance(block, Table):
        return _NOTHING
    lines = [[cell.replace("\n", " ") for cell in row] for row in block.rows]
    return aligned([block.header, *lines], left=block.names)


def _interval(found: ConfidenceInterval | None) -> str:
    if found is None or found.sd is None:
        return number(found.mean if found else None)
    return (
        f"{number(found.mean)} ± {number(found.sd)}\n"
        f"[{number(found.low)}, {number(found.high)}]"
    )


def _difference(group: ResultGroup, evidence: Evidence) -> str:
    if group not in evidence.comparisons:
        return "–"
    baseline, found = evidence.comparisons[group]
    text = (
        f"{found.value:+.1f}\n[{found.low:+.1f}, {found.high:+.1f}], {found.share:.3f}"
    )
    # The teacher is of another size, and may have axes of its own.
    if (baseline.size, baseline.labels) != (group.size, group.labels):
        text += f"\nto {baseline.title}"
    return text


def _explained(evidence: Evidence) -> str:
    text = (
        f"Against {evidence.baseline}: the difference on {evidence.split} (dev for "
        "tasks without it) to that method at the same task and size and at the same "
        "values of most axes (a teacher may be of another size; what differs is "
        "named), its 95 % interval by the paired bootstrap, and twice the share of "
        "resamples on the other side of zero. Examples are resampled, the same for "
        f"both sides ({RESAMPLES:,} times, 1,000 for correlations of scores), and the "
        "metric is averaged over each side's seeds; seeds are not resampled."
    )
    if not evidence.comparisons:
        text += (
            " No two models could be compared: there is no single baseline, or their "
            "predictions are not stored, or not of the same examples."
        )
    return text


def _csv(evidence: Evidence) -> Csv:
    splits = splits_of(evidence.groups)
    labels = dict.fromkeys(label for each in evidence.groups for label in each.labels)
    rows = []
    for each in evidence.groups:
        other, difference = evidence.comparisons.get(each, (None, None))
        cells: list[Cell] = [each.task, each.method, each.size]
        cells += [each.labels.get(label) for label in labels]
        cells += [each.metric]
        for split in splits:
            cells += _fields(each.spreads.get(split), _SPREAD)
        cells += [other.title if other else None]
        cells += _fields(difference, _COMPARED)
        cells += _fields(each, _COSTS)
        rows.append(tuple(cells))
    return Csv(
        name="runs",
        header=(
            *("task", "method", "size", *labels, "metric"),
            *(f"{split}_{name}" for split in splits for name in _SPREAD),
            *("baseline", "difference"),
            *(f"difference_{name}" for name in ("low", "high")),
            *("share", *_COSTS),
        ),
        rows=tuple(rows),
    )


def _fields(
    value: ConfidenceInterval | Difference | ResultGroup | None, names: tuple[str, ...]
) -> list[Cell]:
    return [getattr(value, name, None) for name in names]
