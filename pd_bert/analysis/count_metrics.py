"""Metrics of many confusion matrices at once, for resampling.

They equal the metrics of `pd_bert.tasks.metrics`, which need one call per resample.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pd_bert.tasks import metrics

CountMetric = Callable[[np.ndarray], np.ndarray]


def f1(counts: np.ndarray) -> np.ndarray:
    """Returns F1 of class 1, [n]; `counts` are int [n, gold, predicted]."""
    return _f1(counts)[:, 1]


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Returns the mean F1 of the classes that occur, as gold label or as answer."""
    occurs = counts.sum(axis=1) + counts.sum(axis=2) > 0
    return np.asarray((_f1(counts) * occurs).sum(axis=1) / occurs.sum(axis=1))


def matthews(counts: np.ndarray) -> np.ndarray:
    """Returns the Matthews correlation of any number of classes; 0 for 0/0.

    See Gorodkin 2004.
    """
    counts = counts.astype(np.float64)
    gold, predicted = counts.sum(axis=2), counts.sum(axis=1)
    all_ = gold.sum(axis=1)
    right = np.trace(counts, axis1=1, axis2=2)
    shared = right * all_ - (gold * predicted).sum(axis=1)
    spreads = [all_**2 - (side**2).sum(axis=1) for side in (gold, predicted)]
    return _ratio(shared, np.sqrt(spreads[0] * spreads[1]))


COUNT_METRICS: Mapping[Any, CountMetric] = {
    metrics.f1: f1,
    metrics.macro_f1: macro_f1,
    metrics.matthews: matthews,
}


def resampled_counts(
    gold: np.ndarray, predicted: np.ndarray, index: np.ndarray, labels: int
) -> np.ndarray:
    """Returns [n, labels, labels], the confusion matrices of `index` [n, examples]."""
    cells = (gold * labels + predicted)[index]
    size = labels * labels
    offsets = size * np.arange(len(index))[:, None]
    found = np.bincount((cells + offsets).ravel(), minlength=size * len(index))
    return found.reshape(len(index), labels, labels)


def _f1(counts: np.ndarray) -> np.ndarray:
    """[n, labels]; 0 for a class that does not occur."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    return _ratio(2 * right, counts.sum(axis=1) + counts.sum(axis=2))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)
