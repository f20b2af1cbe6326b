"""Rules that end a hopeless trial early."""

import dataclasses
from typing import Protocol

import optuna


class Pruner(Protocol):
    """A frozen value that builds Optuna's pruner."""

    def build(self) -> optuna.pruners.BasePruner: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Median:
    """Prunes a trial whose best evaluation is below the median of the others.

    The median is that of the finished trials at the same evaluation of the same
    training. The first `startup_trials` are never pruned, and no trial is during its
    first `warmup` evaluations (epochs, unless `evaluate_every` is set).
    """

    startup_trials: int = 4
    warmup: int = 1

    def build(self) -> optuna.pruners.BasePruner:
        return optuna.pruners.MedianPruner(
            n_startup_trials=self.startup_trials, n_warmup_steps=self.warmup
        )
