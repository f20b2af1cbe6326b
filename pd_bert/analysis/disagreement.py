"""Where a student and its teacher part."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.spatial.distance

from pd_bert.analysis.predictions import Predictions


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


def disagreements(
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
    said = [m.logits if m.is_regression else m.probabilities for m in models]
    return np.asarray(np.mean(said, axis=0, dtype=np.float64))


def _jensen_shannon(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits, [n]. SciPy gives its root; rounding may make equal rows NaN."""
    root = scipy.spatial.distance.jensenshannon(one, other, base=2, axis=1)
    return np.asarray(np.nan_to_num(np.square(root)))
