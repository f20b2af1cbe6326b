"""The uncertainty of a difference between models, over examples."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

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
# Rounding of means must not make equal sides differ.
_DIGITS = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two sides' metrics with its 95 % interval.

    `share` is twice the smaller of the shares of resamples in which the difference is
    ≤ 0 and ≥ 0, at most 1: small where the sign is certain, near 1 where it is not. It
    behaves like a two-sided p-value but is not one.
    """

    value: float
    low: float
    high: float
    share: float


def paired_bootstrap(
    metric: Metric,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    gold: np.ndarray,
    *,
    seed: int = 0,
) -> Difference:
    """Returns the paired bootstrap over examples (Efron, Tibshirani 1993, chapter 16).

    `ours` and `theirs` are the predictions [n] of each seed's model, on the same
    examples in the same order; `gold` [n]. The examples are resampled, n of n with
    replacement, the same for all models of both sides. In each resample the metric of
    every model is averaged over the seeds of its side; the difference is that of the
    two means. The interval is the percentile interval. It is about other examples, not
    about other seeds.

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
        return round(float(means[0] - means[1]), _DIGITS)

    data = np.arange(count)
    statistic: Callable[..., Any] = difference
    if metric is accuracy:
        # A mean over examples needs only the difference at each: in whole numbers, so
        # that equal sides are exactly equal.
        right = [sum((e == gold).astype(np.int64) for e in s) for s in (ours, theirs)]
        data = right[0] * len(theirs) - right[1] * len(ours)
        statistic = functools.partial(_mean, scale=len(ours) * len(theirs))
    elif metric in COUNT_METRICS:
        statistic = _of_counts(COUNT_METRICS[metric], ours, theirs, gold)
    at_once = statistic is not difference
    found = scipy.stats.bootstrap(
        (data,),
        statistic,
        vectorized=at_once,
        batch=max(1, _BATCH // count) if at_once else 1,
        n_resamples=RESAMPLES if at_once else _SLOW_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    drawn = found.bootstrap_distribution
    return Difference(
        value=difference(np.arange(count)),
        low=float(found.confidence_interval.low),
        high=float(found.confidence_interval.high),
        share=min(1.0, 2 * min(float(np.mean(drawn <= 0)), float(np.mean(drawn >= 0)))),
    )


def _mean(gaps: np.ndarray, axis: int, *, scale: int) -> np.ndarray:
    return np.asarray(np.sum(gaps, axis=axis) / (scale * gaps.shape[axis]))


def _of_counts(
    metric: CountMetric,
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    gold: np.ndarray,
) -> Callable[..., np.ndarray]:
    """Returns the difference of a metric of confusion matrices, over resamples."""
    # At least two: there may be no positive example, and no positive answer.
    labels = max(2, 1 + int(max(side.max() for side in (gold, *ours, *theirs))))

    def difference(index: np.ndarray, axis: int = -1) -> np.ndarray:
        rows = index.reshape(-1, index.shape[-1])
        means = [
            np.mean(
                [metric(resampled_counts(gold, each, rows, labels)) for each in side],
                axis=0,
            )
            for side in (ours, theirs)
        ]
        gaps = np.round(means[0] - means[1], _DIGITS)
        return np.asarray(gaps).reshape(index.shape[:-1])

    return difference
