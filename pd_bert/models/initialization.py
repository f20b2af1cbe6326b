"""Initializations: what a student takes of another model; the rest stays random."""

import abc
import dataclasses

import keras
import numpy as np

from pd_bert.errors import InputError
from pd_bert.models.encoder import PartShapes, Shapes
from pd_bert.models.model import Model
from pd_bert.models.network import Network

# Parts that are tables and mean the same whatever follows.
_TABLES = ("token_embedding", "embeddings")


class Initialization(abc.ABC):
    """A frozen value that sets weights of a student from those of an initial model."""

    @abc.abstractmethod
    def check(self, student: Network, initial: Network, where: str) -> None:
        """Raises InputError where the initial model does not fit, before it is read."""

    @abc.abstractmethod
    def apply(self, student: Model, initial: Model, where: str) -> tuple[str, ...]:
        """Sets weights of the student.

        Returns the names of the parts and heads that were set.
        """


class TakeParts(Initialization):
    """Copies parts of `Encoder.parts`, each as a whole."""

    heads: bool = False
    """True to copy also the heads of the same name and settings."""

    @abc.abstractmethod
    def parts(self, student: Shapes) -> tuple[str, ...]:
        """Returns the names of the parts that the student takes."""

    def check(self, student: Network, initial: Network, where: str) -> None:
        """Raises InputError for a part that the initial model lacks, has in another
        shape or computes with in another way."""
        mine, its = student.shapes, initial.shapes
        taken = self.parts(mine)
        if lacking := [name for name in taken if name not in its]:
            raise InputError(
                f"{where}: {type(self).__name__} takes {', '.join(taken)}; the initial "
                f"model lacks {', '.join(lacking)}"
            )
        for name in taken:
            if mine[name] != its[name]:
                one, other = _first_difference(mine[name], its[name])
                raise InputError(
                    f"{where}: an initial model must have the student's shapes; the "
                    f"student's {name} holds {one}, the initial model's {other}"
                )
        layers = any(name not in _TABLES for name in taken)
        if layers and not student.architecture.computes_as(initial.architecture):
            raise InputError(
                f"{where}: an initial model must compute as the student does; the "
                f"student is {student.architecture}, the initial model "
                f"{initial.architecture}"
            )

    def apply(self, student: Model, initial: Model, where: str) -> tuple[str, ...]:
        self.check(student.network, initial.network, where)
        chosen = self.parts(student.network.shapes)
        mine, its = student.encoder.parts(), initial.encoder.parts()
        for name in chosen:
            copy(mine[name], its[name])
        heads = tuple(
            name
            for name, head in student.head_values.items()
            if self.heads and initial.head_values.get(name) == head
        )
        for name in heads:
            copy(student.head_weights(name), initial.head_weights(name))
        return (*chosen, *heads)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole(TakeParts):
    """Everything, from a model of the same shape (PF, PD; Turc et al. 2019)."""

    heads = True

    def parts(self, student: Shapes) -> tuple[str, ...]:
        return tuple(student)

    def check(self, student: Network, initial: Network, where: str) -> None:
        mine = student.shapes
        if further := [name for name in initial.shapes if name not in mine]:
            raise InputError(
                f"{where}: Whole needs an initial model of the student's shape; it has "
                f"{', '.join(further)} besides (Truncated takes its bottom layers)"
            )
        super().check(student, initial, where)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truncated(TakeParts):
    """Embeddings and bottom layers of a deeper model of the same width.

    The initialization of TF (Sun et al. 2019) and of "truncated" PD (Turc et al. 2019,
    Section 6.2). The pooler belongs to the top of the deeper model and is not taken.
    """

    def parts(self, student: Shapes) -> tuple[str, ...]:
        return tuple(name for name in student if name != "pooler")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WordEmbeddings(TakeParts):
    """The token embeddings alone (Turc et al. 2019, Section 6.2)."""

    def parts(self, student: Shapes) -> tuple[str, ...]:
        return ("token_embedding",)


def copy(mine: list[keras.Variable], its: list[keras.Variable]) -> None:
    """Assigns the values of weights to others of the same shapes."""
    for weight, value in zip(mine, its, strict=True):
        weight.assign(np.asarray(value))


def _first_difference(one: PartShapes, other: PartShapes) -> tuple[object, object]:
    differing = ((a, b) for a, b in zip(one, other, strict=False) if a != b)
    return next(differing, (one, other))
