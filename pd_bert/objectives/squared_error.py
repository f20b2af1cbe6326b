"""Squared error, for regression."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Outputs
from pd_bert.objectives.base import Batch, Objective


@dataclasses.dataclass(frozen=True, kw_only=True)
class SquaredError(Objective):
    """(score − target)²; the target is the label or, `from_teacher`, its score."""

    from_teacher: bool = False

    def losses(
        self, student: Outputs, teacher: Outputs | None, batch: Batch
    ) -> tf.Tensor:
        target = batch["label"]
        if self.from_teacher:
            assert teacher is not None
            target = teacher.logits["label"][:, 0]
        return tf.square(student.logits["label"][:, 0] - target)
