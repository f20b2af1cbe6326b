"""Running a few batches of what a stage would run, and measuring them."""

import copy
import dataclasses
import functools
import gc
import math
import pathlib
import tempfile
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from pd_bert.costs.synthetic import synthetic_batches
from pd_bert.costs.timing import Timing
from pd_bert.costs.work import Load, TrainingLoad
from pd_bert.data.surveyor import Surveyor
from pd_bert.models.model import Model
from pd_bert.system import memory
from pd_bert.training.checkpoint import Checkpoints, Progress
from pd_bert.training.feed import Forward, distribute
from pd_bert.training.learner import Learner, Student
from pd_bert.training.runtime import Runtime, is_cluster
from pd_bert.training.step import TrainStep
from pd_bert.training.teacher import Live, Stored, Teacher

_SECONDS = 1.0  # of steps of each length
_MOST_SECONDS = 15.0  # of a load; lengths that are left follow from operations
# A step with more operations is tried on a part of the batch: it would take seconds.
_MOST_OPERATIONS = {"CPU": 1e12, "GPU": 1e14, "TPU": 1e14}
_MOST_STEPS = 48
# Larger checkpoints are not written for a trial; disks write about 200 MB per second.
_MOST_SAVED = 1 << 26
_BYTES_PER_SECOND = 2e8

Measured = TypeVar("Measured", bound=Load)


class Probe:
    """Measures loads on this machine as `runtime` would run them.

    With `measures` False every timing is None. `surveyor` reads samples of sources.
    It writes into `directory` alone, which is temporary.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        strategy: tf.distribute.Strategy,
        measures: bool,
        directory: pathlib.Path,
    ) -> None:
        # Workers of a cluster would have to agree on every number of steps.
        self.measures = measures and not is_cluster(strategy)
        self.runtime = runtime
        self.strategy = strategy
        self.surveyor = Surveyor(directory)
        self._directory = directory
        self._known: dict[Hashable, Timing] = {}

    def sized(self) -> "Probe":
        """The same, but without measuring; what it reads is read once for both."""
        other = copy.copy(self)
        other.measures = False
        return other

    def training(self, load: TrainingLoad, lengths: tuple[int, ...]) -> Timing | None:
        """Steps, checkpoints and memory of a training; None where it cannot run."""
        needed = 16 * load.network.parameters
        return self._measured(needed, load, lengths, self._train)

    def forward(self, load: Load, lengths: tuple[int, ...]) -> Timing | None:
        """Measuring on a data set, or labelling it; None where it cannot run."""
        needed = 4 * load.network.parameters
        return self._measured(needed, load, lengths, self._forward)

    def _measured(
        self,
        needed: int,
        load: Measured,
        lengths: tuple[int, ...],
        run: Callable[[Measured, tuple[int, ...]], Timing],
    ) -> Timing | None:
        available = memory.available_bytes()
        if not self.measures or (available is not None and needed > available):
            return None
        part = self._part(load, lengths)
        key = run.__name__, part, lengths
        if key not in self._known:
            self._known[key] = run(part, lengths)
            gc.collect()
        timing = self._known[key]
        scale = load.batch_size / part.batch_size
        found = {length: scale * taken for length, taken in timing.batch.items()}
        for length in lengths[len(found) :]:
            last = lengths[len(timing.batch) - 1]
            ratio = load.network.flops(length) / load.network.flops(last)
            found[length] = ratio * found[last]
        return dataclasses.replace(timing, batch=found)

    def _part(self, load: Measured, lengths: tuple[int, ...]) -> Measured:
        """The same load with as many rows per batch as can be tried in seconds."""
        device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        rows = load.batch_size
        unit = self.strategy.num_replicas_in_sync * load.accumulation
        most = _MOST_OPERATIONS[device] / (3 * load.network.flops(lengths[-1]))
        while rows > most and rows % (2 * unit) == 0:
            rows //= 2
        return dataclasses.replace(load, batch_size=rows)

    def _train(self, load: TrainingLoad, lengths: tuple[int, ...]) -> Timing:
        memory.reset_peak()
        begin = time.perf_counter()
        keras.utils.set_random_seed(0)
        with self.strategy.scope():
            model = Model.of(load.network)
            student = Student(
                model,
                load.objectives,
                teachers={t.name: t.network for t in load.teachers if t.network},
                trainable=load.trainable,
                inputs=load.student_inputs,
            )
            optimizer = load.optimizer.build(student.trained_weights, 1 << 20)
        learner = Learner(student, optimizer, seed=0, accumulation=load.accumulation)
        step = TrainStep(
            [learner],
            strategy=self.strategy,
            teachers=self._teachers(load),
            jit=self.runtime.jit,
        )
        start = each_length = 0.0
        batch: dict[int, float] = {}
        for length in lengths:
            if batch and time.perf_counter() - begin > _MOST_SECONDS:
                break
            batches = synthetic_batches(load, length, load.batch_size)
            iterator = iter(distribute(batches, self.strategy, start=0))
            run = functools.partial(step, iterator, stop=False, start=0)
            new = _timed(functools.partial(run, count=1))
            one = _timed(functools.partial(run, count=1))
            count = min(_MOST_STEPS, math.ceil(_SECONDS / one))
            steps = _timed(functools.partial(run, count=count)) if count > 1 else one
            batch[length] = steps / count
            if not start:
                done = one + (steps if count > 1 else 0)
                start = time.perf_counter() - begin - done - batch[length]
            else:
                each_length = max(0.0, each_length, new - batch[length])
            batches.close()
        return Timing(
            start=start,
            each_length=each_length,
            batch=batch,
            save=self._save_seconds(model, optimizer),
            peak_bytes=memory.peak_bytes(),
        )

    def _teachers(self, load: TrainingLoad) -> dict[str, Teacher]:
        found: dict[str, Teacher] = {}
        for each in load.teachers:
            if each.live and each.network is not None:
                with self.strategy.scope():
                    model = Model.of(each.network, dropout=0.0)
                found[each.name] = Live(model, each.wanted)
            else:
                found[each.name] = Stored(each.name)
        return found

    def _save_seconds(
        self, model: Model, optimizer: keras.optimizers.Optimizer
    ) -> float:
        size = 16 * model.parameters
        if size > _MOST_SAVED:
            return size / _BYTES_PER_SECOND
        with tempfile.TemporaryDirectory(dir=self._directory) as folder:
            checkpoints = Checkpoints(
                pathlib.Path(folder), model.weights, optimizer, chief=True
            )

            def save(step: int) -> None:
                checkpoints.finite()
                checkpoints.save_best(step)
                checkpoints.save(Progress(step=step, best_step=step))

            save(1)
            return _timed(functools.partial(save, 2))

    def _forward(self, load: Load, lengths: tuple[int, ...]) -> Timing:
        memory.reset_peak()
        begin = time.perf_counter()
        with self.strategy.scope():
            model = Model.of(load.network, dropout=0.0)

        def measure(batch: Any) -> dict[str, tf.Tensor]:
            outputs = model(batch, training=False)
            if load.task is None or not load.measured:
                return dict(outputs.logits)
            return load.task.measure(outputs, batch, ())

        forward = Forward(measure, self.strategy)

        def run(length: int, count: int) -> None:
            batches = synthetic_batches(
                load, length, load.batch_size * count, shuffle=False
            )
            for _ in forward(batches):
                pass
            batches.close()

        start = each_length = 0.0
        calls: list[float] = []
        batch: dict[int, float] = {}
        for length in lengths:
            if batch and time.perf_counter() - begin > _MOST_SECONDS:
                break
            new = _timed(functools.partial(run, length, 1))
            if not start:
                start = time.perf_counter() - begin
            else:
                each_length = max(each_length, new)
            one = _timed(functools.partial(run, length, 1))
            count = max(2, min(_MOST_STEPS, math.ceil(_SECONDS / 2 / one)))
            batch[length] = one
            if one < _SECONDS:  # so that what a call itself takes is not small to it
                many = _timed(functools.partial(run, length, count))
                batch[length] = max(1e-6, (many - one) / (count - 1))
            calls.append(max(0.0, one - batch[length]))
        return Timing(
            start=start,
            each_length=max(0.0, each_length - max(calls) - max(batch.values())),
            each_call=float(np.median(calls)),
            batch=batch,
            peak_bytes=memory.peak_bytes(),
        )


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return max(1e-6, time.perf_counter() - begin)
