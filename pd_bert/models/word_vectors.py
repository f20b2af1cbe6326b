"""The vectors that word pieces begin with."""

import abc
import dataclasses
from typing import ClassVar

import numpy as np

from pd_bert.models.network import Network
from pd_bert.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class VectorInputs:
    """The word pieces that need vectors, and what those may be made from.

    `ids`, int [pieces], are ids of `vocabulary`; `width` is the width of the vectors.
    `table`, float32 [vocabulary_size, width of the teacher], holds the token embeddings
    of the teacher; None without one.
    """

    vocabulary: Vocabulary
    ids: np.ndarray
    width: int
    table: np.ndarray | None = None


class WordVectors(abc.ABC):
    """A frozen value that gives word pieces the vectors that they begin with."""

    needs_teacher: ClassVar[bool] = False

    def check(self, width: int, where: str) -> None:  # noqa: B027 (nothing is a good default)
        """Raises InputError for files that do not give vectors of this width."""

    def require(  # noqa: B027
        self,
        width: int,
        *,
        teacher: Network | None,
        vocabulary: Vocabulary | None,
        where: str,
    ) -> None:
        """Raises InputError for a teacher or a vocabulary that it does not suit.

        None is not known yet.
        """

    @abc.abstractmethod
    def vectors(self, given: VectorInputs) -> tuple[np.ndarray, np.ndarray]:
        """Returns a vector for each piece, and whether there was one.

        float32 [pieces, width] and bool [pieces]; vectors of pieces without one have
        any values.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomVectors(WordVectors):
    """No vector for any piece, so that all begin at random."""

    def vectors(self, given: VectorInputs) -> tuple[np.ndarray, np.ndarray]:
        count = len(given.ids)
        return np.zeros((count, given.width), np.float32), np.zeros(count, np.bool_)
