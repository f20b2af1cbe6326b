"""Section: calibration and confusion of each method's models."""

from pd_bert.analysis.agreement import Judged, confusion_counts, judged
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.predictions import Predictions
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
from pd_bert.report.plots.calibration import calibration
from pd_bert.report.plots.confusion import confusion
from pd_bert.runs.result_group import ResultGroup

_BINS = ("low", "high", "count", "confidence", "accuracy")
# More labels than that make cells too small to read; the CSV has them.
_MOST_LABELS = 30


def answers(evidence: Evidence) -> Section:
    """Returns calibration and confusion of each method's best size on dev."""
    blocks: list[Block] = []
    calibrated: list[tuple[Cell, ...]] = []
    confused: list[tuple[Cell, ...]] = []
    for task in evidence.tasks:
        split = evidence.split_of(task)
        said = {each: evidence.predictions(each) for each in evidence.foremost(task)}
        found = [each for each in said if not said[each][0].is_regression]
        if not found:
            continue
        models = [judged(each.title, said[each]) for each in found]
        shown = [e for e in evidence.of_task(task) if evidence.predictions(e)]
        left_out = evidence.left_out(task, shown, "without predictions on it")
        blocks += _calibration(task, split, models, left_out)
        for each, model in zip(found, models, strict=True):
            for bin in model.bins:
                figures = [getattr(bin, name) for name in _BINS]
                calibrated.append((task, split, model.name, *figures))
            names = said[each][0].label_names
            counts = confusion_counts(said[each])
            if len(names) <= _MOST_LABELS:
                blocks.append(_confusion(split, each, said[each]))
            confused += [
                (task, split, model.name, gold, predicted, int(counts[i, j]))
                for i, gold in enumerate(names)
                for j, predicted in enumerate(names)
            ]
    if not blocks:
        blocks = [
            Paragraph(
                text="No classifier's predictions are stored in these runs: there is "
                "neither calibration nor confusion to show."
            )
        ]
    start = ("task", "split", "model")
    confusions = (*start, "gold", "predicted", "count")
    return Section(
        name="answers",
        title="Calibration and confusion",
        blocks=tuple(blocks),
        files=(
            Csv(name="calibration", header=(*start, *_BINS), rows=tuple(calibrated)),
            Csv(name="confusion", header=confusions, rows=tuple(confused)),
        ),
    )


def _calibration(
    task: str, split: str, models: list[Judged], left_out: str
) -> list[Block]:
    title = f"{task}: calibration on {split}"
    caption = (
        f"{title}. Accuracy against confidence, the largest probability, in ten bins; "
        "the predictions of all seeds together, intervals as of a single seed. ECE is "
        f"the expected calibration error.{left_out}"
    )
    drawn = drawing(
        calibration(models),
        name=f"calibration-{anchor(task)}",
        title=title,
        caption=caption,
    )
    table = Table(
        caption=f"{title}, in percent. Confidence and accuracy are means over the "
        "predictions of all seeds.",
        header=("model", "predictions", "confidence %", "accuracy %", "ECE %"),
        rows=tuple(
            (
                each.name,
                f"{len(each.correct):,}",
                number(100 * float(each.confidence.mean())),
                number(100 * float(each.correct.mean())),
                number(100 * each.ece),
            )
            for each in models
        ),
    )
    return [drawn, table]


def _confusion(
    split: str, each: ResultGroup, predictions: tuple[Predictions, ...]
) -> Drawing:
    title = f"{each.task}: {each.title} on {split}"
    caption = (
        f"{title}: which gold labels are taken for which. Counts are summed over the "
        f"seeds ({len(predictions)}), percentages are of the gold label's row."
    )
    picture = confusion(
        confusion_counts(predictions),
        labels=predictions[0].label_names,
        title=each.title,
    )
    name = f"confusion-{anchor(each.task)}-{anchor(each.title)}"
    return drawing(picture, name=name, title=title, caption=caption, narrow=True)
