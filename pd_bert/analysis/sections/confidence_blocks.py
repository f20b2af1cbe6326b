"""How sure a teacher was of the labels that it stored."""

from collections.abc import Mapping
from typing import Any

from pd_bert.analysis.content import Block, Table, anchor
from pd_bert.analysis.plots.histogram import Bars
from pd_bert.analysis.runs import Row, folder
from pd_bert.analysis.sections.histograms import (
    TENTHS,
    length_edges,
    percent,
    shares_figure,
)


def confidence_blocks(row: Row, told: Mapping[str, Any]) -> list[Block]:
    title = f"{row['stage']!s}: the teacher's answers on the transfer set"
    blocks: list[Block] = [
        Table(
            caption=f"{title}. Mean confidence {percent(told['mean'])} %.",
            header=("label", "share of the texts, %"),
            rows=tuple(
                (name, percent(share)) for name, share in told["labels"].items()
            ),
        ),
        shares_figure(
            f"confidence-{anchor(folder(row).name)}",
            f"{title}: confidence",
            [Bars(name="labels", values=tuple(told["histogram"]))],
            edges=TENTHS,
            x_label="confidence (%)",
            y_label="share of the texts (%)",
        ),
    ]
    by_length = told.get("by_length")
    if by_length:
        means = tuple(None if m is None else 100 * m for m in by_length["mean"])
        blocks.append(
            shares_figure(
                f"by-length-{anchor(folder(row).name)}",
                f"{title}: mean confidence by length",
                [Bars(name="mean confidence", values=means)],
                edges=length_edges(by_length["up_to"]),
                cut=True,
                x_label="length (word pieces)",
                y_label="mean confidence (%)",
                shares=False,
            )
        )
    return blocks
