"""Side effects of training: a progress bar, TensorBoard summaries."""

import pathlib
import sys
from types import TracebackType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm


class ProgressBar:
    """A line with loss, examples a second and the time left.

    Written rarely where the output is not a terminal, so that logs stay readable.
    """

    def __init__(self, description: str, total_steps: int, batch_size: int) -> None:
        self._batch_size = batch_size
        self._bar = tqdm.tqdm(
            desc=description,
            total=total_steps * batch_size,
            unit="ex",
            unit_scale=True,
            mininterval=0.2 if sys.stderr.isatty() else 20,
        )

    def steps(self, step: int, losses: np.ndarray) -> None:
        self._bar.initial = self._bar.initial or self._resumed(step, len(losses))
        self._bar.set_postfix(loss=f"{losses.mean():.3f}", refresh=False)
        self._bar.update(step * self._batch_size - self._bar.n)

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        shown = {name: f"{value:.4f}" for name, value in metrics.items()}
        self._bar.set_postfix(shown, refresh=False)

    def _resumed(self, step: int, count: int) -> int:
        """Examples seen before this run: they do not count for its speed."""
        if self._bar.n:
            return 0
        before = (step - count) * self._batch_size
        self._bar.n = self._bar.last_print_n = before
        return before

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()


class Summaries:
    """Loss, learning rate and dev metrics for TensorBoard."""

    def __init__(
        self, directory: pathlib.Path, optimizer: keras.optimizers.Optimizer
    ) -> None:
        self._writer = tf.summary.create_file_writer(str(directory))
        self._optimizer = optimizer

    def steps(self, step: int, losses: np.ndarray) -> None:
        with self._writer.as_default(step=step):
            tf.summary.scalar("loss", losses.mean())
            tf.summary.scalar("learning_rate", self._optimizer.learning_rate)

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        with self._writer.as_default(step=step):
            for name, value in metrics.items():
                tf.summary.scalar(f"dev/{name}", value)

    def __enter__(self) -> "Summaries":
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.close()
