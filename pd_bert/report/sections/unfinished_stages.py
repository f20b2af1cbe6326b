"""Section: stages that are not finished, and files that cannot be read."""

from pd_bert.analysis.evidence import Evidence
from pd_bert.report.content import Block, Csv, Paragraph, Section, Table

_HEADER = ("working directory", "stage", "state", "error", "last event")


def unfinished_stages(evidence: Evidence) -> Section:
    """Returns stages that failed, were stopped or never began, and faults of files."""
    rows = tuple(
        (each.workdir, each.stage, each.state, each.error, each.time)
        for each in evidence.runs.unfinished
    )
    blocks: list[Block] = [Paragraph(text="All stages that were wanted are finished.")]
    if rows:
        table = Table(
            caption="Stages without an artifact. One that is begun and not finished "
            "may be running still. Times are UTC.",
            header=_HEADER,
            rows=tuple(tuple(cell or "–" for cell in row) for row in rows),
            names=len(_HEADER),
            headers=2,
        )
        blocks = [table]
    blocks += [Paragraph(text=each) for each in evidence.faults]
    return Section(
        name="unfinished",
        title="Unfinished stages",
        blocks=tuple(blocks),
        files=(Csv(name="unfinished", header=_HEADER, rows=rows),),
    )
