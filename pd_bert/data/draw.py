"""Drawing at random by hashes of positions, so that draws are nested."""

import hashlib

import numpy as np


def rank(seed: int, index: int) -> int:
    """The lot of the item at a position, 0 to 2⁶⁴ − 1; the smallest are drawn."""
    key = f"{seed}:{index}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())


def draw(positions: np.ndarray, size: int, seed: int) -> np.ndarray:
    """`size` of the positions, int64, without replacement and in their own order.

    A draw of n is a part of a draw of m > n from the same positions with the same
    seed. With fewer positions than `size` it is all of them.
    """
    lots = np.fromiter(
        (rank(seed, int(index)) for index in positions), np.uint64, len(positions)
    )
    drawn: np.ndarray = positions[np.lexsort((positions, lots))[:size]]
    return np.sort(drawn)
