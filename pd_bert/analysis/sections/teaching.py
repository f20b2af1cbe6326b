"""Section: whether the teachers can teach, and on what texts."""

from collections.abc import Mapping
from typing import Any

from pd_bert.analysis.content import Block, Cell, Csv, Paragraph, Section
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.runs import folder
from pd_bert.analysis.sections.confidence_blocks import confidence_blocks
from pd_bert.analysis.sections.gate_blocks import gate_blocks
from pd_bert.analysis.sections.transfer_blocks import transfer_blocks


def teaching(evidence: Evidence) -> Section:
    """What the gates, the cleaned transfer sets and the labels tell."""
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for key, tell in (
        ("gate", gate_blocks),
        ("transfer", transfer_blocks),
        ("confidence", confidence_blocks),
    ):
        for row in evidence.runs.rows:
            told = evidence.runs.info(row).get(key)
            if told:
                blocks += tell(row, told)
                rows += _flat(folder(row).name, key, told)
    if not blocks:
        blocks = [
            Paragraph(text="No stage judged a teacher or cleaned a transfer set.")
        ]
    header = ("artifact", "figure", "value")
    return Section(
        name="teaching",
        title="Teacher and transfer set",
        blocks=tuple(blocks),
        files=(Csv(name="transfer", header=header, rows=tuple(rows)),) if rows else (),
    )


def _flat(artifact: str, key: str, told: Any) -> list[tuple[Cell, ...]]:
    """Nested figures as rows, their keys joined by dots."""
    if isinstance(told, Mapping):
        return [
            line
            for name, value in told.items()
            for line in _flat(artifact, f"{key}.{name}", value)
        ]
    if isinstance(told, list | tuple):
        return [
            line
            for index, value in enumerate(told)
            for line in _flat(artifact, f"{key}.{index}", value)
        ]
    return [(artifact, key, told)]
