"""Section: the best student within the limits."""

import functools
from collections.abc import Sequence

from pd_bert.analysis.choose import Choice, choose
from pd_bert.analysis.evidence import Evidence
from pd_bert.report.content import Block, Cell, Csv, Paragraph, Section, Table, number
from pd_bert.runs.result_group import ResultGroup

_HEADER = ("student", "dev %", "test %", "seeds", "latency, ms", "size, MB")


def best_student(evidence: Evidence) -> Section:
    """Returns each task's best student, where limits were given."""
    choices = _choices(evidence)
    blocks: list[Block] = []
    for choice in choices:
        blocks += _blocks(choice, evidence.timed)
    return Section(
        name="best",
        title="The best student",
        blocks=tuple(blocks),
        files=(_csv(choices),),
    )


def best_text(evidence: Evidence) -> str:
    """Returns the same for a terminal, one line per task; "" without limits."""
    return "".join(f"{each.task}: {each.reason}\n" for each in _choices(evidence))


@functools.lru_cache(maxsize=1)
def _choices(evidence: Evidence) -> tuple[Choice, ...]:
    if evidence.max_latency_ms is None and evidence.max_size_mb is None:
        return ()
    return choose(
        evidence.groups,
        max_latency_ms=evidence.max_latency_ms,
        max_size_mb=evidence.max_size_mb,
        compare=evidence.compare,
    )


def _csv(choices: Sequence[Choice]) -> Csv:
    rows: list[tuple[Cell, ...]] = []
    for choice in choices:
        for rank, each in enumerate((choice.best, choice.next_best), 1):
            figures: tuple[Cell, ...] = (None,) * 4
            if each:
                dev = each.spreads["dev"].mean
                figures = (each.title, dev, each.latency_ms, each.size_mb)
            if each or rank == 1:  # which has the reason
                rows.append((choice.task, rank, *figures, choice.reason))
    header = ("task", "rank", "student", "dev_mean", "latency_ms", "size_mb", "reason")
    return Csv(name="best", header=header, rows=tuple(rows))


def _blocks(choice: Choice, timed: str) -> list[Block]:
    blocks: list[Block] = [Paragraph(text=f"{choice.task}: {choice.reason}")]
    shown = [each for each in (choice.best, choice.next_best) if each]
    if shown:
        blocks.append(
            Table(
                caption=f"{choice.task}: the best student within the limits, and the "
                f"next. It was chosen on dev; test is only shown. Latency of {timed}.",
                header=_HEADER,
                rows=tuple(map(_row, shown)),
            )
        )
    return blocks


def _row(each: ResultGroup) -> tuple[str, ...]:
    test = each.spreads.get("test")
    return (
        each.title,
        number(each.spreads["dev"].mean),
        number(test.mean if test else None),
        each.seeds,
        number(each.latency_ms, 2),
        number(each.size_mb),
    )
