"""Arrays of batches, joined."""

import functools
from collections.abc import Sequence

import numpy as np


def join_padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenates along axis 0, other axes padded with 0 or "" to the largest.

    Example: [[1]] and [[2, 3]] -> [[1, 0], [2, 3]]
    """
    shape = tuple(
        max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)
    )
    dtype = functools.reduce(np.promote_types, {part.dtype for part in parts})
    joined = np.zeros([sum(map(len, parts)), *shape], dtype)
    first = 0
    for part in parts:
        own = (slice(first, first + len(part)), *map(slice, part.shape[1:]))
        joined[own] = part
        first += len(part)
    return joined
