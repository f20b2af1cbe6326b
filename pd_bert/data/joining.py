"""Arrays of batches, joined."""

from collections.abc import Sequence

import numpy as np


def join_padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenates along axis 0, other axes padded with 0 or "" to the largest.

    Example: [[1]] and [[2, 3]] -> [[1, 0], [2, 3]]
    """
    shape = tuple(
        max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)
    )
    return np.concatenate([_padded(part, shape) for part in parts])


def _padded(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if part.shape[1:] == shape:
        return part
    added = [(0, size - had) for size, had in zip(shape, part.shape[1:], strict=True)]
    return np.pad(part, [(0, 0), *added])
