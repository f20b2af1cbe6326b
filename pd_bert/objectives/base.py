"""The interface of every training objective."""

import abc
import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from pd_bert.models.outputs import Outputs

Batch = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective(abc.ABC):
    """A loss: unreduced values in `losses`, what counts in `mask`.

    The mean over a global batch is taken once, by the training step, as
    weight · Σ losses · mask / Σ mask, both sums over all replicas and micro-batches.
    A subclass writes `losses` and, where its values are not one an example, `mask`.
    """

    weight: float = 1.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The features of the records that it reads, besides the tokens."""
        return ()

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads a teacher's outputs, which a distillation alone has."""
        return False

    def check_labels(self, labels: tuple[str, ...]) -> None:  # noqa: B027
        """Raises InputError if it makes no sense for a task with these labels."""

    @abc.abstractmethod
    def losses(
        self, student: Outputs, teacher: Outputs | None, batch: Batch
    ) -> tf.Tensor:
        """One float32 loss an example [batch], or more, shaped like `mask`."""

    def mask(self, batch: Batch) -> tf.Tensor:
        """What counts: by default every example that is not a filler, [batch].

        Where the task says what counts of its outputs, `label_weight` [batch, length].
        """
        if "label_weight" in batch:
            return batch["label_weight"] * batch["example_weight"][:, None]
        return batch["example_weight"]

    def total(self, batch: Batch) -> tf.Tensor:
        """Σ mask, a float32 scalar."""
        return tf.reduce_sum(self.mask(batch))

    def weighted_sum(
        self, student: Outputs, teacher: Outputs | None, batch: Batch
    ) -> tf.Tensor:
        """weight · Σ losses · mask, a float32 scalar.

        A filler's loss may be anything; `where` keeps even its NaN out of the sum.
        """
        mask = self.mask(batch)
        losses = self.losses(student, teacher, batch)
        kept = tf.where(mask > 0, losses * mask, tf.zeros_like(losses))
        return self.weight * tf.reduce_sum(kept)
