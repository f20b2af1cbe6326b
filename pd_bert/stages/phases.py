"""Schedules of several trainings, each of which goes on from the one before."""

from collections.abc import Callable, Sequence

from pd_bert.errors import InputError
from pd_bert.stages.train import Train


def phases(trainings: Sequence[Callable[..., Train]]) -> Train:
    """Returns the last of several trainings in a row.

    Each is a factory of a training stage. The first is called as it is, each other one
    with `initial`, the stage before it, so that it begins with the best weights of
    that. Schedules that begin alike share their first stages, since equal stages are
    one.
    """
    if not trainings:
        raise InputError("phases: a schedule has at least one training; received none")
    stage = trainings[0]()
    for make in trainings[1:]:
        stage = make(initial=stage)
    if not isinstance(stage, Train):
        raise InputError(f"phases: each is a training stage; received {stage!r}")
    return stage
