"""Section: which artifact was made from which."""

import graphlib
from collections.abc import Sequence

from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.runs import ResultRow, Runs, folder
from pd_bert.artifact import made_of
from pd_bert.report.content import Csv, Section, drawing
from pd_bert.report.plots.lineage import Box, lineage

_MOST_BOXES = 40


def artifacts(evidence: Evidence) -> Section:
    """The lineage of all artifacts as one picture.

    Where they are more than 40, those that differ in seed or axes alone are one box,
    which says how many it stands for. The CSV file has each.
    """
    found = boxes(evidence.runs)
    shown = found if len(found) <= _MOST_BOXES else merged(evidence.runs, found)
    title = "Lineage of the artifacts"
    caption = (
        "Each box is an artifact with the first digits of its fingerprint; arrows go "
        "from what was read to what was made of it. ×n stands for n of different seeds "
        "or axes; dashed boxes are unfinished."
    )
    rows = tuple(
        (box.id, box.kind, box.name, box.fingerprint, read)
        for box in found
        for read in box.inputs or ("",)
    )
    header = ("artifact", "kind", "name", "fingerprint", "reads")
    return Section(
        name="lineage",
        title=title,
        blocks=(drawing(lineage(shown), name="lineage", title=title, caption=caption),),
        files=(Csv(name="lineage", header=header, rows=rows),),
    )


def boxes(runs: Runs) -> tuple[Box, ...]:
    """The artifacts of the runs' results, and unfinished stages."""
    found = [_box(row) for row in runs.rows]
    found += [
        Box(
            id=each.stage,
            kind=each.kind,
            name=each.name,
            fingerprint=each.fingerprint,
            finished=False,
        )
        for each in runs.unfinished
    ]
    return tuple({box.id: box for box in found}.values())


def _box(row: ResultRow) -> Box:
    directory = folder(row)
    _, _, name = str(row["stage"]).partition("-")
    size = f" {row['size']}" if row["size"] and row["size"] != name else ""
    seed = f" seed {row['seed']}" if row["seed"] is not None else ""
    return Box(
        id=directory.name,
        kind=row["kind"],
        name=f"{name}{size}{seed}",
        fingerprint=row["fingerprint"],
        inputs=tuple(path.name for path in made_of(directory).values()),
    )


def merged(runs: Runs, every: Sequence[Box]) -> tuple[Box, ...]:
    """A box for each name, task, size and depth; those of one read no other of it."""
    unique = {box.id: box for box in every}
    depths: dict[str, int] = {}
    reads = {box.id: [i for i in box.inputs if i in unique] for box in every}
    for one in graphlib.TopologicalSorter(reads).static_order():
        depths[one] = 1 + max((depths[other] for other in reads[one]), default=-1)
    stage_of = {
        folder(row).name: (str(row["stage"]), row["task"], row["size"])
        for row in runs.rows
    }
    groups: dict[tuple[str, ...], list[Box]] = {}
    group_of: dict[str, tuple[str, ...]] = {}
    for name, box in unique.items():
        known = stage_of.get(name, (f"{box.kind}-{box.name}",))
        key = (*(str(each) for each in known if each), str(depths[name]))
        groups.setdefault(key, []).append(box)
        group_of[name] = key
    found = []
    for key, members in groups.items():
        read = [group_of[i] for box in members for i in box.inputs if i in group_of]
        stage, *rest, _ = key
        name = stage.partition("-")[2]
        told = [part for part in rest if part != name]
        count = [f"×{len(members)}"] if len(members) > 1 else []
        found.append(
            Box(
                id="|".join(key),
                kind=members[0].kind,
                name=" ".join([name, *told, *count]),
                fingerprint=members[0].fingerprint if len(members) == 1 else "",
                inputs=tuple(dict.fromkeys("|".join(other) for other in read)),
                finished=all(box.finished for box in members),
            )
        )
    return tuple(found)
