"""The interface of every training objective."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from pd_bert.models.network import Network
from pd_bert.models.outputs import Outputs, Wanted

Batch = Mapping[str, Any]

LABELED = "labeled"
"""The feature of merged data sets that is 1 for examples with labels, 0 for others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reads:
    """The features and outputs that an objective reads.

    `features` are those of the records besides the tokens; `teacher` is None for an
    objective without a teacher.
    """

    features: tuple[str, ...] = ()
    student: Wanted = dataclasses.field(default_factory=Wanted)
    teacher: Wanted | None = None


class LossInputs(NamedTuple):
    """The values that a loss is computed from, for one batch.

    `layers` are the objective's own, by name, as `Objective.build` made them.
    """

    student: Outputs
    teacher: Outputs
    """All that is read of this teacher; empty if the objective reads no teacher."""
    batch: Batch
    layers: Mapping[str, keras.layers.Layer]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective(abc.ABC):
    """A loss: unreduced values in `losses`, what counts in `mask`.

    The mean over a global batch is taken once, by the training step, as
    weight · Σ losses · mask / Σ mask, both sums over all replicas and micro-batches.
    They are computed in the graph of the step, without AutoGraph: a loop or branch over
    values of tensors is a `tf.while_loop` or `tf.cond`.

    A subclass writes `reads` and `losses`; `mask` where the default does not fit; and
    `build` if it has variables of its own, such as a projection. `head` names the head
    whose logits it is about, `teacher` the teacher that it reads, if it reads one.
    """

    weight: float = 1.0
    head: str = "label"
    teacher: str = "teacher"

    @property
    @abc.abstractmethod
    def reads(self) -> Reads:
        """The features and outputs that `losses` and `mask` read."""

    def check(  # noqa: B027 (no rule is a good default)
        self, student: Network, teacher: Network | None, where: str
    ) -> None:
        """Raises InputError for models that it makes no sense for.

        That their layers and heads exist is checked already. `teacher` is None if it is
        not known yet.
        """

    def require(self, student: Network, teacher: Network | None, where: str) -> None:
        """Raises InputError unless the models have what it reads and pass `check`."""
        reads, where = self.reads, f"{where}: {type(self).__name__}"
        student.require(reads.student, f"{where}, student")
        if reads.teacher is not None and teacher is not None:
            teacher.require(reads.teacher, f"{where}, teacher {self.teacher!r}")
        self.check(student, teacher, where)

    def build(
        self, student: Network, teacher: Network | None
    ) -> Mapping[str, keras.layers.Layer]:
        """Returns layers of its own, with weights; by default none.

        They are trained and checkpointed with the student, and are no part of the model
        that is saved. `teacher` is None if it reads none.
        """
        return {}

    @abc.abstractmethod
    def losses(self, given: LossInputs) -> tf.Tensor:
        """Returns float32 losses, one per example [batch], or shaped like `mask`."""

    def mask(self, batch: Batch) -> tf.Tensor:
        """Returns the weight of each loss: 0 for fillers.

        It is `example_weight` [batch] times the feature `{head}_weight`, [batch, …],
        where the batch has one: a task has it where there are several labels per
        example. An objective that reads features, such as gold labels, leaves out the
        examples of merged data sets that have none (`labeled`, [batch]).
        """
        example_weight = batch["example_weight"]
        if self.reads.features and LABELED in batch:
            example_weight = example_weight * tf.cast(batch[LABELED], tf.float32)
        weights = batch.get(f"{self.head}_weight")
        if weights is None:
            return example_weight
        shape = [-1] + [1] * (len(weights.shape) - 1)
        return tf.cast(weights, tf.float32) * tf.reshape(example_weight, shape)

    def total(self, batch: Batch) -> tf.Tensor:
        """Returns Σ mask, a float32 scalar."""
        return tf.reduce_sum(self.mask(batch))

    def weighted_sum(self, given: LossInputs) -> tf.Tensor:
        """Returns weight · Σ losses · mask, a float32 scalar.

        A filler's loss may be anything; `where` keeps even its NaN out of the sum.
        """
        mask = self.mask(given.batch)
        losses = self.losses(given)
        kept = tf.where(mask > 0, losses * mask, tf.zeros_like(losses))
        return self.weight * tf.reduce_sum(kept)
