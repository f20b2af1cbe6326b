"""The outer training loop: plain Python around the compiled step."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.errors import InputError
from pd_bert.training import interrupt
from pd_bert.training.checkpoint import Checkpoints, Progress
from pd_bert.training.feed import distribute
from pd_bert.training.runtime import barrier, is_cluster
from pd_bert.training.step import TrainStep

Metrics = dict[str, float]

_LONGEST_CALL = 3.0  # seconds


class Action(Protocol):
    """A side effect of training: a progress bar, summaries."""

    def steps(self, step: int, losses: np.ndarray) -> None:
        """After a call: `losses` are those of the steps before `step`."""

    def evaluated(self, step: int, metrics: Metrics) -> None:
        """After an evaluation on dev."""


class NotFiniteError(InputError):
    """The loss became NaN or infinite."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """When things happen, in steps."""

    total_steps: int
    evaluate_every: int
    patience: int | None = None
    """Stop after this many evaluations without a better one; None: never."""
    steps_per_call: int
    checkpoint_seconds: float


def train(
    step: TrainStep,
    batches: Batches,
    checkpoints: Checkpoints,
    schedule: Schedule,
    *,
    strategy: tf.distribute.Strategy,
    evaluate: Callable[[], Metrics] | None = None,
    primary_metric: str = "",
    actions: tuple[Action, ...] = (),
    where: str = "",
) -> Progress:
    """Trains from the newest checkpoint, if there is one, to the end.

    With `evaluate` the weights end as those of the best evaluation. Raises
    `Interrupted` after saving when a stop was asked for, and NotFiniteError, with the
    last good checkpoint kept, at a loss or weight that is not finite.
    """
    progress = checkpoints.restore()
    start = progress.step
    iterator = iter(
        distribute(
            lambda: batches.iterate(start),
            batches.batch_size,
            strategy,
            endless=True,
            one_length=len(batches.buckets) == 1,
        )
    )
    saved = time.monotonic()
    most = 1 if not is_cluster(strategy) else schedule.steps_per_call
    while progress.step < schedule.total_steps and not _stale(progress, schedule):
        count = min(most, _next_call(progress.step, schedule, evaluate is not None))
        begin = time.monotonic()
        losses, stop = step(
            iterator, start=progress.step, count=count, stop=interrupt.requested()
        )
        if not is_cluster(strategy):  # whose processes must agree on the count
            most = _steps_within(time.monotonic() - begin, count, schedule)
        _check_finite(losses, progress.step, schedule, where)
        progress.step += count
        for action in actions:
            action.steps(progress.step, losses)
        evaluated = evaluate is not None and (
            progress.step % schedule.evaluate_every == 0
            or progress.step == schedule.total_steps
        )
        if evaluated:
            assert evaluate is not None
            metrics = evaluate()
            _judge(progress, metrics[primary_metric], checkpoints)
            for action in actions:
                action.evaluated(progress.step, metrics)
        due = time.monotonic() - saved > schedule.checkpoint_seconds
        if evaluated or due or stop or progress.step == schedule.total_steps:
            if not checkpoints.finite():
                raise NotFiniteError(
                    f"{where}: all weights must stay finite; some were not after step "
                    f"{progress.step} (a lower learning rate often helps); the last "
                    "good checkpoint is kept"
                )
            checkpoints.save(progress)
            saved = time.monotonic()
        if stop:
            interrupt.stop()
    if progress.best_step:
        barrier(strategy)  # the chief's file must be there before others read it
        checkpoints.restore_best(progress.best_step)
    return progress


def _check_finite(
    losses: np.ndarray, start: int, schedule: Schedule, where: str
) -> None:
    if np.isfinite(losses).all():
        return
    first = int(np.argmin(np.isfinite(losses)))
    raise NotFiniteError(
        f"{where}: the loss must stay finite; it was {losses[first]} at step "
        f"{start + first} of {schedule.total_steps} (a lower learning rate often "
        "helps); the last good checkpoint is kept"
    )


def _steps_within(seconds: float, count: int, schedule: Schedule) -> int:
    """How many steps a call may take, so that a signal is heard within seconds."""
    fitting = int(count * _LONGEST_CALL / max(seconds, 1e-6))
    return max(1, min(schedule.steps_per_call, fitting))


def _judge(progress: Progress, value: float, checkpoints: Checkpoints) -> None:
    if math.isnan(value) or value <= progress.best_value:
        progress.worse += 1
        return
    checkpoints.save_best(progress.step)
    progress.best_value, progress.best_step, progress.worse = value, progress.step, 0


def _stale(progress: Progress, schedule: Schedule) -> bool:
    return schedule.patience is not None and progress.worse >= schedule.patience


def _next_call(step: int, schedule: Schedule, evaluates: bool) -> int:
    """The number of steps to the next thing that Python has to do."""
    count = min(schedule.steps_per_call, schedule.total_steps - step)
    if evaluates:
        every = schedule.evaluate_every
        count = min(count, every - step % every)
    return count
