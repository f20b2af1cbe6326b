"""What stages logged for TensorBoard while they trained."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from pd_bert.analysis.runs import Runs, folder, unique_names

LOSS = "loss"
DEV = "dev/"
_MOST_POINTS = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class History:
    """What a stage logged: `values` (as long as `steps`) at `steps`, ascending.

    `kind` is the stage's kind ("pretrain", "distill" …), `name` the stage as readers
    know it.
    """

    kind: str
    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def histories(runs: Runs) -> dict[str, list[History]]:
    """Each tag's histories: `loss`, and `dev/METRIC`, by stage in the runs' order.

    Of more than 500 points every so many-th is kept, and the last. Stages that are
    unfinished are in it too; directories without logs give {}.
    """
    found: dict[str, list[History]] = {}
    for name, path in logged(runs):
        kind = path.name.partition("-")[0]
        for tag, steps, values in _scalars(path):
            if tag == LOSS or tag.startswith(DEV):
                found.setdefault(tag, []).append(
                    History(kind=kind, name=name, steps=steps, values=values)
                )
    return found


def logged(runs: Runs) -> list[tuple[str, pathlib.Path]]:
    """The name and the folder with the logs of each stage that has one.

    Those of the results, where they are reused those of the directory that made them;
    then unfinished ones. Logs of other stages, as of an earlier plan, are left out.
    """
    names = _names(runs)
    found = []
    for row in runs.rows:
        # An artifact is WORKDIR/stages/NAME, its logs are WORKDIR/logs/NAME.
        path = folder(row)
        homes = (path.resolve().parents[1], path.parents[1])
        found.append((names[path.name], [home / "logs" / path.name for home in homes]))
    for each in runs.unfinished:
        if each.stage not in names:
            paths = [home / "logs" / each.stage for home in runs.directories]
            found.append((f"{each.stage} (unfinished)", paths))
    return [
        (name, path)
        for name, paths in found
        for path in [next((path for path in paths if path.is_dir()), None)]
        if path is not None
    ]


def _names(runs: Runs) -> dict[str, str]:
    """How readers know a stage, by its folder; unique."""
    names: dict[str, str] = {}
    for row in runs.rows:
        seed = "" if row["seed"] is None else f" seed {row['seed']}"
        names[folder(row).name] = runs.sized_title(row) + seed
    return unique_names(names)


def _scalars(
    directory: pathlib.Path,
) -> list[tuple[str, tuple[int, ...], tuple[float, ...]]]:
    """(tag, steps, values) of the event files in a folder; steps ascend."""
    # It brings TensorFlow, which a report without logs does not need.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    found = []
    for tag in events.Tags()["tensors"]:
        # A resumed stage logs steps again: what it logged last holds.
        at = {
            event.step: float(make_ndarray(event.tensor_proto))
            for event in events.Tensors(tag)
        }
        steps = sorted(at)
        chosen = thinned(steps)
        found.append((tag, tuple(chosen), tuple(at[step] for step in chosen)))
    return found


def thinned(steps: Sequence[int]) -> list[int]:
    """At most 500 of them, evenly, the first and the last among them."""
    size = min(len(steps), _MOST_POINTS)
    kept = np.unique(np.linspace(0, len(steps) - 1, size).astype(int))
    return [steps[index] for index in kept]
