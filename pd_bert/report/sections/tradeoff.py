"""Section: the metric against the cost of serving a model."""

from pd_bert.analysis.evidence import Evidence, common_metric
from pd_bert.report.content import Block, Csv, Section, anchor, drawing
from pd_bert.report.plots.pareto import Point, pareto
from pd_bert.runs.result_group import ResultGroup

# A group's property and the name of its axis.
_COSTS = (
    ("latency_ms", "latency of {timed} (ms)"),
    ("size_mb", "size of the weights (MB)"),
)


def tradeoff(evidence: Evidence) -> Section:
    """Returns one Pareto plot per task over latency, and one over size."""
    blocks: list[Block] = []
    rows: list[tuple[str | float | None, ...]] = []
    for task in evidence.tasks:
        split = evidence.split_of(task)
        measured = [e for e in evidence.of_task(task) if split in e.spreads]
        for cost, named in _COSTS:
            label = named.format(timed=evidence.timed)
            found = [each for each in measured if getattr(each, cost)]
            if not found:
                continue
            points = [_point(each, getattr(each, cost), split) for each in found]
            y_label = f"{split} {common_metric(found)} (%)"
            title = f"{task}: {y_label} against {label}"
            caption = (
                f"{title}. On the front are the models that no other beats in both. "
                "Bars are 95 % t intervals over seeds."
                + evidence.left_out(task, found, "not measured in both")
            )
            picture = pareto(
                points, x_label=label, y_label=y_label, order=evidence.methods
            )
            name = f"pareto-{anchor(task)}-{cost}"
            blocks.append(drawing(picture, name=name, title=title, caption=caption))
            rows += [
                (task, split, cost, p.group, p.name, p.x, p.y, p.y_low, p.y_high)
                for p in points
            ]
    header = ("task", "split", "cost", "method", "name", "x", "mean", "low", "high")
    return Section(
        name="tradeoff",
        title="Quality against cost",
        blocks=tuple(blocks),
        files=(Csv(name="pareto", header=header, rows=tuple(rows)),),
    )


def _point(each: ResultGroup, x: float, split: str) -> Point:
    found = each.spreads[split]
    return Point(
        name=each.title,
        group=each.method,
        x=x,
        y=found.mean,
        y_low=found.low,
        y_high=found.high,
    )
