"""Representation loss: a student's states follow those of a teacher's layer."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.network import Network
from pd_bert.models.outputs import Outputs, Wanted
from pd_bert.objectives.base import Batch, LossInputs, Objective, Reads
from pd_bert.objectives.distances import kl_divergence

Distance = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(student, teacher), both float32 [..., width] → [...]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Representation(Objective):
    """Distance(GELU(W h_student + b), h_teacher), L_RL of XtremeDistil.

    (Mukherjee and Awadallah 2020, Section 3.2.) At every token, [batch, length]; or,
    with `pooled`, once per example [batch], between the student's pooled state and the
    teacher's state of [CLS]. `student_layer` and `teacher_layer` number the layers that
    are compared; None: the last one, and with `pooled` the pooled state.

    W and b are layers of this loss, and no part of the saved student. With `projected`
    None there are none where the widths are equal.
    """

    student_layer: int | None = None
    teacher_layer: int | None = None
    pooled: bool = False
    distance: Distance = kl_divergence
    projected: bool | None = None

    def __post_init__(self) -> None:
        # A configured function is decorated, and has no import path of its own.
        object.__setattr__(self, "distance", inspect.unwrap(self.distance))

    @property
    def reads(self) -> Reads:
        return Reads(
            student=self._wanted(self.student_layer),
            teacher=self._wanted(self.teacher_layer),
        )

    def _wanted(self, layer: int | None) -> Wanted:
        if self.pooled:
            return Wanted(pooled=True) if layer is None else Wanted(first=(layer,))
        return Wanted(sequence=True) if layer is None else Wanted(hidden=(layer,))

    def check(self, student: Network, teacher: Network | None, where: str) -> None:
        """Raises InputError for other widths where no projection is wanted."""
        if self.projected is not False or teacher is None:
            return
        mine = _width(student, self.student_layer)
        its = _width(teacher, self.teacher_layer)
        if mine != its:
            raise InputError(
                f"{where}: without a projection the states must have one width; the "
                f"student's have {mine}, the teacher's {its}"
            )

    def build(
        self, student: Network, teacher: Network | None
    ) -> Mapping[str, keras.layers.Layer]:
        assert teacher is not None
        mine = _width(student, self.student_layer)
        its = _width(teacher, self.teacher_layer)
        projected = mine != its if self.projected is None else self.projected
        if not projected:
            return {}
        layer = keras.layers.Dense(its, activation="gelu", name="projection")
        layer.build((None, mine) if self.pooled else (None, None, mine))
        return {"projection": layer}

    def losses(self, given: LossInputs) -> tf.Tensor:
        student = self._states(given.student, self.student_layer)
        if "projection" in given.layers:
            student = given.layers["projection"](student)
        teacher = tf.stop_gradient(self._states(given.teacher, self.teacher_layer))
        return self.distance(tf.cast(student, tf.float32), tf.cast(teacher, tf.float32))

    def _states(self, outputs: Outputs, layer: int | None) -> tf.Tensor:
        if self.pooled:
            return outputs.pooled if layer is None else outputs.first[layer]
        return outputs.sequence if layer is None else outputs.hidden[layer]

    def mask(self, batch: Batch) -> tf.Tensor:
        """Returns 1 for every token of an example or, with `pooled`, every example."""
        example_weight = batch["example_weight"]
        if self.pooled:
            return example_weight
        return tf.cast(batch["padding_mask"], tf.float32) * example_weight[:, None]


def _width(network: Network, layer: int | None) -> int:
    architecture = network.architecture
    return architecture.hidden_dim if layer is None else architecture.width(layer)
