"""Masked language modeling."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import Batch, LossInputs, Objective, Reads


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLM(Objective):
    """− log p(original token) at the masked positions (Devlin et al. 2019, Task 1).

    One loss per masked position, [batch, masked].
    """

    head: str = "masked_lm"

    @property
    def reads(self) -> Reads:
        return Reads(student=Wanted(heads=(self.head,)))

    def losses(self, given: LossInputs) -> tf.Tensor:
        return _cross_entropy(
            given.batch["masked_ids"], given.student.logits[self.head]
        )

    def mask(self, batch: Batch) -> tf.Tensor:
        return batch["masked_weights"] * batch["example_weight"][:, None]


# Over a vocabulary, TensorFlow's own kernel is far slower on a CPU: it was the largest
# operation of a Tiny's step (docs/benchmarks.md).
@tf.function(jit_compile=True)
def _cross_entropy(ids: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)
