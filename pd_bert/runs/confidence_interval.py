"""Mean and 95 % interval of a few values."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.stats

from pd_bert.errors import InputError

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfidenceInterval:
    """Mean, sample standard deviation and 95 % interval of `n` values.

    The interval is Student's t for the mean, mean ± t(0.975, n−1)·sd/√n: it is about
    seeds, taken as drawn from a normal distribution, not about examples. One value has
    neither sd nor interval.
    """

    mean: float
    sd: float | None
    low: float | None
    high: float | None
    n: int


def confidence_interval(values: Sequence[float]) -> ConfidenceInterval:
    """Returns the interval of at least one value, in the values' unit."""
    count = len(values)
    if not count:
        raise InputError("a mean is over at least one value; received none")
    mean = float(np.mean(values))
    if count == 1:
        return ConfidenceInterval(mean=mean, sd=None, low=None, high=None, n=1)
    sd = float(np.std(values, ddof=1))
    half = float(scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1)) * sd / count**0.5
    return ConfidenceInterval(
        mean=mean, sd=sd, low=mean - half, high=mean + half, n=count
    )
