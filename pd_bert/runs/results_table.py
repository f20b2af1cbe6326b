"""The table of the evaluated models of a run."""

from collections.abc import Iterable, Sequence

from pd_bert.runs.group_results import group_results
from pd_bert.runs.result_group import ResultGroup, ResultRow

_SPLITS = ("dev", "test")


def results_table(rows: Sequence[ResultRow]) -> str:
    """Returns a table of the evaluated models, one line per method and size.

    `rows` are those of results.json. Metrics are mean ± sd over seeds. The speed-up is
    over the method `teacher`, where there is one. The metric is named in the header or,
    where tasks have different ones, in a column; means over tasks come last.
    """
    shown = [
        row for kind in ("evaluate", "score") for row in rows if row["kind"] == kind
    ]
    groups = group_results(shown)
    if not groups:
        return ""
    names = name_columns(groups)
    metric = "" if "metric" in names else f" {groups[0].metric}"
    splits = dict.fromkeys([*_SPLITS, *splits_of(groups)])
    columns = names | {
        **{f"{split}{metric} %": [_mean(g, split) for g in groups] for split in splits},
        "seeds": [each.seeds for each in groups],
        "parameters": [_number(each.parameters) for each in groups],
        "MB": [_number(each.size_mb, 1) for each in groups],
        "examples/s": [_number(each.examples_per_second) for each in groups],
        "speed-up": [_number(each.speed_up, 1, "×") for each in groups],
    }
    return aligned(in_lines(columns), left=len(names))


def name_columns(groups: Sequence[ResultGroup]) -> dict[str, list[str]]:
    """Returns the columns that name the groups: the metric only where it differs."""
    labels = dict.fromkeys(label for each in groups for label in each.labels)
    columns = {
        "task": [each.task for each in groups],
        "method": [each.method for each in groups],
        "size": [each.size for each in groups],
        **{name: [g.labels.get(name, "–") for g in groups] for name in labels},
    }
    if len({each.metric for each in groups}) > 1:
        columns["metric"] = [each.metric for each in groups]
    return columns


def splits_of(groups: Iterable[ResultGroup]) -> tuple[str, ...]:
    """Returns the measured splits: dev and test first."""
    found = dict.fromkeys(split for each in groups for split in each.spreads)
    return tuple(dict.fromkeys([*(s for s in _SPLITS if s in found), *found]))


def in_lines(columns: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """Returns the header and the lines of a table that is given by columns."""
    return [tuple(columns), *zip(*columns.values(), strict=True)]


def aligned(lines: Sequence[Sequence[str]], *, left: int = 3) -> str:
    """Returns lines in columns of one width each, the first `left` left-aligned."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _mean(group: ResultGroup, split: str) -> str:
    found = group.spreads.get(split)
    if found is None:
        return "–"
    return f"{found.mean:.1f}" + ("" if found.sd is None else f" ± {found.sd:.1f}")


def _number(value: float | None, digits: int = 0, unit: str = "") -> str:
    return "–" if value is None else f"{value:,.{digits}f}{unit}"
