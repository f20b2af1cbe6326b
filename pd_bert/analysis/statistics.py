"""What can be said of a few runs: spreads over seeds, differences over examples."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import scipy.stats

from pd_bert.analysis.count_metrics import (
    COUNT_METRICS,
    CountMetric,
    resampled_counts,
)
from pd_bert.errors import InputError
from pd_bert.tasks.metrics import accuracy

Metric = Callable[[np.ndarray, np.ndarray], float]

RESAMPLES = 4000
_SLOW_RESAMPLES = 1000  # where the metric is called for each
_BATCH = 1 << 21  # examples of the resamples that are in memory together
_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean, sample standard deviation and 95 % interval of `n` values.

    The interval is Student's t for the mean, mean ± t(0.975, n−1)·sd/√n: it speaks of
    the seeds, taken as drawn from a normal distribution, and not of the examples. Of
    one value there is neither sd nor interval.
    """

    mean: float
    sd: float | None
    low: float | None
    high: float | None
    n: int


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value, in the values' unit."""
    count = len(values)
    if not count:
        raise InputError("a mean is over at least one value; received none")
    mean = float(np.mean(values))
    if count == 1:
        return Spread(mean=mean, sd=None, low=None, high=None, n=1)
    sd = float(np.std(values, ddof=1))
    half = float(scipy.stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1)) * sd / count**0.5
    return Spread(mean=mean, sd=sd, low=mean - half, high=mean + half, n=count)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """How much higher one side's metric is than another's, with a 95 % interval.

    `share` is twice the smaller of the shares of resamples in which the difference is
    ≤ 0 and ≥ 0, at most 1: small where the sign is sure, near 1 where it is not. It
    behaves like a two-sided p-value but is none.
    """

    value: float
    low: float
    high: float
    share: float

    @property
    def within_noise(self) -> bool:
        """Whether the interval holds zero."""
        return self.low <= 0 <= self.high


def paired_bootstrap(
    metric: Metric,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    gold: np.ndarray,
    *,
    seed: int = 0,
) -> Difference:
    """The paired bootstrap over examples (Efron and Tibshirani 1993, chapter 16).

    `ours` and `theirs` are the predictions [n] of each seed's model, on the same
    examples in the same order; `gold` [n]. Resampled are the examples, n of n with
    replacement, the same ones for all models of both sides. In each resample the
    metric is taken of every model and averaged over the seeds of its side; the
    difference is of the two means. The interval is the percentile one. The models are
    taken as they are: the interval speaks of other examples, not of other seeds.

    Deterministic for a `seed`. Raises InputError if lengths differ or there are fewer
    than two examples.
    """
    count = len(gold)
    if count < 2 or not ours or not theirs:
        raise InputError(
            "a comparison needs at least two examples and a model on either side; "
            f"received {count} examples, {len(ours)} and {len(theirs)} models"
        )
    if any(len(each) != count for each in (*ours, *theirs)):
        raise InputError(
            f"models are compared on the same examples; received {count} gold labels "
            f"and predictions of {sorted({len(e) for e in (*ours, *theirs)})}"
        )

    def difference(index: np.ndarray) -> float:
        chosen = gold[index]
        means = [
            np.mean([metric(each[index], chosen) for each in side])
            for side in (ours, theirs)
        ]
        return float(means[0] - means[1])

    value = difference(np.arange(count))
    shared = {
        "n_resamples": RESAMPLES,
        "method": "percentile",
        "rng": np.random.default_rng(seed),
    }
    if metric is accuracy:
        # A mean over examples, which needs no more than the difference at each.
        sides = [np.mean([each == gold for each in s], axis=0) for s in (ours, theirs)]
        found = scipy.stats.bootstrap(
            sides,
            lambda a, b, axis: np.mean(a - b, axis=axis),
            paired=True,
            vectorized=True,
            batch=max(1, _BATCH // count),
            **shared,
        )
    elif metric in COUNT_METRICS:
        found = scipy.stats.bootstrap(
            (np.arange(count),),
            _of_counts(COUNT_METRICS[metric], ours, theirs, gold),
            vectorized=True,
            batch=max(1, _BATCH // count),
            **shared,
        )
    else:
        found = scipy.stats.bootstrap(
            (np.arange(count),),
            difference,
            vectorized=False,
            batch=1,
            **{**shared, "n_resamples": _SLOW_RESAMPLES},
        )
    drawn = found.bootstrap_distribution
    return Difference(
        value=value,
        low=float(found.confidence_interval.low),
        high=float(found.confidence_interval.high),
        share=min(1.0, 2 * min(float(np.mean(drawn <= 0)), float(np.mean(drawn >= 0)))),
    )


def _of_counts(
    metric: CountMetric,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    gold: np.ndarray,
) -> Callable[..., np.ndarray]:
    """The difference of a metric of confusion matrices, over resamples at once."""
    labels = 1 + int(max(side.max() for side in (gold, *ours, *theirs)))

    def difference(index: np.ndarray, axis: int = -1) -> np.ndarray:
        rows = index.reshape(-1, index.shape[-1])
        means = [
            np.mean(
                [metric(resampled_counts(gold, each, rows, labels)) for each in side],
                axis=0,
            )
            for side in (ours, theirs)
        ]
        return np.asarray(means[0] - means[1]).reshape(index.shape[:-1])

    return difference
