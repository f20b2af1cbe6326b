"""Reports the evaluations of a trial, and ends it if it is hopeless."""

import numpy as np
import optuna

_PER_TRAINING = 10**6
"""More than the number of evaluations of any training."""


class Pruning:
    """An action of one of the trainings of a trial: one per seed (and task).

    Reports the `n`th evaluation of the `k`th training as step `k` · 10⁶ + `n`, both
    from 0, so that a trial is compared with others at the same evaluation of the same
    training, for any size of their batches. A training that was resumed may evaluate a
    step again: the trial remembers the steps that it has reported.
    """

    def __init__(self, trial: optuna.Trial, *, training: int, metric: str) -> None:
        self._trial = trial
        self._training = training
        self._metric = metric

    def steps(self, step: int, losses: np.ndarray) -> None:
        pass

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        key = f"evaluated_{self._training}"
        known = self._trial.user_attrs.get(key, [])
        if step not in known:
            at = self._training * _PER_TRAINING + len(known)
            self._trial.report(metrics[self._metric], at)
            self._trial.set_user_attr(key, [*known, step])
        if self._trial.should_prune():
            raise optuna.TrialPruned
