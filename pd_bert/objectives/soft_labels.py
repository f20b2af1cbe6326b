"""Soft labels: the objective of Pre-trained Distillation."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftLabels(Objective):
    """− Σ_y P_teacher(y|x) log P_student(y|x) (Turc et al. 2019, Algorithm 1).

    Both distributions are softened by `temperature`, 1 in the paper. Where the head has
    one output (a regression) it is (score − the teacher's score)². One loss per example
    [batch] or, for a head of tokens, per token [batch, length].
    """

    temperature: float = 1.0

    @property
    def reads(self) -> Reads:
        logits = Wanted(heads=(self.head,))
        return Reads(student=logits, teacher=logits)

    def losses(self, given: LossInputs) -> tf.Tensor:
        student = given.student.logits[self.head]
        teacher = tf.stop_gradient(given.teacher.logits[self.head])
        if student.shape[-1] == 1:  # a softmax over one would always be 1
            return tf.square(student - teacher)[..., 0]
        losses = tf.nn.softmax_cross_entropy_with_logits(
            labels=tf.nn.softmax(teacher / self.temperature),
            logits=student / self.temperature,
        )
        # The gradient shrinks with 1/T²; this keeps it comparable with a hard-label
        # term whatever T (Hinton et al. 2015, Section 2).
        return losses * self.temperature**2
