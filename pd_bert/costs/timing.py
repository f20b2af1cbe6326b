"""How long batches of several lengths take."""

import dataclasses
from collections.abc import Mapping

import numpy as np

# The shortest, the middle and the longest: times grow smoothly between them.
_MOST_LENGTHS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Measured seconds: once, per new length, per call and per batch."""

    start: float = 0.0
    """Making the model, tracing and compiling."""
    each_length: float = 0.0
    """The extra time of the first batch of a new length."""
    each_call: float = 0.0
    """The time of one pass over a data set that does not depend on its size."""
    batch: Mapping[int, float] = dataclasses.field(default_factory=dict)
    """By length."""
    save: float = 0.0
    """Keeping a checkpoint and the best weights."""
    peak_bytes: int = 0

    def seconds(self, batches: Mapping[int, float]) -> float:
        """Returns the seconds of a number of batches of each length."""
        known = sorted(self.batch)
        taken = np.interp(list(batches), known, [self.batch[k] for k in known])
        return float(np.dot(taken, list(batches.values()))) if batches else 0.0


def chosen_lengths(batches: Mapping[int, float]) -> tuple[int, ...]:
    """The lengths to measure: the shortest, the one in the middle, the longest.

    >>> chosen_lengths({8: 1, 16: 5, 32: 2, 64: 1})
    (8, 16, 64)
    """
    lengths = sorted(batches)
    if len(lengths) <= _MOST_LENGTHS:
        return tuple(lengths)
    sums = np.cumsum([batches[length] for length in lengths])
    middle = int(np.searchsorted(sums, sums[-1] / 2))
    return lengths[0], lengths[min(max(middle, 1), len(lengths) - 2)], lengths[-1]
