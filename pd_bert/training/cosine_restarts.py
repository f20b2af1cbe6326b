"""A cosine schedule of the learning rate with warm restarts."""

import dataclasses

import keras

from pd_bert.errors import InputError
from pd_bert.training.schedules import KerasSchedule, LearningRateSchedule


@dataclasses.dataclass(frozen=True, kw_only=True)
class CosineRestarts(LearningRateSchedule):
    """SGDR: peak → `floor` along half a cosine, then again from the peak.

    The rate is floor + ½ (peak − floor) (1 + cos(π · t / T)) at step t of a period of
    T steps (Loshchilov and Hutter 2017, Equation 5). `first_period` is the share of all
    steps in the first period; each period is `multiplier` times as long as the one
    before. By default there are three periods, of 1, 2 and 4 parts of 7, and the
    training ends at the floor. XtremeDistil falls from 1e-3 to 1e-8 in this way.
    """

    first_period: float = 1 / 7
    multiplier: float = 2.0
    floor: float = 1e-8

    def __post_init__(self) -> None:
        if not 0 < self.first_period <= 1:
            raise InputError(
                "CosineRestarts.first_period is a share of the steps, above 0 and at "
                f"most 1; received {self.first_period}"
            )
        if self.multiplier < 1:
            raise InputError(
                "CosineRestarts.multiplier must be at least 1; received "
                f"{self.multiplier}"
            )
        if self.floor < 0:
            raise InputError(
                f"CosineRestarts.floor must be at least 0; received {self.floor}"
            )

    def build(self, *, peak: float, total_steps: int) -> KerasSchedule:
        if self.floor > peak:
            raise InputError(
                "CosineRestarts.floor must be at most the optimizer's learning_rate, "
                f"{peak:g}; received {self.floor:g}"
            )
        return keras.optimizers.schedules.CosineDecayRestarts(
            peak,
            # Not rounded: periods that together are all steps would end some steps
            # early, and these would be at the peak.
            max(1.0, self.first_period * total_steps),
            t_mul=self.multiplier,
            alpha=self.floor / peak if peak else 0.0,
        )
