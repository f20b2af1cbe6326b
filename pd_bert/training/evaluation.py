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

Measure = Callable[[Outputs, Any, tuple[str, ...]], dict[str, tf.Tensor]]


class Evaluation:
    """A model's metrics on a task; the forward pass is compiled once."""

    def __init__(
        self,
        model: Model,
        task: Task,
        vocabulary: Vocabulary,
        *,
        labels: tuple[str, ...],
        strategy: tf.distribute.Strategy,
        batch_size: int = 32,
        buckets: tuple[int, ...] = DEFAULT_BUCKETS,
        measure: Measure | None = None,
    ) -> None:
        """`measure` replaces the task's, for records that have no labels."""
        chosen = measure or task.measure

        def forward(batch: Any) -> dict[str, tf.Tensor]:
            return chosen(model(batch, training=False), batch, labels)

        self._forward = Forward(forward, strategy)
        self._task = task
        self._labels = labels
        self._vocabulary = vocabulary
        self._batch_size = batch_size
        self._buckets = buckets

    def __call__(self, records: Records) -> dict[str, float]:
        """Returns the task's metrics over all examples of `records`."""
        return self._task.metrics(self.measured(records), self._labels)

    def measured(self, records: Records) -> dict[str, np.ndarray]:
        """Returns what the metrics need, and `example_id`, in the records' order."""
        batches = Batches(
            records,
            batch_size=self._batch_size,
            buckets=self._buckets,
            shuffle=False,
            pad_id=self._vocabulary.pad_id,
            transform=functools.partial(
                evaluation_transform, self._task, self._vocabulary
            ),
        )
        arrays = self._task.collect(list(self._forward(batches)))
        batches.close()
        order = np.argsort(arrays["example_id"])
        return {name: value[order] for name, value in arrays.items()}


# Not a method: TensorFlow keeps the functions that datasets were made of, and a method
# would keep the model with it.
def evaluation_transform(
    task: Task, vocabulary: Vocabulary, batch: NumpyBatch, epoch: int
) -> NumpyBatch:
    """Transforms a batch that is measured: alike each time."""
    return task.transform(batch, vocabulary=vocabulary, seed=0, epoch=_EVALUATION_EPOCH)
