"""Section: the figures that the recipes ask for."""

from collections.abc import Sequence

from markupsafe import Markup

from pd_bert.analysis.content import Block, Csv, Drawing, Section, Table, number
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.figure_data import PAPER, RUN, Datum, figure_data
from pd_bert.analysis.plots.curves import Line, Panel, curves
from pd_bert.analysis.plots.svg import svg
from pd_bert.stages.figure import Figure

_HEADER = ("panel", "line", "x", "mean", "sd", "low", "high", "n", "source")
# Files of other sections.
_TAKEN = (
    "runs",
    "pareto",
    "learning_curves",
    "calibration",
    "confusion",
    "disagreements",
    "unfinished",
    "transfer",
    "lineage",
)


def recipe_figures(evidence: Evidence) -> Section:
    """Each figure with the paper's own numbers in a panel and a table beside it."""
    blocks: list[Block] = []
    files = []
    order = tuple(dict.fromkeys(each.method for each in evidence.summaries))
    for figure in evidence.runs.figures:
        data = figure_data(figure, evidence.runs.measured)
        blocks.append(_drawing(figure, data, evidence.metric, order))
        if any(each.source == PAPER for each in data):
            blocks.append(_beside(figure, data))
        files.append(_csv(figure, data))
    return Section(
        name="figures",
        title="Figures of the recipe",
        blocks=tuple(blocks),
        files=tuple(files),
    )


def _drawing(
    figure: Figure, data: Sequence[Datum], metric: str, order: Sequence[str]
) -> Drawing:
    panels = dict.fromkeys((each.source, each.panel) for each in data)
    drawn = [
        Panel(
            title=panel or ("this run" if len(panels) > 1 else ""),
            lines=_lines([d for d in data if (d.source, d.panel) == (source, panel)]),
        )
        for source, panel in panels
    ]
    picture = curves(
        drawn or [Panel(title="", lines=())],
        x_label=figure.x_label,
        y_label=_y_label(figure, metric),
        log_x=figure.log_x,
        order=figure.methods or order,
    )
    counts = [each.spread.n for each in data if each.source == RUN]
    ends = sorted({min(counts, default=0), max(counts, default=0)})
    seeds = f"{' to '.join(map(str, ends))} runs a point"
    caption = f"{figure.title}. Means over seeds with their 95 % t intervals, {seeds}."
    if figure.paper:
        caption += f" The paper's numbers: {figure.paper_label}."
    return Drawing(
        caption=caption,
        svg=Markup(
            svg(
                picture,
                name=f"figure-{figure.name}",
                title=figure.title,
                description=caption,
            )
        ),
    )


def _lines(data: Sequence[Datum]) -> tuple[Line, ...]:
    names = dict.fromkeys(each.line for each in data)
    lines = []
    for name in names:
        points = [each for each in data if each.line == name]
        lines.append(
            Line(
                name=name,
                x=tuple(each.x for each in points),
                y=tuple(each.spread.mean for each in points),
                low=tuple(each.spread.low for each in points),
                high=tuple(each.spread.high for each in points),
            )
        )
    return tuple(lines)


def _y_label(figure: Figure, metric: str) -> str:
    if figure.y is not None:
        return figure.y_label
    if figure.meta_score:
        return "meta-score on dev (%)"
    return f"{figure.split} {metric} (%)"


def _beside(figure: Figure, data: Sequence[Datum]) -> Table:
    """The paper's numbers with the runs' at the same line and x."""
    ours: dict[tuple[str, object], list[Datum]] = {}
    for each in data:
        if each.source == RUN:
            ours.setdefault((each.line, each.x), []).append(each)
    rows = []
    for each in data:
        if each.source == PAPER:
            met = ours.get((each.line, each.x), [])
            shown = [number(run.spread.mean) for run in met]
            gaps = [f"{run.spread.mean - each.spread.mean:+.1f}" for run in met]
            rows.append(
                (
                    each.line,
                    each.x if isinstance(each.x, str) else f"{each.x:g}",
                    number(each.spread.mean),
                    ", ".join(shown) or "–",
                    ", ".join(gaps) or "–",
                )
            )
    return Table(
        caption=f"{figure.title}. The paper's numbers ({figure.paper_label}) and those "
        f"of this run: {_y_label(figure, 'metric')}.",
        header=(figure.lines, figure.x_label, "paper", "this run", "difference"),
        rows=tuple(rows),
        names=2,
    )


def _csv(figure: Figure, data: Sequence[Datum]) -> Csv:
    return Csv(
        name=f"figure_{figure.name}" if figure.name in _TAKEN else figure.name,
        header=_HEADER,
        rows=tuple(
            (
                each.panel,
                each.line,
                each.x,
                each.spread.mean,
                each.spread.sd,
                each.spread.low,
                each.spread.high,
                each.spread.n,
                each.source,
            )
            for each in data
        ),
    )
