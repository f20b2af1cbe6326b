"""Hard labels: the teacher's answers as if they were gold labels."""

import dataclasses

import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads


@dataclasses.dataclass(frozen=True, kw_only=True)
class HardLabels(Objective):
    """− log p(the teacher's likeliest label) (Mukherjee and Awadallah 2019, Section 3).

    One loss per example [batch] or, for a head of tokens, per token [batch, length].
    """

    @property
    def reads(self) -> Reads:
        logits = Wanted(heads=(self.head,))
        return Reads(student=logits, teacher=logits)

    def check(self, student: Network, teacher: Network | None, where: str) -> None:
        """Raises InputError for a head with one output, which has no likeliest one."""
        shape = dict(student.heads)[self.head].output_shape(student.vocabulary_size)
        if shape[-1] == 1:
            raise InputError(
                f"{where}: hard labels need a head with several outputs; "
                f"{self.head!r} has one (SoftLabels suits a regression)"
            )

    def losses(self, given: LossInputs) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.argmax(given.teacher.logits[self.head], axis=-1),
            logits=given.student.logits[self.head],
        )
