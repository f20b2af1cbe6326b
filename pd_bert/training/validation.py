"""The loss of a student on held-out records."""

import collections
from typing import Any

import numpy as np
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.training.feed import Forward
from pd_bert.training.learner import Student
from pd_bert.training.teacher import Teachers

NAME = "validation_loss"


class ValidationLoss:
    """The mean loss over held-out records, without dropout.

    It is Σ over objectives of weight · mean, each mean over all that the objective's
    mask counts, so that it does not depend on the batches.
    """

    def __init__(
        self,
        student: Student,
        batches: Batches,
        teachers: Teachers,
        *,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """`batches` are unshuffled, and masked alike each time."""
        self._objectives = student.objectives
        self._batches = batches

        def sums(batch: Any) -> dict[str, tf.Tensor]:
            outputs = {name: teacher(batch) for name, teacher in teachers.items()}
            seed = tf.zeros(2, tf.int32)
            given = student.loss_inputs(batch, outputs, seed, training=False)
            found = {}
            for index, (each, inputs) in enumerate(
                zip(student.objectives, given, strict=True)
            ):
                mask = each.mask(batch)
                losses = each.losses(inputs)
                kept = tf.where(mask > 0, losses * mask, tf.zeros_like(losses))
                found[f"loss_{index}"] = _per_example(kept)
                found[f"count_{index}"] = _per_example(mask)
            return found

        self._forward = Forward(sums, strategy)

    def __call__(self) -> dict[str, float]:
        """Returns the loss under the name `validation_loss`."""
        totals: dict[str, float] = collections.defaultdict(float)
        for found in self._forward(self._batches):
            del found["example_id"]
            for name, values in found.items():
                totals[name] += float(np.sum(values, dtype=np.float64))
        self._batches.close()
        loss = sum(
            each.weight * totals[f"loss_{index}"] / max(totals[f"count_{index}"], 1e-9)
            for index, each in enumerate(self._objectives)
        )
        return {NAME: loss}


def _per_example(values: tf.Tensor) -> tf.Tensor:
    """Returns the sum over all axes but the first."""
    return tf.reduce_sum(values, axis=list(range(1, len(values.shape))))
