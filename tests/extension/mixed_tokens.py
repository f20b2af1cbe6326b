"""Student inputs that are mixed from a teacher's distribution over tokens."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from pd_bert import api as pd


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixedTokens(pd.StudentInputs):
    """λ · the token itself + (1 − λ) · the teacher's k most probable tokens.

    Text smoothing (Wu et al. 2020, Equation 4); with `k` None over the whole
    vocabulary, as dense distributions.
    """

    weight: float
    k: int | None = None

    @property
    def wanted(self) -> pd.Wanted:
        return pd.Wanted(heads=("masked_lm",))

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        teachers: Mapping[str, pd.Outputs],
        seed: tf.Tensor,
    ) -> Mapping[str, tf.Tensor]:
        probabilities = tf.nn.softmax(teachers[self.teacher].logits["masked_lm"])
        size, ids = probabilities.shape[-1], batch["token_ids"]
        if self.k is None:
            own = tf.one_hot(ids, size)
            mixed = self.weight * own + (1 - self.weight) * probabilities
            tokens = pd.SoftTokens(weights=mixed)
        else:
            best, found = tf.math.top_k(probabilities, self.k)
            best = best / tf.reduce_sum(best, axis=-1, keepdims=True)
            own = tf.fill(tf.shape(best[..., :1]), self.weight)
            tokens = pd.SoftTokens(
                weights=tf.concat([own, (1 - self.weight) * best], axis=-1),
                ids=tf.concat([ids[..., None], found], axis=-1),
            )
        return {**batch, "token_ids": tokens}
