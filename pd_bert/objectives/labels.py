"""Hard labels."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from pd_bert.models.outputs import Outputs
from pd_bert.objectives.base import Batch, Objective


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labels(Objective):
    """− log p(gold label), fine-tuning's loss; one an example."""

    needs: ClassVar[tuple[str, ...]] = ("label",)

    def losses(
        self, student: Outputs, teacher: Outputs | None, batch: Batch
    ) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=batch["label"], logits=student.logits["label"]
        )
