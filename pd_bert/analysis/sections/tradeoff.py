"""Section: the metric against what a model costs to serve."""

from markupsafe import Markup

from pd_bert.analysis.content import Block, Csv, Drawing, Section, anchor
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.plots.pareto import Point, pareto
from pd_bert.analysis.plots.svg import svg
from pd_bert.analysis.summary import Summary

# A Summary's field, and how the axis is named.
_COSTS = (
    ("latency_ms", "latency of one example (ms)"),
    ("size_mb", "size of the weights (MB)"),
)


def tradeoff(evidence: Evidence) -> Section:
    """A Pareto plot a task over latency, and one over size."""
    order = tuple(dict.fromkeys(each.method for each in evidence.summaries))
    blocks: list[Block] = []
    rows: list[tuple[str | float | None, ...]] = []
    for task in evidence.tasks:
        for cost, label in _COSTS:
            found = [
                (each, getattr(each, cost))
                for each in evidence.summaries
                if each.task == task and getattr(each, cost)
            ]
            if not found:
                continue
            split = evidence.split_of(found[0][0])
            points = [
                _point(each, x, split) for each, x in found if split in each.spreads
            ]
            y_label = f"{split} {found[0][0].metric} (%)"
            title = f"{task}: {y_label} against {label}"
            caption = (
                f"{title}. On the front are the models that no other beats in both. "
                "Bars are 95 % t intervals over seeds."
            )
            picture = pareto(points, x_label=label, y_label=y_label, order=order)
            name = f"pareto-{anchor(task)}-{cost}"
            drawn = svg(picture, name=name, title=title, description=caption)
            blocks.append(Drawing(caption=caption, svg=Markup(drawn)))
            rows += [
                (task, split, cost, p.group, p.name, p.x, p.y, p.y_low, p.y_high)
                for p in points
            ]
    header = ("task", "split", "cost", "method", "name", "x", "mean", "low", "high")
    return Section(
        name="tradeoff",
        title="Quality against cost",
        blocks=tuple(blocks),
        files=(Csv(name="pareto", header=header, rows=tuple(rows)),) if rows else (),
    )


def _point(each: Summary, x: float, split: str) -> Point:
    found = each.spreads[split]
    return Point(
        name=each.title,
        group=each.method,
        x=x,
        y=found.mean,
        y_low=found.low,
        y_high=found.high,
    )
