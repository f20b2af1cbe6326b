"""How often a classifier is right when it is so sure, and what it takes for what."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import sklearn.metrics

from pd_bert.analysis.plots.calibration import BINS, Judged
from pd_bert.analysis.predictions import Predictions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bin:
    """Predictions whose confidence lies in [low, high); 1 belongs to the last bin.

    `confidence` and `accuracy` are means from 0 to 1, None where the bin is empty.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def judged(name: str, models: Sequence[Predictions]) -> Judged:
    """The confidence and correctness of classifiers; several seeds thrown together.

    Its `ece` is the expected calibration error over 10 bins.
    """
    return Judged(
        name=name,
        confidence=np.concatenate([m.probabilities.max(axis=1) for m in models]),
        correct=np.concatenate([m.predicted == m.label for m in models]),
    )


def bins(model: Judged) -> tuple[Bin, ...]:
    """The ten bins of equal width, the least sure first."""
    found = []
    for number in range(BINS):
        taken = model.bins == number
        count = int(taken.sum())
        found.append(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                count=count,
                confidence=float(model.confidence[taken].mean()) if count else None,
                accuracy=float(model.correct[taken].mean()) if count else None,
            )
        )
    return tuple(found)


def confusion_counts(models: Sequence[Predictions]) -> np.ndarray:
    """int [labels, labels], [gold, predicted], summed over the models."""
    labels = np.arange(models[0].logits.shape[1])
    return np.sum(
        [
            sklearn.metrics.confusion_matrix(each.label, each.predicted, labels=labels)
            for each in models
        ],
        axis=0,
    )
