"""Features of many examples, as arrays in memory."""

from collections.abc import Mapping

import numpy as np

from pd_bert.data.example_spec import Feature, Parsed


class Sequences:
    """A column of sequences: their elements end to end, and where each one begins.

    `values` is [elements, …] and `offsets` int64 [sequences + 1].
    """

    def __init__(self, values: np.ndarray, offsets: np.ndarray) -> None:
        self._values = values
        self._offsets = offsets

    @property
    def values(self) -> np.ndarray:
        """All elements, end to end."""
        return self._values

    @property
    def lengths(self) -> np.ndarray:
        """The length of each sequence, int64 [sequences]."""
        return np.diff(self._offsets)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Returns the lengths of some sequences, int64 [rows]."""
        return self._offsets[rows + 1] - self._offsets[rows]

    def __getitem__(self, row: int) -> np.ndarray:
        return self._values[self._offsets[row] : self._offsets[row + 1]]

    def padded(self, rows: np.ndarray, length: int, fill: float) -> np.ndarray:
        """Returns the rows, cut or filled, as an array [rows, length, …]."""
        shape = (len(rows), length, *self._values.shape[1:])
        padded = np.full(shape, fill, self._values.dtype)
        starts = self._offsets[rows].tolist()
        ends = np.minimum(self._offsets[rows + 1], self._offsets[rows] + length)
        # A copy of each row: an index of every element would take more than the data.
        for target, start, end in zip(padded, starts, ends.tolist(), strict=True):
            target[: end - start] = self._values[start:end]
        return padded


Columns = Mapping[str, np.ndarray | Sequences]


class GrowingColumn:
    """A column that is filled in place, so that it is never in memory twice.

    It has room for `count` examples and, if it holds sequences, for `elements` of them
    in all. Room that is not used takes no memory.
    """

    def __init__(self, feature: Feature, count: int, elements: int) -> None:
        size = elements if feature.variable else count
        self._values = np.empty((size, *feature.row_shape), feature.in_memory)
        self._offsets = np.zeros(count + 1, np.int64) if feature.variable else None
        self._examples = self._filled = 0

    def add(self, parsed: Parsed) -> None:
        """Appends examples."""
        begin, end = self._filled, self._filled + len(parsed.values)
        self._values[begin:end] = parsed.values
        if self._offsets is not None and parsed.lengths is not None:
            last = self._examples + len(parsed.lengths)
            offsets = begin + np.cumsum(parsed.lengths)
            self._offsets[self._examples + 1 : last + 1] = offsets
            self._examples = last
        self._filled = end

    def finish(self) -> np.ndarray | Sequences:
        """Returns the column."""
        values = self._values[: self._filled]
        return values if self._offsets is None else Sequences(values, self._offsets)
