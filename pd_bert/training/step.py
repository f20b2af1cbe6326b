"""The compiled training step."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pd_bert.models.dropout import dropout_seed
from pd_bert.models.model import Model
from pd_bert.objectives.base import Batch, Objective
from pd_bert.training.teacher import Teacher


class TrainStep:
    """Forward, backward and update, several steps a call, on every replica.

    The loss of a step is Σ over objectives of weight · mean, each mean over what the
    objective's mask counts in the *global* batch, so that it depends neither on the
    number of replicas nor on `accumulation`, the number of micro-batches that a
    replica's part of the batch is cut into.
    """

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        optimizer: keras.optimizers.Optimizer,
        *,
        strategy: tf.distribute.Strategy,
        seed: int,
        teacher: Teacher | None = None,
        accumulation: int = 1,
        jit: bool = False,
    ) -> None:
        self._model = model
        self._objectives = objectives
        self._optimizer = optimizer
        self._strategy = strategy
        self._seed = seed
        self._teacher = teacher
        self._accumulation = accumulation
        self._weights = model.weights
        self._replica = tf.function(
            self._replica_step, jit_compile=jit, reduce_retracing=True
        )
        self._many = tf.function(self._run)

    def __call__(
        self, batches: Iterable[Any], *, start: int, count: int, stop: bool
    ) -> tuple[np.ndarray, bool]:
        """Steps `start` to `start + count − 1`.

        `stop` is this process's wish; returns the steps' losses, float32 [count], and
        whether any process of the cluster wishes to stop.
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
        losses = tf.TensorArray(tf.float32, count, element_shape=())
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
        """One step on one replica; returns its share of the loss."""
        totals = _all_reduce([o.total(batch) for o in self._objectives])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self._seed, tf.int32), step])
        seed = tf.random.experimental.stateless_fold_in(seed, replica)
        loss, gradients = self._gradients(batch, totals, seed)
        self._optimizer.apply(gradients, self._weights)
        return loss

    def _gradients(
        self, batch: Batch, totals: Sequence[tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        if self._accumulation == 1:
            return self._micro_gradients(batch, totals, seed)
        # Not slices: XLA must know the shape of each part.
        parts = {name: self._cut(value) for name, value in batch.items()}
        loss = tf.zeros(())
        gradients = [tf.zeros(weight.shape, weight.dtype) for weight in self._weights]
        for index in tf.range(self._accumulation):
            micro = {name: tf.gather(value, index) for name, value in parts.items()}
            fold = tf.random.experimental.stateless_fold_in(seed, index)
            part, grads = self._micro_gradients(micro, totals, fold)
            loss += part
            gradients = [a + g for a, g in zip(gradients, grads, strict=True)]
        return loss, gradients

    def _cut(self, value: tf.Tensor) -> tf.Tensor:
        """[batch, …] → [accumulation, batch / accumulation, …]."""
        size = value.shape[0] // self._accumulation
        shape = tf.concat([[self._accumulation, size], tf.shape(value)[1:]], axis=0)
        return tf.reshape(value, shape)

    def _micro_gradients(
        self, batch: Batch, totals: Sequence[tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        teacher = None if self._teacher is None else self._teacher(batch)
        with tf.GradientTape() as tape, dropout_seed(seed):
            outputs = self._model(batch, training=True)
            loss = tf.add_n(
                [
                    tf.math.divide_no_nan(
                        o.weighted_sum(outputs, teacher, batch), total
                    )
                    for o, total in zip(self._objectives, totals, strict=True)
                ]
            )
        gradients = tape.gradient(
            loss,
            [weight.value for weight in self._weights],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]


def _all_reduce(value: Any) -> Any:
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
