"""Section: the best student within the limits."""

from pd_bert.analysis.choose import Choice, choose
from pd_bert.analysis.content import Block, Paragraph, Section, Table, number
from pd_bert.analysis.evidence import Evidence
from pd_bert.stages.result_group import ResultGroup


def best_student(evidence: Evidence) -> Section:
    """Of each task, where limits were given."""
    blocks: list[Block] = []
    if evidence.max_latency_ms is not None or evidence.max_size_mb is not None:
        for choice in choose(
            evidence.groups,
            max_latency_ms=evidence.max_latency_ms,
            max_size_mb=evidence.max_size_mb,
            compare=evidence.compare,
        ):
            blocks += _blocks(choice, evidence.timed)
    return Section(name="best", title="The best student", blocks=tuple(blocks))


def _blocks(choice: Choice, timed: str) -> list[Block]:
    blocks: list[Block] = [Paragraph(text=f"{choice.task}: {choice.reason}")]
    shown = [each for each in (choice.best, choice.next_best) if each]
    if shown:
        blocks.append(
            Table(
                caption=f"{choice.task}: the best student within the limits, and the "
                f"next. It was chosen on dev; test is only shown. Latency of {timed}.",
                header=(
                    "student",
                    "dev %",
                    "test %",
                    "seeds",
                    "latency, ms",
                    "size, MB",
                ),
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
