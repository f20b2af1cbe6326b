"""Whether a model is as often right as it is sure."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

BINS = 10


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A model's predictions on labeled text.

    `confidence` is float [n], the probability of the predicted label in [0, 1];
    `correct` is bool [n].
    """

    name: str
    confidence: np.ndarray
    correct: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error in [0, 1], 10 bins (Guo et al. 2017, equation 3).

        NaN without predictions.
        """
        raise NotImplementedError


def calibration(models: Sequence[Judged]) -> Figure:
    """A reliability diagram a model, its ECE in the title, the counts below."""
    raise NotImplementedError
