"""Schedules of the learning rate: one value per kind."""

import abc
import dataclasses
from typing import Any, TypeAlias

import keras
import tensorflow as tf

KerasSchedule: TypeAlias = keras.optimizers.schedules.LearningRateSchedule


class LearningRateSchedule(abc.ABC):
    """A frozen value that says how the learning rate changes over a training."""

    @abc.abstractmethod
    def build(self, *, peak: float, total_steps: int) -> KerasSchedule:
        """Returns a function from the step, from 0, to the learning rate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearDecay(LearningRateSchedule):
    """0 → peak over the share `warmup` of the steps, then peak → 0 at the last step.

    BERT's schedule (Devlin et al. 2019, A.2).
    """

    warmup: float = 0.1

    def build(self, *, peak: float, total_steps: int) -> KerasSchedule:
        return WarmupLinear(
            peak=peak,
            warmup_steps=max(1, round(self.warmup * total_steps)),
            total_steps=total_steps,
        )


class WarmupLinear(KerasSchedule):
    """0 → peak over the warm-up steps, then peak → 0 at the last step."""

    def __init__(self, *, peak: float, warmup_steps: int, total_steps: int) -> None:
        self._peak = peak
        self._warmup_steps = warmup_steps
        self._total_steps = total_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rising = (step + 1) / self._warmup_steps
        left = self._total_steps - step
        falling = left / max(1, self._total_steps - self._warmup_steps)
        return self._peak * tf.clip_by_value(tf.minimum(rising, falling), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self._peak,
            "warmup_steps": self._warmup_steps,
            "total_steps": self._total_steps,
        }
