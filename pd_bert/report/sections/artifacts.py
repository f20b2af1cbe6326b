"""Section: the lineage of the artifacts."""

from collections.abc import Iterable

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.lineage import Branch, branches, lineage
from pd_bert.report.content import Csv, Item, Listing, Section

_DIGITS = 8  # of a fingerprint, for people


def artifacts(evidence: Evidence) -> Section:
    """Returns the lineage as an indented list; the CSV file has each artifact."""
    found = lineage(evidence.runs)
    title = "Lineage of the artifacts"
    caption = (
        "Each artifact stands below the last made of the artifacts that it read; the "
        "others that it read are named behind it. ×n stands for n of different seeds "
        "or axes."
    )
    rows = tuple(
        (each.id, each.kind, each.name, each.seed, each.fingerprint, read)
        for each in found
        for read in each.inputs or ("",)
    )
    header = ("artifact", "kind", "name", "seed", "fingerprint", "reads")
    return Section(
        name="lineage",
        title=title,
        blocks=(Listing(caption=caption, items=_items(branches(found))),),
        files=(Csv(name="lineage", header=header, rows=rows),),
    )


def _items(found: Iterable[Branch]) -> tuple[Item, ...]:
    return tuple(
        Item(
            text=each.members[0].name,
            note=_note(each),
            items=_items(each.branches),
        )
        for each in found
    )


def _note(branch: Branch) -> str:
    first, *rest = branch.members
    seeds = dict.fromkeys(str(m.seed) for m in branch.members if m.seed is not None)
    parts = [
        f"×{1 + len(rest)}" if rest else "",
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if seeds else "",
        "" if rest else first.fingerprint[:_DIGITS],
        f"also reads {', '.join(branch.others)}" if branch.others else "",
        "" if first.finished else "unfinished",
    ]
    return " · ".join(part for part in parts if part)
