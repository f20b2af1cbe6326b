"""Section: the figures of the recipes."""

from collections.abc import Sequence

from pd_bert.analysis.evidence import Evidence, common_metric
from pd_bert.analysis.figure_data import PAPER, RUN, Datum, drawn, figure_data
from pd_bert.report.content import (
    Block,
    Csv,
    Drawing,
    Section,
    Table,
    drawing,
    number,
)
from pd_bert.report.plots.curves import Line, Panel, curves
from pd_bert.runs.figure import Figure
from pd_bert.runs.group_results import group_results
from pd_bert.runs.result_group import ResultGroup

_SPREAD = ("mean", "sd", "low", "high", "n")


def recipe_figures(evidence: Evidence) -> Section:
    """Returns each figure, the paper's own numbers in a panel and a table beside it."""
    blocks: list[Block] = []
    files = []
    over_tasks = group_results(evidence.runs.measured, over_tasks=True)
    for figure, directories in evidence.runs.figures:
        groups = over_tasks if figure.meta_score else evidence.groups
        data = figure_data(figure, groups, directories)
        shown = [each for each in groups if drawn(figure, each, directories)]
        y_label = _y_label(figure, shown)
        # The mean of an unfinished run may be over some of the tasks only.
        tasks = sorted({row["task"] for each in shown for row in each.rows})
        over = f" Tasks: {', '.join(tasks)}." if figure.meta_score else ""
        blocks.append(_drawing(figure, data, y_label, evidence.methods, over))
        if any(each.source == PAPER for each in data):
            blocks.append(_beside(figure, data, y_label))
        files.append(_csv(figure, data))
    return Section(
        name="figures",
        title="Figures of the recipe",
        blocks=tuple(blocks),
        files=tuple(files),
    )


def _drawing(
    figure: Figure,
    data: Sequence[Datum],
    y_label: str,
    methods: Sequence[str],
    over: str,
) -> Drawing:
    panels = dict.fromkeys((each.source, each.panel) for each in data)
    shown = [
        Panel(
            title=panel or ("this run" if len(panels) > 1 else ""),
            lines=_lines([d for d in data if (d.source, d.panel) == (source, panel)]),
        )
        for source, panel in panels
    ]
    picture = curves(
        shown or [Panel(title="", lines=())],
        x_label=figure.x_label,
        y_label=y_label,
        log_x=figure.log_x,
        connected=figure.connected,
        order=methods if figure.lines == "method" else (),
    )
    counts = [each.spread.n for each in data if each.source == RUN]
    ends = sorted({min(counts, default=0), max(counts, default=0)})
    seeds = f"{' to '.join(map(str, ends))} seed{'' if ends == [1] else 's'} per point"
    caption = f"{figure.title}.{over} "
    if counts:
        caption += f"Means over seeds with their 95 % t intervals, {seeds}."
    else:
        caption += "No run has a value for it."
    if figure.paper:
        caption += f" The paper's numbers: {figure.paper_label}."
    return drawing(
        picture, name=f"figure-{figure.name}", title=figure.title, caption=caption
    )


def _lines(data: Sequence[Datum]) -> tuple[Line, ...]:
    names = dict.fromkeys(each.line for each in data)
    points = {name: [each for each in data if each.line == name] for name in names}
    return tuple(
        Line(
            name=name,
            x=tuple(each.x for each in own),
            y=tuple(each.spread.mean for each in own),
            low=tuple(each.spread.low for each in own),
            high=tuple(each.spread.high for each in own),
        )
        for name, own in points.items()
    )


def _y_label(figure: Figure, groups: Sequence[ResultGroup]) -> str:
    if figure.y is not None:
        return figure.y_label
    if figure.meta_score:
        return "meta-score on dev (%)"
    return f"{figure.split} {common_metric(groups) if groups else 'metric'} (%)"


def _beside(figure: Figure, data: Sequence[Datum], y_label: str) -> Table:
    """The paper's numbers and those of each panel of the runs, line by line.

    They stand in one row where both have a line's x, else in rows of their own.
    """
    panels = list(dict.fromkeys(each.panel for each in data if each.source == RUN))
    columns = [(PAPER, ""), *((RUN, panel) for panel in panels)]
    found = {
        (each.source, each.panel if each.source == RUN else "", each.line, each.x): each
        for each in data
    }
    lines = list(dict.fromkeys(each.line for each in data))
    # Names in the order in which they are drawn; numbers of all panels together.
    places = list(dict.fromkeys(each.x for each in data))
    places.sort(key=lambda x: x if isinstance(x, float) else 0.0)
    rows = []
    for line in lines:
        for x in places:
            held = [found.get((*column, line, x)) for column in columns]
            if any(held):
                cells = (number(each.spread.mean if each else None) for each in held)
                rows.append((line, _shown(x), *cells))
    return Table(
        caption=f"{figure.title}, {y_label}. The paper's numbers are those of "
        f"{figure.paper_label}; beside them are this run's, of its own texts and "
        "models.",
        header=(
            figure.lines,
            figure.x_label,
            "paper",
            *(panel or "this run" for panel in panels),
        ),
        rows=tuple(rows),
        names=2,
        headers=2,
    )


def _shown(x: float | str) -> str:
    if isinstance(x, str):
        return x
    return f"{x:,.0f}" if x.is_integer() else f"{x:g}"


def _csv(figure: Figure, data: Sequence[Datum]) -> Csv:
    rows = tuple(
        (d.panel, d.line, d.x, *(getattr(d.spread, n) for n in _SPREAD), d.source)
        for d in data
    )
    header = ("panel", "line", "x", *_SPREAD, "source")
    return Csv(name=f"figure-{figure.name}", header=header, rows=rows)
