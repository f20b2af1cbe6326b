"""The outer training loop: plain Python around the compiled step."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.errors import InputError
from pd_bert.system import interrupt
from pd_bert.training.checkpoint import Checkpoints, Progress
from pd_bert.training.feed import distribute
from pd_bert.training.learner import Learner
from pd_bert.training.runtime import barrier, is_cluster
from pd_bert.training.step import TrainStep
from pd_bert.training.teacher import Teachers

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


@dataclasses.dataclass(kw_only=True)
class Training:
    """One model's training: the learner, where it is saved, how it is measured."""

    learner: Learner
    checkpoints: Checkpoints
    evaluate: Callable[[], Metrics] | None = None
    primary_metric: str = ""
    lower_is_better: bool = False
    actions: tuple[Action, ...] = ()
    where: str = ""
    progress: Progress = dataclasses.field(default_factory=Progress)
    failure: NotFiniteError | None = None
    """Why it ended before its time."""

    def ended(self, schedule: Schedule) -> bool:
        """True if it reached its last step, stopped getting better or failed."""
        patience = schedule.patience
        stale = patience is not None and self.progress.worse >= patience
        done = self.progress.step >= schedule.total_steps
        return done or stale or self.failure is not None

    def measure(self) -> None:
        """Evaluates on dev, and keeps the weights if they are the best yet."""
        assert self.evaluate is not None
        metrics = self.evaluate()
        value = metrics[self.primary_metric]
        better = -value if self.lower_is_better else value
        _judge(self.progress, better, self.checkpoints)
        for action in self.actions:
            action.evaluated(self.progress.step, metrics)

    def save(self) -> None:
        """Writes a checkpoint, or fails if a weight is not finite."""
        if self.checkpoints.finite():
            self.checkpoints.save(self.progress)
            return
        self.failure = NotFiniteError(
            f"{self.where}: all weights must stay finite; some were not after step "
            f"{self.progress.step} (a lower learning rate often helps); the last "
            "good checkpoint is kept"
        )


def train(
    trainings: Sequence[Training],
    batches: Batches,
    schedule: Schedule,
    *,
    strategy: tf.distribute.Strategy,
    teachers: Teachers = MappingProxyType({}),
    jit: bool = False,
) -> None:
    """Trains each from its newest checkpoint, if there is one, to the end.

    Those that are at the same step go on together, over one input pipeline. With
    `evaluate` the weights end as those of the best evaluation. One that meets a loss or
    weight that is not finite has a `failure`, with its last good checkpoint kept; the
    others go on. Raises `Interrupted` after saving when a stop was asked for.
    """
    for training in trainings:
        training.progress = training.checkpoints.restore()
    with contextlib.closing(batches):
        # A kill between two checkpoints leaves some a little behind the others.
        for step in sorted({training.progress.step for training in trainings}):
            active = [t for t in trainings if t.progress.step == step]
            while active := [t for t in active if not t.ended(schedule)]:
                learners = [training.learner for training in active]
                compiled = TrainStep(
                    learners, strategy=strategy, teachers=teachers, jit=jit
                )
                _train_until_one_ends(active, compiled, batches, schedule, strategy)
    barrier(strategy)  # the chief's files must be there before others read them
    for training in trainings:
        if training.progress.best_step and training.failure is None:
            training.checkpoints.restore_best(training.progress.best_step)


def _train_until_one_ends(
    trainings: Sequence[Training],
    step: TrainStep,
    batches: Batches,
    schedule: Schedule,
    strategy: tf.distribute.Strategy,
) -> None:
    now = trainings[0].progress.step
    iterator = iter(distribute(batches, strategy, start=now))
    saved = time.monotonic()
    evaluates = any(training.evaluate for training in trainings)
    most = 1 if not is_cluster(strategy) else schedule.steps_per_call
    while not any(training.ended(schedule) for training in trainings):
        count = min(most, _next_call(now, schedule, evaluates))
        begin = time.monotonic()
        losses, stop = step(
            iterator, start=now, count=count, stop=interrupt.requested()
        )
        if not is_cluster(strategy):  # whose processes must agree on the count
            most = _steps_within(time.monotonic() - begin, count, schedule)
        _check_finite(losses, now, schedule, trainings)
        now += count
        for training, column in zip(trainings, losses.T, strict=True):
            if training.failure is None:
                training.progress.step = now
                for action in training.actions:
                    action.steps(now, column)
        well = [training for training in trainings if training.failure is None]
        last = now == schedule.total_steps
        measured = evaluates and (last or now % schedule.evaluate_every == 0)
        if measured:
            for training in well:
                if training.evaluate:
                    training.measure()
        due = time.monotonic() - saved > schedule.checkpoint_seconds
        if measured or due or stop or last:
            for training in well:
                training.save()
            saved = time.monotonic()
        if stop:
            interrupt.stop()


def _check_finite(
    losses: np.ndarray, start: int, schedule: Schedule, trainings: Sequence[Training]
) -> None:
    finite = np.isfinite(losses)
    for index, training in enumerate(trainings):
        if finite[:, index].all():
            continue
        first = int(np.argmin(finite[:, index]))
        training.failure = NotFiniteError(
            f"{training.where}: the loss must stay finite; it was "
            f"{losses[first, index]} at step {start + first} of "
            f"{schedule.total_steps} (a lower learning rate often helps); the last "
            "good checkpoint is kept"
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


def _next_call(step: int, schedule: Schedule, evaluates: bool) -> int:
    """The number of steps to the next thing that Python has to do."""
    count = min(schedule.steps_per_call, schedule.total_steps - step)
    if evaluates:
        every = schedule.evaluate_every
        count = min(count, every - step % every)
    return count
