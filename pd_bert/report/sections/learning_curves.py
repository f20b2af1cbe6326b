"""Section: learning curves."""

import dataclasses

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.logs import DEV, LOSS, histories
from pd_bert.report.content import Block, Csv, Section, anchor, drawing
from pd_bert.report.plots.learning import learning


def learning_curves(evidence: Evidence) -> Section:
    """Returns loss against steps, and each metric on dev against steps."""
    found = histories(evidence.runs)
    blocks: list[Block] = []
    for tag in sorted(found, key=lambda tag: (tag != LOSS, tag)):
        on_dev = tag.startswith(DEV)
        metric = tag.removeprefix(DEV)
        title = f"Dev {metric} during training" if on_dev else "Training loss"
        in_nats = metric == LOSS or metric.endswith("_loss")
        y_label = f"{'dev ' if on_dev else ''}{metric} ({'nats' if in_nats else '%'})"
        caption = f"{title}, one panel per kind of stage. " + (
            "Measured while training, to choose the best step."
            if on_dev
            else "Each point is the mean over the steps of one call; stages of "
            "different kinds have different objectives."
        )
        scale = 1 if in_nats else 100
        drawn = [
            dataclasses.replace(
                each, values=tuple(scale * value for value in each.values)
            )
            for each in found[tag]
        ]
        picture = learning(drawn, y_label=y_label)
        name = f"learning-{anchor(tag)}"
        blocks.append(drawing(picture, name=name, title=title, caption=caption))
    rows = tuple(
        (each.kind, each.name, tag, step, value)
        for tag, several in found.items()
        for each in several
        for step, value in zip(each.steps, each.values, strict=True)
    )
    header = ("kind", "stage", "tag", "step", "value")
    return Section(
        name="learning",
        title="Learning curves",
        blocks=tuple(blocks),
        files=(Csv(name="learning_curves", header=header, rows=rows),),
    )
