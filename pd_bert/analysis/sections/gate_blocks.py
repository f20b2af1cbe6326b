"""What a teacher's gate found."""

from collections.abc import Mapping
from typing import Any

from pd_bert.analysis.content import Block, Table, anchor, number
from pd_bert.analysis.plots.histogram import Bars
from pd_bert.analysis.runs import Row, folder
from pd_bert.analysis.sections.histograms import TENTHS, percent, shares_figure


def gate_blocks(row: Row, told: Mapping[str, Any]) -> list[Block]:
    title = f"{row['stage']!s}: the teacher on {told.get('split', 'dev')}"
    order = told.get("best_permutation")
    always = f"always answering {told.get('majority_label') or '–'}"
    verdict = "passed"
    if not told.get("passed"):
        verdict = f"accepted in spite of this: {told.get('reason')}"
    lines = [
        (f"{told.get('primary_metric', 'metric')} %", percent(told.get("metric"))),
        (f"{always}, %", percent(told.get("majority"))),
        ("accuracy %", percent(told.get("accuracy"))),
        (
            "accuracy in the best order of its labels, %",
            percent(told.get("best_permutation_accuracy")),
        ),
        ("the best order of its labels", ", ".join(map(str, order)) if order else "–"),
        (
            "expected calibration error, %",
            percent(told.get("expected_calibration_error")),
        ),
        ("examples", number(told.get("count"), 0)),
        ("verdict", verdict),
    ]
    blocks: list[Block] = [
        Table(
            caption=f"{title}. It passes if it is better than always answering the "
            "most frequent label and no other order of its labels is more often right.",
            header=("figure", "value"),
            rows=tuple(
                # Accuracy may be the primary metric.
                (name, value)
                for name, value in dict(lines).items()
                if value != "–"
            ),
        )
    ]
    sure = told.get("confidence")
    if sure:
        blocks.append(
            shares_figure(
                f"gate-{anchor(folder(row).name)}",
                f"{title}: confidence of right and wrong answers",
                [
                    Bars(name=name, values=tuple(sure[name]))
                    for name in ("right", "wrong")
                    if name in sure
                ],
                edges=TENTHS,
                x_label="confidence (%)",
                y_label="share of the right and of the wrong answers (%)",
            )
        )
    return blocks
