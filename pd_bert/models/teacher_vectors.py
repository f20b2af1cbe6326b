"""Vectors of word pieces from a teacher's token embeddings, of a smaller width."""

import dataclasses
from typing import ClassVar

import numpy as np

from pd_bert.errors import InputError
from pd_bert.models.network import Network
from pd_bert.models.word_vectors import VectorInputs, WordVectors
from pd_bert.text.vocabulary import Vocabulary

# The rows that are in memory in float64 at a time.
_ROWS = 8192


@dataclasses.dataclass(frozen=True, kw_only=True)
class SvdOfTeacher(WordVectors):
    """The truncated singular value decomposition of the teacher's matrix.

    Of M = UΣVᵀ, [vocabulary_size, h], the first E columns of UΣ (Mukherjee and
    Awadallah 2020, Section 3.1). They are M times the first E eigenvectors of MᵀM,
    whose size h × h does not depend on the vocabulary; each has the sign that makes its
    largest element positive.
    """

    needs_teacher: ClassVar[bool] = True
    centered: ClassVar[bool] = False

    def require(
        self,
        width: int,
        *,
        teacher: Network | None,
        vocabulary: Vocabulary | None,
        where: str,
    ) -> None:
        if teacher is None:
            return
        (_, its), *_ = teacher.shapes["token_embedding"]
        if width > its:
            raise InputError(
                f"{where}: {type(self).__name__} makes embeddings of at most the "
                f"teacher's width, {its}; the student's are {width} wide"
            )

    def vectors(self, given: VectorInputs) -> tuple[np.ndarray, np.ndarray]:
        assert given.table is not None
        table = given.table
        mean = np.zeros(table.shape[1])
        if self.centered:
            mean = table.mean(0, dtype=np.float64)
        axes = _principal_axes(table, mean, given.width)
        found = np.empty((len(given.ids), given.width), np.float32)
        for first in range(0, len(found), _ROWS):
            rows = slice(first, first + _ROWS)
            found[rows] = (table[given.ids[rows]] - mean) @ axes
        return found, np.ones(len(found), np.bool_)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PcaOfTeacher(SvdOfTeacher):
    """The first principal components of the teacher's matrix.

    The decomposition of `SvdOfTeacher`, of the matrix without its mean row.
    """

    centered: ClassVar[bool] = True


def _principal_axes(table: np.ndarray, mean: np.ndarray, count: int) -> np.ndarray:
    """The first right singular vectors of `table` − `mean`, float64 [width, count]."""
    gram = np.zeros((table.shape[1], table.shape[1]))
    for first in range(0, len(table), _ROWS):
        rows = table[first : first + _ROWS] - mean
        gram += rows.T @ rows
    _, vectors = np.linalg.eigh(gram)  # in ascending order
    axes = vectors[:, ::-1][:, :count]
    largest = np.abs(axes).argmax(0)
    return axes * np.sign(axes[largest, np.arange(count)])
