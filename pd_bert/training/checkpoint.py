"""Checkpoints of a training in progress."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pd_bert.system.atomic import written_aside


@dataclasses.dataclass
class Progress:
    """How far a training is, and what its best evaluation was."""

    step: int = 0
    best_value: float = float("-inf")
    best_step: int = 0
    worse: int = 0
    """Evaluations since the best one."""


class Checkpoints:
    """Saves and restores variables, optimizer and progress in a directory.

    TensorFlow writes each checkpoint under a temporary name and renames it, and points
    to it last; a kill at any moment leaves the one before. Only the chief of a cluster
    writes.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        weights: Sequence[keras.Variable],
        optimizer: keras.optimizers.Optimizer,
        *,
        chief: bool,
    ) -> None:
        self._directory = directory
        self._weights = list(weights)
        self._chief = chief
        fields = dataclasses.asdict(Progress())
        self._progress = {
            k: tf.Variable(v, dtype=tf.float64) for k, v in fields.items()
        }
        checkpoint = tf.train.Checkpoint(
            weights=[weight.value for weight in self._weights],
            optimizer=[variable.value for variable in optimizer.variables],
            progress=self._progress,
        )
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(directory / "checkpoints"), max_to_keep=2
        )

    def restore(self) -> Progress:
        """The progress of the newest checkpoint, with all weights set; else a start."""
        if self._manager.latest_checkpoint is None:
            return Progress()
        status = self._manager.checkpoint.restore(self._manager.latest_checkpoint)
        status.assert_consumed()
        values = {k: float(v.numpy()) for k, v in self._progress.items()}
        return Progress(
            step=int(values["step"]),
            best_value=values["best_value"],
            best_step=int(values["best_step"]),
            worse=int(values["worse"]),
        )

    def save(self, progress: Progress) -> None:
        """Writes a checkpoint of this progress."""
        if not self._chief:
            return
        for name, value in dataclasses.asdict(progress).items():
            self._progress[name].assign(value)
        self._manager.save(checkpoint_number=progress.step)
        for path in self._directory.glob("best-*.npz"):
            if path != self._best(progress.best_step):
                path.unlink()

    def finite(self) -> bool:
        """True if every weight is a finite number."""
        return all(np.isfinite(np.asarray(w)).all() for w in self._weights)

    def save_best(self, step: int) -> None:
        """Keeps the present weights, those after `step`, as the best."""
        if not self._chief:
            return
        arrays: dict[str, Any] = {
            str(index): np.asarray(weight) for index, weight in enumerate(self._weights)
        }
        with written_aside(self._best(step)) as aside, aside.open("wb") as file:
            np.savez(file, **arrays)

    def restore_best(self, step: int) -> None:
        """Sets the weights that were kept as the best after `step`."""
        with np.load(self._best(step), allow_pickle=False) as arrays:
            for index, weight in enumerate(self._weights):
                weight.assign(arrays[str(index)])

    def _best(self, step: int) -> pathlib.Path:
        return self._directory / f"best-{step}.npz"
