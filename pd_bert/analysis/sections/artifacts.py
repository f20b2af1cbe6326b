"""Section: which artifact was made from which."""

from markupsafe import Markup

from pd_bert.analysis.content import Csv, Drawing, Section
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.lineage import boxes
from pd_bert.analysis.plots.lineage import lineage
from pd_bert.analysis.plots.svg import svg


def artifacts(evidence: Evidence) -> Section:
    """The lineage of all artifacts as one picture."""
    found = boxes(evidence.runs)
    title = "Lineage of the artifacts"
    caption = (
        "Each box is an artifact with the first digits of its fingerprint; arrows go "
        "from what was read to what was made of it. ×n stands for n of different seeds "
        "or axes; dashed boxes are unfinished."
    )
    drawn = svg(lineage(found), name="lineage", title=title, description=caption)
    rows = tuple(
        (box.id, box.kind, box.name, box.fingerprint, read)
        for box in found
        for read in box.inputs or ("",)
    )
    header = ("artifact", "kind", "name", "fingerprint", "reads")
    return Section(
        name="lineage",
        title=title,
        blocks=(Drawing(caption=caption, svg=Markup(drawn)),),
        files=(Csv(name="lineage", header=header, rows=rows),),
    )
