"""Values that stages logged for TensorBoard while they trained."""

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
    """A stage's logged values, `values`, at ascending `steps`.

    `kind` is the stage's kind ("pretrain", "distill" …), `name` its name for readers.
    """

    kind: str
    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


def histories(runs: Runs) -> dict[str, list[History]]:
    """Returns each tag's histories: `loss`, and `dev/METRIC`, in the runs' order.

    Of more than 500 points 500 are kept, evenly. Unfinished stages are included;
    directories without logs give {}.
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
    """Returns the name and the log folder of each stage that has logs.

    First the stages of the results, with the logs of the directory that made them; then
    the unfinished ones. Logs of other stages, as of an earlier plan, are left out.
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
    """The unique names of stages for readers, by folder."""
    names: dict[str, str] = {}
    for row in runs.rows:
        seed = "" if row["seed"] is None else f" seed {row['seed']}"
        names[folder(row).name] = runs.sized_title(row) + seed
    return unique_names(names)


def _scalars(
    directory: pathlib.Path,
) -> list[tuple[str, tuple[int, ...], tuple[float, ...]]]:
    """The (tag, steps, values) of the event files in a folder; steps ascend."""
    # It imports TensorFlow, which a report without logs does not need.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    events.Reload()
    found = []
    for tag in events.Tags()["tensors"]:
        # A resumed stage logs steps again: the last value counts.
        at = {
            event.step: float(make_ndarray(event.tensor_proto))
            for event in events.Tensors(tag)
        }
        steps = sorted(at)
        chosen = thinned(steps)
        found.append((tag, tuple(chosen), tuple(at[step] for step in chosen)))
    return found


def thinned(steps: Sequence[int]) -> list[int]:
    """Returns at most 500 of the steps, evenly, with the first and the last."""
    size = min(len(steps), _MOST_POINTS)
    kept = np.unique(np.linspace(0, len(steps) - 1, size).astype(int))
    return [steps[index] for index in kept]
