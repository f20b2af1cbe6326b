"""The student's inputs, made from the batch inside the compiled step."""

import abc
import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from pd_bert.models.network import Network
from pd_bert.models.outputs import Outputs, Wanted
from pd_bert.objectives.base import Batch


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudentInputs(abc.ABC):
    """A value that makes what the student reads; teachers read the batch itself."""

    teacher: str = "teacher"

    @property
    def wanted(self) -> Wanted | None:
        """The outputs of the teacher that it reads; None: it reads no teacher."""
        return None

    def check(  # noqa: B027 (no rule is a good default)
        self, student: Network, teacher: Network | None, where: str
    ) -> None:
        """Raises InputError for models that it cannot join."""

    @abc.abstractmethod
    def __call__(
        self, batch: Batch, teachers: Mapping[str, Outputs], seed: tf.Tensor
    ) -> Batch:
        """Returns the batch for the student.

        `token_ids` may be SoftTokens in it. `seed`, int32 [2], is the step's own, for
        whatever is drawn at random.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchInputs(StudentInputs):
    """The batch as it is."""

    def __call__(
        self, batch: Batch, teachers: Mapping[str, Outputs], seed: tf.Tensor
    ) -> Batch:
        return batch
