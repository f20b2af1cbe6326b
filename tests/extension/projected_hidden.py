"""A loss with a projection of its own, over a teacher's hidden state."""

import dataclasses
from collections.abc import Mapping

import keras
import tensorflow as tf

from pd_bert import api as pd


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectedHidden(pd.Objective):
    """Mean over dimensions of (W·h_student − h_teacher)², at every token."""

    student_layer: int
    teacher_layer: int

    @property
    def reads(self) -> pd.Reads:
        return pd.Reads(
            student=pd.Wanted(hidden=(self.student_layer,)),
            teacher=pd.Wanted(hidden=(self.teacher_layer,)),
        )

    def build(
        self, student: pd.Network, teacher: pd.Network | None
    ) -> Mapping[str, keras.layers.Layer]:
        assert teacher is not None
        layer = keras.layers.Dense(teacher.architecture.hidden_dim, use_bias=False)
        layer.build((None, None, student.architecture.hidden_dim))
        return {"projection": layer}

    def losses(self, given: pd.LossInputs) -> tf.Tensor:
        mine = given.layers["projection"](given.student.hidden[self.student_layer])
        its = given.teacher.hidden[self.teacher_layer]
        return tf.reduce_mean(tf.square(tf.cast(mine, tf.float32) - its), axis=-1)

    def mask(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        tokens = tf.cast(batch["padding_mask"], tf.float32)
        return tokens * batch["example_weight"][:, None]
