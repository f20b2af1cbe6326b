"""Next-sentence prediction."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import LossInputs, Objective, Reads

_LABEL = "next_sentence_label"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NextSentence(Objective):
    """Does segment B follow A? 0 yes, 1 no (Devlin et al. 2019, Task 2)."""

    head: str = "next_sentence"

    @property
    def reads(self) -> Reads:
        return Reads(features=(_LABEL,), student=Wanted(heads=(self.head,)))

    def losses(self, given: LossInputs) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=given.batch[_LABEL], logits=given.student.logits[self.head]
        )
