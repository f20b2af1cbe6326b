"""Section: size and speed of students against their teachers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.analysis.compressions import (
    Compressed,
    MeasuredModel,
    compressions,
    teachers,
)
from pd_bert.analysis.evidence import Evidence
from pd_bert.report.content import (
    Block,
    Cell,
    Csv,
    Drawing,
    Paragraph,
    Section,
    Table,
    anchor,
    drawing,
    number,
)
from pd_bert.report.plots.pareto import Point, pareto

_MILLION = 1e6
_SIZES = ("parameters", "without_embeddings", "size_bytes")
_SPEEDS = ("median_ms", "p95_ms", "examples_per_second")


def compression(evidence: Evidence) -> Section:
    """Returns one table and, where metrics are known, two Pareto plots per task."""
    found = compressions(evidence)
    blocks: list[Block] = []
    for task in dict.fromkeys(each.task for each in found):
        own = [each for each in found if each.task == task]
        blocks.append(_table(task, own))
        labels = dict.fromkeys(_paper_label(e.paper) for e in own if e.paper)
        blocks += [Paragraph(text=label) for label in labels]
        blocks += _drawings(task, own, evidence)
    return Section(
        name="compression",
        title="Compression",
        blocks=tuple(blocks),
        files=(_csv(found),),
    )


def _table(task: str, found: Sequence[Compressed]) -> Table:
    sizes = sorted({size for each in found for size in each.speed_up})
    models = [each.student for each in found] + [each.teacher for each in found]
    metric = next((m.metric_name for m in models if m.metric is not None), "")
    rows = []
    for teacher in teachers(found):
        rows.append(_line(teacher, sizes, metric, ratios={}, speed_up={}))
        for each in (e for e in found if e.teacher.id == teacher.id):
            rows.append(
                _line(
                    each.student,
                    sizes,
                    metric,
                    ratios=each.ratios,
                    speed_up=each.speed_up,
                )
            )
            if each.paper:
                rows.append(_paper_line(each.paper, sizes, metric))
    lengths = " or ".join(map(str, dict.fromkeys(each.length for each in found)))
    runs = " or ".join(map(str, dict.fromkeys(each.runs for each in found)))
    texts = {each.signature for each in found} != {"token_ids"}
    caption = (
        f"{task}: students against their teachers, from their SavedModels. × is the "
        "teacher's figure over the student's. M: 10⁶. Without embeddings: not counting "
        "those of tokens, positions and segments. MB: 10⁶ bytes on disk. Student and "
        f"teacher ran in turns, {runs} times per batch size, on inputs of exactly "
        f"{lengths} word pieces, {'raw text' if texts else 'as ids'}. Of one text the "
        "median time, in brackets the 95th percentile; of larger batches the examples "
        "per second that these times give."
    )
    header = (
        "model",
        *((f"{metric} %",) if metric else ()),
        "parameters, M",
        "without embeddings, M",
        "MB",
        *(_speed_header(size) for size in sizes),
    )
    return Table(caption=caption, header=header, rows=tuple(rows))


def _speed_header(batch_size: int) -> str:
    unit = "ms" if batch_size == 1 else "examples/s"
    return f"batch of {batch_size}, {unit}"


def _line(
    model: MeasuredModel,
    sizes: Sequence[int],
    metric: str,
    *,
    ratios: Mapping[str, float],
    speed_up: Mapping[int, float],
) -> tuple[str, ...]:
    return (
        model.name,
        *((number(model.metric),) if metric else ()),
        _with(_millions(model.parameters), ratios.get("parameters")),
        _with(
            _millions(model.without_embeddings),
            ratios.get("without_embeddings"),
        ),
        _with(_millions(model.size_bytes), ratios.get("size_bytes")),
        *(
            _with(_speed(model.speeds.get(size), size), speed_up.get(size))
            for size in sizes
        ),
    )


def _speed(found: Mapping[str, float] | None, batch_size: int) -> str:
    if found is None:
        return "–"
    median, slow = found["median_ms"], found["p95_ms"]
    if batch_size == 1:
        return f"{number(median, 2)} ({number(slow, 2)})"
    at_median, at_slow = (1000 * batch_size / ms for ms in (median, slow))
    return f"{number(at_median, 0)} ({number(at_slow, 0)})"


def _millions(value: float | None) -> str:
    """A number in millions, small ones with more digits."""
    if value is None:
        return "–"
    return number(value / _MILLION, 1 if value >= _MILLION else 3)


def _with(text: str, ratio: float | None) -> str:
    """A figure, and the ratio in the line below it."""
    return text if ratio is None else f"{text}\n{number(ratio, unit='×')}"


def _paper_line(
    paper: Mapping[str, Any], sizes: Sequence[int], metric: str
) -> tuple[str, ...]:
    speed_up = {int(size): times for size, times in paper["speed_up"]}
    return (
        f"paper: {paper['name']}",
        *((number(paper["metric"]),) if metric else ()),
        _with(
            _millions(paper["parameters"]),
            paper["compression"],
        ),
        "–",
        "–",
        *(number(speed_up.get(size), unit="×") for size in sizes),
    )


def _paper_label(paper: Mapping[str, Any]) -> str:
    return f"The paper's numbers, {paper['name']}: {paper['label']}."


def _drawings(
    task: str, found: Sequence[Compressed], evidence: Evidence
) -> list[Drawing]:
    """The metric against size and against the time of the smallest batch."""
    models = [*(each.student for each in found), *teachers(found)]
    models = [each for each in models if each.metric is not None]
    if not models:
        return []
    batch_size = min(size for each in models for size in each.speeds)
    timed = "one text" if batch_size == 1 else f"a batch of {batch_size}"
    y_label = f"{found[0].split} {models[0].metric_name} (%)"
    drawn = []
    for cost, label in (
        ("size", "size of the SavedModel (MB)"),
        ("latency", f"median time of {timed} (ms)"),
    ):
        points = [
            Point(
                name=each.name,
                group=each.method,
                x=each.size_mb
                if cost == "size"
                else each.speeds[batch_size]["median_ms"],
                y=each.metric or 0.0,
            )
            for each in models
            if cost == "size" or batch_size in each.speeds
        ]
        title = f"{task}: {y_label} against {label}"
        picture = pareto(points, x_label=label, y_label=y_label, order=evidence.methods)
        name = f"compression-{anchor(task)}-{cost}"
        caption = f"{title}. On the front are the models that no other beats in both."
        drawn.append(drawing(picture, name=name, title=title, caption=caption))
    return drawn


def _csv(found: Sequence[Compressed]) -> Csv:
    """Returns two rows per pair: a teacher comes once per student."""
    sizes = sorted({size for each in found for size in each.speed_up})
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        for side, model in (("student", each.student), ("teacher", each.teacher)):
            ratios = each.ratios if side == "student" else {}
            speed_up = each.speed_up if side == "student" else {}
            cells: list[Cell] = [each.task, each.student.name, side, model.name]
            cells += [each.split, model.metric_name, model.metric]
            cells += [getattr(model, name) for name in _SIZES]
            cells += [ratios.get(name) for name in _SIZES]
            for size in sizes:
                cells += [model.speeds.get(size, {}).get(name) for name in _SPEEDS]
                cells += [speed_up.get(size)]
            rows.append(tuple(cells))
    header = (
        *("task", "pair", "side", "name", "split", "metric", "value"),
        *_SIZES,
        *(f"{name}_ratio" for name in _SIZES),
        *(f"batch_{size}_{name}" for size in sizes for name in (*_SPEEDS, "speed_up")),
    )
    return Csv(name="compression", header=header, rows=tuple(rows))
