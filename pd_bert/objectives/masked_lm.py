"""Masked language modelling."""

import dataclasses

import tensorflow as tf

from pd_bert.models.outputs import Outputs
from pd_bert.objectives.base import Batch, Objective


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLM(Objective):
    """− log p(original token) at the masked positions (Devlin et al. 2019, Task 1).

    One loss a masked position, [batch, masked].
    """

    def losses(
        self, student: Outputs, teacher: Outputs | None, batch: Batch
    ) -> tf.Tensor:
        return _cross_entropy(batch["masked_ids"], student.logits["masked_lm"])

    def mask(self, batch: Batch) -> tf.Tensor:
        return batch["masked_weights"] * batch["example_weight"][:, None]


# Over a vocabulary, TensorFlow's own kernel is far slower on a CPU: it was the largest
# operation of a Tiny's step (docs/benchmarks.md).
@tf.function(jit_compile=True)
def _cross_entropy(ids: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)
