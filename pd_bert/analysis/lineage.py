"""What each artifact of the runs was made of."""

import pathlib

from pd_bert.analysis.plots.lineage import Box
from pd_bert.analysis.runs import Row, Runs, artifact_info, folder

_MOST_BOXES = 40


def made_of(directory: pathlib.Path) -> dict[str, pathlib.Path]:
    """The folder of each artifact that the one in `directory` read, by field.

    A reused artifact is a link into another working directory, and what it read lies
    there.
    """
    lineage = artifact_info(directory).get("lineage") or {}
    found = {}
    for field, read in lineage.items():
        beside = directory.parent / read["artifact"]
        found[field] = (
            beside if beside.exists() else directory.resolve().parent / read["artifact"]
        )
    return found


def boxes(runs: Runs) -> tuple[Box, ...]:
    """The artifacts of the runs' results, and unfinished stages.

    Where they are more than 40, those that differ in seed or axes alone are one box,
    which says how many it stands for.
    """
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
    unique = {box.id: box for box in found}
    if len(unique) <= _MOST_BOXES:
        return tuple(unique.values())
    return _merged(runs, unique)


def _box(row: Row) -> Box:
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


def _merged(runs: Runs, unique: dict[str, Box]) -> tuple[Box, ...]:
    """A box for each kind, name, task and size."""
    stage_of = {
        folder(row).name: (str(row["stage"]), row["task"], row["size"])
        for row in runs.rows
    }
    groups: dict[str, list[Box]] = {}
    group_of: dict[str, str] = {}
    for name, box in unique.items():
        key = "|".join(map(str, stage_of.get(name, (f"{box.kind}-{box.name}",))))
        groups.setdefault(key, []).append(box)
        group_of[name] = key
    merged = []
    for key, members in groups.items():
        read = [group_of[i] for box in members for i in box.inputs if i in group_of]
        stage, *rest = key.split("|")
        name = stage.partition("-")[2]
        told = [part for part in rest if part not in ("None", name)]
        count = [f"×{len(members)}"] if len(members) > 1 else []
        merged.append(
            Box(
                id=key,
                kind=members[0].kind,
                name=" ".join([name, *told, *count]),
                fingerprint=members[0].fingerprint if len(members) == 1 else "",
                # A stage may read one of its own kind and name, at another seed.
                inputs=tuple(dict.fromkeys(other for other in read if other != key)),
                finished=all(box.finished for box in members),
            )
        )
    return tuple(merged)
