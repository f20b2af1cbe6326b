"""Metrics over arrays of predictions and gold labels, from SciPy and scikit-learn."""

import numpy as np
import scipy.stats
import sklearn.metrics


def accuracy(predicted: np.ndarray, gold: np.ndarray) -> float:
    """The share of examples that are right; int [n] both."""
    return float(sklearn.metrics.accuracy_score(gold, predicted))


def f1(predicted: np.ndarray, gold: np.ndarray) -> float:
    """F1 of class 1, as GLUE scores MRPC and QQP."""
    return float(sklearn.metrics.f1_score(gold, predicted, zero_division=0))


def macro_f1(predicted: np.ndarray, gold: np.ndarray) -> float:
    """The mean of the classes' F1."""
    return float(
        sklearn.metrics.f1_score(gold, predicted, average="macro", zero_division=0)
    )


def matthews(predicted: np.ndarray, gold: np.ndarray) -> float:
    """Matthews correlation, as GLUE scores CoLA."""
    return float(sklearn.metrics.matthews_corrcoef(gold, predicted))


def pearson(predicted: np.ndarray, gold: np.ndarray) -> float:
    """Pearson correlation; float [n] both; 0 where a side is constant."""
    return _correlation(scipy.stats.pearsonr, predicted, gold)


def spearman(predicted: np.ndarray, gold: np.ndarray) -> float:
    """Spearman rank correlation; float [n] both; 0 where a side is constant."""
    return _correlation(scipy.stats.spearmanr, predicted, gold)


def _correlation(function: object, a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(function(a, b).statistic)  # type: ignore[operator]
