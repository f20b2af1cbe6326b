"""How models agree with the labels, and a student with its teacher."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import scipy.spatial.distance
import sklearn.metrics

from pd_bert.analysis.predictions import Predictions
from pd_bert.tasks.calibration_error import BINS, calibration_error, confidence_bins


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A model's predictions on labeled text.

    `confidence` is float [n], the probability of the predicted label in [0, 1];
    `correct` is bool [n]. They are those of `seeds` models on the same texts, which do
    not tell as much as other texts would.
    """

    name: str
    confidence: np.ndarray
    correct: np.ndarray
    seeds: int = 1

    @property
    def bins(self) -> np.ndarray:
        """int [n], the bin of each prediction, 0 to 9."""
        return confidence_bins(self.confidence)

    @property
    def ece(self) -> float:
        """Expected calibration error in [0, 1], 10 bins; NaN without predictions."""
        if not len(self.confidence):
            return math.nan
        return calibration_error(self.confidence, self.correct)


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
        confidence=np.concatenate([m.answers.max(axis=1) for m in models]),
        correct=np.concatenate([m.predicted == m.label for m in models]),
        seeds=len(models),
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
    labels = np.arange(models[0].answers.shape[1])
    return np.sum(
        [
            sklearn.metrics.confusion_matrix(each.label, each.predicted, labels=labels)
            for each in models
        ],
        axis=0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One example: the gold label, and what both models say of it.

    `student` and `teacher` are the probabilities of the labels, means over seeds, or
    (score,) for a regression. `divergence` is the Jensen-Shannon divergence of the two
    in bits, from 0 to 1 (Lin 1991), or the absolute difference of the scores.
    """

    example_id: int
    gold: float
    student: tuple[float, ...]
    teacher: tuple[float, ...]
    divergence: float


def largest_disagreements(
    student: Sequence[Predictions], teacher: Sequence[Predictions], *, count: int = 20
) -> tuple[Disagreement, ...]:
    """The `count` examples of a split on which they differ most, the worst first.

    Both are the predictions of one model for each seed, at least one, on the same
    examples. Of equal divergences the earlier example comes first.
    """
    said = [_mean(side) for side in (student, teacher)]
    gaps = (
        np.abs(said[0] - said[1])[:, 0]
        if student[0].is_regression
        else _jensen_shannon(*said)
    )
    worst = np.argsort(-gaps, kind="stable")[:count]
    return tuple(
        Disagreement(
            example_id=int(student[0].example_id[row]),
            gold=student[0].label[row].item(),
            student=tuple(map(float, said[0][row])),
            teacher=tuple(map(float, said[1][row])),
            divergence=float(gaps[row]),
        )
        for row in worst
    )


def _mean(models: Sequence[Predictions]) -> np.ndarray:
    """float64 [n, labels]."""
    answers = [model.answers for model in models]
    return np.asarray(np.mean(answers, axis=0, dtype=np.float64))


def _jensen_shannon(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits, [n]. SciPy gives its root; rounding may make equal rows NaN."""
    root = scipy.spatial.distance.jensenshannon(one, other, base=2, axis=1)
    return np.asarray(np.nan_to_num(np.square(root)))
