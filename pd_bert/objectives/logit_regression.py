"""Logit regression: a student's logits follow those of the teacher's probabilities."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogitRegression(Objective):
    """½ Σ_c (r_c − logit(p_c))² (Mukherjee and Awadallah 2020, Section 3.2, L_LL).

    r are the student's logits, p the teacher's probabilities and logit(p) is
    log(p / (1 − p)). Where the head has one output (a regression) the target is the
    teacher's score. One loss per example [batch] or, for a head of tokens, per token
    [batch, length].
    """

    @property
    def reads(self) -> Reads:
        logits = Wanted(heads=(self.head,))
        return Reads(student=logits, teacher=logits)

    def losses(self, given: LossInputs) -> tf.Tensor:
        student = given.student.logits[self.head]
        teacher = tf.stop_gradient(given.teacher.logits[self.head])
        if student.shape[-1] > 1:
            teacher = log_odds(teacher)
        return 0.5 * tf.reduce_sum(tf.square(student - teacher), axis=-1)


def log_odds(logits: tf.Tensor) -> tf.Tensor:
    """Returns log(p / (1 − p)) of p = softmax(logits), in the shape of the logits.

    It is z_c − log Σ_{j ≠ c} exp(z_j), which needs no p: where p is 1 in float32, the
    quotient would be infinite.

    Example: [[0., 0., 0.]] -> [[-0.693, -0.693, -0.693]], since p / (1 − p) is ½.
    """
    size = logits.shape[-1]
    others = logits[..., None, :] + tf.linalg.diag(tf.fill([size], logits.dtype.min))
    return logits - tf.reduce_logsumexp(others, axis=-1)
