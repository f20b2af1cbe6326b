"""Measuring a model on data sets."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.pipeline import DEFAULT_BUCKETS, Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.models.model import Model
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.base import Task
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training.feed import Forward

# Masks for evaluation are always the same: those of an epoch that training never sees.
_EVALUATION_EPOCH = 1 << 30

Measure = Callable[[Outputs, Any], dict[str, tf.Tensor]]


class Evaluation:
    """A model's metrics on a task; the forward pass is compiled once."""

    def __init__(
        self,
        model: Model,
        task: Task,
        vocabulary: Vocabulary,
        *,
        strategy: tf.distribute.Strategy,
        batch_size: int = 32,
        buckets: tuple[int, ...] = DEFAULT_BUCKETS,
        measure: Measure | None = None,
    ) -> None:
        """`measure` replaces the task's, for records that have no labels."""
        chosen = measure or task.measure

        def forward(batch: Any) -> dict[str, tf.Tensor]:
            return chosen(model(batch, training=False), batch)

        self._forward = Forward(forward, strategy)
        self._task = task
        self._vocabulary = vocabulary
        self._batch_size = batch_size
        self._buckets = buckets

    def __call__(self, records: Records) -> dict[str, float]:
        """The task's metrics over all examples of `records`."""
        return self._task.metrics(self.measured(records))

    def measured(self, records: Records) -> dict[str, np.ndarray]:
        """What the metrics are made from, and `example_id`, in the records' order."""
        batches = Batches(
            records,
            batch_size=self._batch_size,
            buckets=self._buckets,
            shuffle=False,
            pad_id=self._vocabulary.pad_id,
            transform=functools.partial(_transform, self._task, self._vocabulary),
        )
        collected: dict[str, list[np.ndarray]] = {}
        for outputs in self._forward(batches):
            for name, value in outputs.items():
                collected.setdefault(name, []).append(value)
        batches.close()
        arrays = {name: np.concatenate(parts) for name, parts in collected.items()}
        order = np.argsort(arrays["example_id"])
        return {name: value[order] for name, value in arrays.items()}


# Not a method: TensorFlow keeps the functions that datasets were made of, and a method
# would keep the model with it.
def _transform(
    task: Task, vocabulary: Vocabulary, batch: NumpyBatch, epoch: int
) -> NumpyBatch:
    return task.transform(batch, vocabulary=vocabulary, seed=0, epoch=_EVALUATION_EPOCH)
