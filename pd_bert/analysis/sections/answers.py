"""Section: how right and how sure each method's models are."""

from markupsafe import Markup

from pd_bert.analysis.calibration import bins, confusion_counts, judged
from pd_bert.analysis.content import (
    Block,
    Cell,
    Csv,
    Drawing,
    Paragraph,
    Section,
    Table,
    anchor,
    number,
)
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.plots.calibration import Judged, calibration
from pd_bert.analysis.plots.confusion import confusion
from pd_bert.analysis.plots.svg import svg
from pd_bert.analysis.summary import Summary

_BINS = ("low", "high", "count", "confidence", "accuracy")
# More labels than that make cells too small to read; the CSV has them.
_MOST_LABELS = 30


def answers(evidence: Evidence) -> Section:
    """Calibration and confusion, of each method the size that is best on dev."""
    blocks: list[Block] = []
    calibrated: list[tuple[Cell, ...]] = []
    confused: list[tuple[Cell, ...]] = []
    for task in evidence.tasks:
        found = [
            (each, evidence.split_of(each))
            for each in evidence.foremost(task)
            if not each.predictions(evidence.split_of(each))[0].is_regression
        ]
        if not found:
            continue
        models = [judged(each.title, each.predictions(split)) for each, split in found]
        blocks += _calibration(task, found[0][1], models)
        for (each, split), model in zip(found, models, strict=True):
            for bin in bins(model):
                figures = [getattr(bin, name) for name in _BINS]
                calibrated.append((task, split, model.name, *figures))
            names = _labels(each, split)
            counts = confusion_counts(each.predictions(split))
            if len(names) <= _MOST_LABELS:
                blocks.append(_confusion(task, split, each))
            confused += [
                (task, split, model.name, gold, predicted, int(counts[i, j]))
                for i, gold in enumerate(names)
                for j, predicted in enumerate(names)
            ]
    if not blocks:
        blocks = [
            Paragraph(
                text="No classifier's predictions are stored in these runs: there is "
                "nothing to tell of calibration and confusions."
            )
        ]
    files: list[Csv] = []
    start = ("task", "split", "model")
    if calibrated:
        files = [
            Csv(name="calibration", header=(*start, *_BINS), rows=tuple(calibrated)),
            Csv(
                name="confusion",
                header=(*start, "gold", "predicted", "count"),
                rows=tuple(confused),
            ),
        ]
    return Section(
        name="answers",
        title="Calibration and confusion",
        blocks=tuple(blocks),
        files=tuple(files),
    )


def _calibration(task: str, split: str, models: list[Judged]) -> list[Block]:
    title = f"{task}: calibration on {split}"
    caption = (
        f"{title}. Accuracy against confidence, the largest probability, in ten bins; "
        "the predictions of all seeds together. ECE is the expected calibration error."
    )
    drawn = svg(
        calibration(models),
        name=f"calibration-{anchor(task)}",
        title=title,
        description=caption,
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
    return [Drawing(caption=caption, svg=Markup(drawn)), table]


def _confusion(task: str, split: str, each: Summary) -> Drawing:
    predictions = each.predictions(split)
    title = f"{task}: {each.title} on {split}"
    caption = (
        f"{title}: which gold labels are taken for which. Counts are summed over the "
        f"seeds ({len(predictions)}), percentages are of the gold label's row."
    )
    picture = confusion(
        confusion_counts(predictions), labels=_labels(each, split), title=each.title
    )
    name = f"confusion-{anchor(task)}-{anchor(each.title)}"
    return Drawing(
        caption=caption,
        svg=Markup(svg(picture, name=name, title=title, description=caption)),
        narrow=True,
    )


def _labels(each: Summary, split: str) -> list[str]:
    first = each.predictions(split)[0]
    return [first.label_name(index) for index in range(first.logits.shape[1])]
