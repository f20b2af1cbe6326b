"""A loss on attention scores between chosen layers (Jiao et al. 2020, Equation 7)."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from pd_bert import api as pd


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionScores(pd.Objective):
    """Mean over heads of (scores of the student − scores of the teacher)².

    `layers` are pairs of a student's and a teacher's layer. Scores are those before
    softmax; scores from and to padding do not count.
    """

    layers: tuple[tuple[int, int], ...]

    @property
    def reads(self) -> pd.Reads:
        return pd.Reads(
            student=pd.Wanted(attention=tuple(mine for mine, _ in self.layers)),
            teacher=pd.Wanted(attention=tuple(its for _, its in self.layers)),
        )

    def check(
        self, student: pd.Network, teacher: pd.Network | None, where: str
    ) -> None:
        mine = student.architecture.attention_heads
        if teacher and mine != teacher.architecture.attention_heads:
            raise pd.InputError(
                f"{where}: student and teacher must have the same number of heads; "
                f"received {mine} and {teacher.architecture.attention_heads}"
            )

    def losses(self, given: pd.LossInputs) -> tf.Tensor:
        return tf.add_n(
            [
                tf.reduce_mean(
                    tf.square(
                        given.student.attention[mine] - given.teacher.attention[its]
                    ),
                    axis=1,
                )
                for mine, its in self.layers
            ]
        )

    def mask(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        tokens = tf.cast(batch["padding_mask"], tf.float32)
        weight = batch["example_weight"][:, None, None]
        return tokens[:, :, None] * tokens[:, None, :] * weight
