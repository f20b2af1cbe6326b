"""Agreement of models with the labels, and of a student with its teacher."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import scipy.spatial.distance
import scipy.stats
import sklearn.metrics

from pd_bert.analysis.predictions import Predictions
from pd_bert.tasks.calibration_error import BINS, calibration_error, confidence_bins


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bin:
    """Predictions whose confidence lies in [low, high); 1 belongs to the last bin.

    `confidence` and `accuracy` are means from 0 to 1; `interval` is the accuracy's 95 %
    Wilson interval for as many texts as one seed has in the bin. All three are None
    where the bin is empty.
    """

    low: float
    high: float
    count: int
    confidence: float | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A classifier's predictions on labeled text, of all its seeds together.

    `confidence` is float [n], the probability of the predicted label in [0, 1];
    `correct` is bool [n]. The `seeds` models have the same texts, which say less than
    as many different texts would.
    """

    name: str
    confidence: np.ndarray
    correct: np.ndarray
    seeds: int = 1

    @property
    def ece(self) -> float:
        """Expected calibration error in [0, 1], 10 bins; NaN without predictions."""
        if not len(self.confidence):
            return math.nan
        return calibration_error(self.confidence, self.correct)

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The ten bins of equal width, the lowest confidence first."""
        numbers = confidence_bins(self.confidence)
        return tuple(self._bin(number, numbers == number) for number in range(BINS))

    def _bin(self, number: int, held: np.ndarray) -> Bin:
        low, high, count = number / BINS, (number + 1) / BINS, int(held.sum())
        if not count:
            return Bin(low=low, high=high, count=0)
        accuracy = float(self.correct[held].mean())
        return Bin(
            low=low,
            high=high,
            count=count,
            confidence=float(self.confidence[held].mean()),
            accuracy=accuracy,
            interval=wilson(accuracy, count / self.seeds),
        )


def judged(name: str, models: Sequence[Predictions]) -> Judged:
    """Returns the confidence and correctness of a classifier's seeds together."""
    return Judged(
        name=name,
        confidence=np.concatenate([m.answers.max(axis=1) for m in models]),
        correct=np.concatenate([m.predicted == m.label for m in models]),
        seeds=len(models),
    )


def wilson(share: float, count: float) -> tuple[float, float]:
    """Returns a share's 95 % interval (Wilson 1927); `count` may be a mean."""
    z = float(scipy.stats.norm.ppf(0.975))
    middle = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    below = 1 + z**2 / count
    return (middle - half) / below, (middle + half) / below


def confusion_counts(models: Sequence[Predictions]) -> np.ndarray:
    """Returns int [labels, labels], [gold, predicted], summed over the models."""
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
    """An example's gold label and the answers of student and teacher.

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
    """Returns the `count` examples on which the two differ most, the worst first.

    Both are the predictions of at least one seed's model, on the same examples. Of
    equal divergences the earlier example comes first.
    """
    ours, theirs = (
        np.stack([each.answers for each in side]).mean(axis=0, dtype=np.float64)
        for side in (student, teacher)
    )
    if student[0].is_regression:
        gaps = np.abs(ours - theirs)[:, 0]
    else:
        root = scipy.spatial.distance.jensenshannon(ours, theirs, base=2, axis=1)
        gaps = np.nan_to_num(np.square(root))  # rounding may make equal rows NaN
    worst = np.argsort(-gaps, kind="stable")[:count]
    return tuple(
        Disagreement(
            example_id=int(student[0].example_id[row]),
            gold=student[0].label[row].item(),
            student=tuple(map(float, ours[row])),
            teacher=tuple(map(float, theirs[row])),
            divergence=float(gaps[row]),
        )
        for row in worst
    )
