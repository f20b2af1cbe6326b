"""Gold labels."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labels(Objective):
    """The loss of fine-tuning, on labels in the feature that is named like the head.

    It is − log p(gold label) or, where the head has one output (a regression),
    (score − gold score)². A head of texts has one label per example [batch], one of
    tokens [batch, length].
    """

    @property
    def reads(self) -> Reads:
        return Reads(features=(self.head,), student=Wanted(heads=(self.head,)))

    def losses(self, given: LossInputs) -> tf.Tensor:
        logits, labels = given.student.logits[self.head], given.batch[self.head]
        if logits.shape[-1] == 1:  # a softmax over one would always be 1
            return tf.square(logits[..., 0] - labels)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=logits
        )
