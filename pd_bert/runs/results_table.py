"""The table of what the models of a run reached, from the rows of results.json."""

from collections.abc import Sequence

from pd_bert.runs.group_results import group_results
from pd_bert.runs.result_group import ResultGroup, ResultRow


def table(rows: Sequence[ResultRow]) -> str:
    """The evaluated models, a line a method: mean ± sd over seeds, size and speed.

    The speed-up is over the method `teacher`, where there is one. The metric is named
    in the header or, where tasks have different ones, in a column; means over tasks
    come last. An axis of the recipe that tells lines apart has a column of its own.
    """
    shown = [
        row for kind in ("evaluate", "score") for row in rows if row["kind"] == kind
    ]
    groups = group_results(shown)
    if not groups:
        return ""
    axes = list(dict.fromkeys(axis for group in groups for axis in group.labels))
    metrics = list(dict.fromkeys(group.metric for group in groups))
    several = len(metrics) > 1
    found = [split for group in groups for split in group.spreads]
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
    for group in groups:
        speed, size = group.examples_per_second, group.size_mb
        lines.append(
            (
                group.task,
                group.method,
                group.size,
                *(group.labels.get(axis, "–") for axis in axes),
                *([group.metric] if several else []),
                *(_spread(group, split) for split in splits),
                group.seeds,
                f"{group.parameters:,}" if group.parameters else "–",
                f"{size:.1f}" if size else "–",
                f"{speed:,.0f}" if speed else "–",
                f"{group.speed_up:.1f}×" if group.speed_up else "–",
            )
        )
    return aligned(lines, left=3 + len(axes) + several)


def _spread(group: ResultGroup, split: str) -> str:
    found = group.spreads.get(split)
    if found is None:
        return "–"
    if found.sd is None:
        return f"{found.mean:.1f}"
    return f"{found.mean:.1f} ± {found.sd:.1f}"


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
