"""Calibration: is a classifier right as often as it is confident?"""

import numpy as np

BINS = 10


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error, a share of 1 (Guo et al. 2017, Equation 3).

    `confidence` is float [n], the probability of the answer in [0, 1]; `right` bool
    [n]; n ≥ 1. Over ten bins.
    """
    gap = np.asarray(confidence, float) - np.asarray(right, float)
    # n_b/n · |accuracy − confidence| is |Σ gap|/n.
    sums = np.bincount(confidence_bins(confidence), weights=gap, minlength=BINS)
    return float(np.abs(sums).sum() / len(gap))


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """int [n], the bin of each confidence: ten of equal width; 1 is in the last."""
    return np.minimum((np.asarray(confidence) * BINS).astype(int), BINS - 1)
