"""Section: what is missing."""

from pd_bert.analysis.content import Csv, Paragraph, Section, Table
from pd_bert.analysis.evidence import Evidence

_HEADER = ("working directory", "stage", "state", "error", "last event")


def unfinished_stages(evidence: Evidence) -> Section:
    """The stages that failed, were stopped or never began."""
    rows = tuple(
        (each.workdir, each.stage, each.state, each.error, each.time)
        for each in evidence.runs.unfinished
    )
    if not rows:
        block = Paragraph(text="All stages that the runs wanted are finished.")
        return Section(name="unfinished", title="Unfinished stages", blocks=(block,))
    table = Table(
        caption="Stages without an artifact. One that is begun and not finished may be "
        "running still. Times are UTC.",
        header=_HEADER,
        rows=tuple(tuple(cell or "–" for cell in row) for row in rows),
        names=len(_HEADER),
        wide=(3,),
    )
    return Section(
        name="unfinished",
        title="Unfinished stages",
        blocks=(table,),
        files=(Csv(name="unfinished", header=_HEADER, rows=rows),),
    )
