"""What stages logged for TensorBoard while they trained."""

import pathlib

import numpy as np

from pd_bert.analysis.plots.learning import History
from pd_bert.analysis.runs import Runs, folder

LOSS = "loss"
DEV = "dev/"
_MOST_POINTS = 500


def histories(runs: Runs) -> dict[str, list[History]]:
    """Each tag's histories: `loss`, and `dev/METRIC`, by stage in the runs' order.

    Of more than 500 points every so many-th is kept, and the last. Stages that are
    unfinished are in it too; directories without logs give {}.
    """
    found: dict[str, list[History]] = {}
    names = _names(runs)
    for directory in runs.directories:
        logged = sorted((directory / "logs").glob("*-*"), key=lambda p: p.name)
        order = list(names)
        logged.sort(
            key=lambda p: order.index(p.name) if p.name in names else len(order)
        )
        for path in logged:
            kind = path.name.partition("-")[0]
            name = names.get(path.name, f"{path.name} (unfinished)")
            for tag, steps, values in _scalars(path):
                if tag == LOSS or tag.startswith(DEV):
                    found.setdefault(tag, []).append(
                        History(kind=kind, name=name, steps=steps, values=values)
                    )
    return found


def _names(runs: Runs) -> dict[str, str]:
    """How readers know a stage, by its folder; unique."""
    told: dict[str, str] = {}
    for row in runs.rows:
        seed = "" if row["seed"] is None else f" seed {row['seed']}"
        name = " ".join(
            dict.fromkeys([str(row["stage"]), str(row["size"] or "")])
        ).strip()
        told[folder(row).name] = f"{name}{seed}"
    twice = [name for name in told.values() if list(told.values()).count(name) > 1]
    return {
        key: f"{name} {key.rpartition('-')[2][:8]}" if name in twice else name
        for key, name in told.items()
    }


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
        kept = np.unique(
            np.linspace(0, len(steps) - 1, min(len(steps), _MOST_POINTS)).astype(int)
        )
        chosen = [steps[index] for index in kept]
        found.append((tag, tuple(chosen), tuple(at[step] for step in chosen)))
    return found
