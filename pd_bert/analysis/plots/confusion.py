"""Which labels a model takes for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure


def confusion(counts: np.ndarray, *, labels: Sequence[str], title: str = "") -> Figure:
    """The matrix with the count and the percent of the row in each cell.

    `counts` is int [labels, labels], [gold, predicted].

    Raises ValueError if `counts` is not square or has not a row a label.
    """
    raise NotImplementedError
