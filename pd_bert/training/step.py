"""The compiled training step."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.objectives.base import Batch
from pd_bert.training.learner import Learner
from pd_bert.training.teacher import Teachers


class TrainStep:
    """Forward, backward and update, several steps per call, on every replica.

    All learners get the same batches and the same outputs of the teachers: several
    students cost one input pipeline and one pass of each teacher. They are independent
    of each other in the graph, so that small ones fill a machine that one of them
    cannot.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        *,
        strategy: tf.distribute.Strategy,
        teachers: Teachers = MappingProxyType({}),
        jit: bool = False,
    ) -> None:
        self._learners = learners
        self._strategy = strategy
        self._teachers = teachers
        self._replica = tf.function(
            self._replica_step, jit_compile=jit, reduce_retracing=True
        )
        self._many = tf.function(self._run)

    def __call__(
        self, batches: Iterable[Any], *, start: int, count: int, stop: bool
    ) -> tuple[np.ndarray, bool]:
        """Steps `start` to `start + count − 1`.

        `stop` is this process's wish; returns the losses, float32 [count, learners],
        and whether any process of the cluster wishes to stop.
        """
        losses, stops = self._many(
            batches,
            tf.constant(start, tf.int32),
            tf.constant(count, tf.int32),
            tf.constant(float(stop)),
        )
        return losses.numpy(), bool(stops.numpy() > 0)

    def _run(
        self, batches: Any, start: tf.Tensor, count: tf.Tensor, stop: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        shape = (len(self._learners),)
        losses = tf.TensorArray(tf.float32, count, element_shape=shape)
        for index in tf.range(count):
            loss = self._strategy.run(
                self._replica, args=(next(batches), start + index)
            )
            losses = losses.write(index, self._sum(loss))
        # The identity puts a copy on each replica's device.
        stops = self._sum(self._strategy.run(tf.identity, args=(stop,)))
        return losses.stack(), stops

    def _sum(self, per_replica: Any) -> tf.Tensor:
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    def _replica_step(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        """One step on one replica; returns its share of each learner's loss."""
        outputs = {name: teacher(batch) for name, teacher in self._teachers.items()}
        return tf.stack([each.step(batch, outputs, step) for each in self._learners])
