"""BERT's optimizer: AdamW with a schedule of the learning rate and clipping."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pd_bert.training.schedules import LearningRateSchedule, LinearDecay


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay (Devlin et al. 2019, A.2).

    `schedule` says how the learning rate rises to `learning_rate` and falls again.
    Biases and LayerNorm weights are not decayed. Gradients are clipped to the
    global norm `clip_norm` after they were summed over all replicas.
    """

    learning_rate: float
    schedule: LearningRateSchedule = dataclasses.field(default_factory=LinearDecay)
    weight_decay: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-6
    clip_norm: float = 1.0

    def build(
        self, weights: Sequence[keras.Variable], total_steps: int
    ) -> keras.optimizers.Optimizer:
        """Returns the Keras optimizer, with its slots, for these weights."""
        schedule = self.schedule.build(peak=self.learning_rate, total_steps=total_steps)
        optimizer = _FusedAdamW(
            global_norm=self.clip_norm,
            learning_rate=schedule,
            weight_decay=self.weight_decay,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )
        # Biases and LayerNorm's scale and shift are the vectors among BERT's weights;
        # per-head biases are matrices, hence the name.
        undecayed = [w for w in weights if len(w.shape) < 2 or w.name == "bias"]
        optimizer.exclude_from_weight_decay(var_list=undecayed)
        optimizer.build(list(weights))
        return optimizer


class _FusedAdamW(keras.optimizers.AdamW):
    """AdamW that clips after the all-reduce, and updates each weight by one kernel.

    Keras clips each replica's gradients before it sums them, which makes the result
    depend on the number of replicas; and its update is ten element-wise operations,
    which on a CPU take longer than the rest of a small model's step.
    """

    def __init__(self, *, global_norm: float, **kwargs: Any) -> None:
        super().__init__(name="adamw", **kwargs)
        self._global_norm = global_norm

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        # Dense first: the norm of a sparse gradient counts repeated ids apart.
        dense = [(tf.convert_to_tensor(g), v) for g, v in grads_and_vars]
        reduced = super()._all_reduce_sum_gradients(dense)
        grads = [grad for grad, _ in reduced]
        clipped, _ = tf.clip_by_global_norm(grads, self._global_norm)
        return [(grad, v) for grad, (_, v) in zip(clipped, reduced, strict=True)]

    def update_step(
        self, gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor
    ) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        beta_1 = tf.constant(self.beta_1, variable.dtype)
        beta_2 = tf.constant(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )
