"""The lineage of a run's artifacts: which was made from which."""

import collections
import dataclasses
import graphlib
from collections.abc import Iterable, Sequence

from pd_bert.analysis.runs import Runs, folder
from pd_bert.artifact import made_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
    """An artifact, or a stage that is not `finished`.

    `id` is the name of its folder; `inputs` are the ids of the artifacts that it read.
    `name` is that of the stage, with the task and the size where they distinguish it.
    """

    id: str
    kind: str
    name: str
    seed: int | None = None
    fingerprint: str = ""
    inputs: tuple[str, ...] = ()
    finished: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Branch:
    """Artifacts of one name, below one that they all read, and what was made of them.

    `others` are the names of the further artifacts that they read.
    """

    members: tuple[Made, ...]
    others: tuple[str, ...]
    branches: tuple["Branch", ...]


def lineage(runs: Runs) -> tuple[Made, ...]:
    """Returns the artifacts of the runs' results, and unfinished stages."""
    found = [
        Made(
            id=folder(row).name,
            kind=row["kind"],
            name=runs.sized_title(row),
            seed=row["seed"],
            fingerprint=row["fingerprint"],
            inputs=tuple(path.name for path in made_of(folder(row)).values()),
        )
        for row in runs.rows
    ]
    found += [
        Made(
            id=each.stage,
            kind=each.kind,
            name=f"{each.kind}-{each.name}",
            fingerprint=each.fingerprint,
            finished=False,
        )
        for each in runs.unfinished
    ]
    return tuple({each.id: each for each in found}.values())


def branches(artifacts: Iterable[Made]) -> tuple[Branch, ...]:
    """Returns the artifacts as a tree, each once.

    An artifact stands below the last made of its inputs. Those of one name below the
    same artifacts, such as seeds, are one branch. `inputs` that are not among the
    artifacts are left out.

    Raises graphlib.CycleError if an artifact is among its own inputs.
    """
    known = {each.id: each for each in artifacts}
    inputs = {
        one: [i for i in each.inputs if i in known] for one, each in known.items()
    }
    depth: dict[str, int] = {}
    below: dict[str, list[Made]] = collections.defaultdict(list)
    parents: dict[str, str] = {}
    for one in graphlib.TopologicalSorter(inputs).static_order():
        parents[one] = max(inputs[one], key=depth.__getitem__, default="")
        depth[one] = 1 + depth.get(parents[one], -1)
    for one, each in known.items():
        below[parents[one]].append(each)

    def under(read: Sequence[str]) -> tuple[Branch, ...]:
        groups: dict[tuple[str, bool], list[Made]] = {}
        for each in (each for one in read for each in below[one]):
            groups.setdefault((each.name, each.finished), []).append(each)
        return tuple(
            Branch(
                members=tuple(members),
                others=tuple(
                    dict.fromkeys(
                        known[other].name
                        for each in members
                        for other in inputs[each.id]
                        if other != parents[each.id]
                    )
                ),
                branches=under([each.id for each in members]),
            )
            for members in groups.values()
        )

    return under([""])
