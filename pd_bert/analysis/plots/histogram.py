"""Distributions over shared bins, and means a bin."""

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bars:
    """A series over bins: one value a bin (a count or a mean); None: no value."""

    name: str
    values: tuple[float | None, ...]


def histogram(
    series: Sequence[Bars],
    *,
    edges: Sequence[float],
    x_label: str,
    y_label: str = "share (%)",
    shares: bool = True,
) -> Figure:
    """The series as outlines over the same bins, one value fewer than `edges`.

    With `shares` the values are counts, and each series is drawn as percent of its own
    sum, so that sets of unlike sizes compare. Without, the values are drawn as they are
    (mean confidence in percent by length) and bins without a value are gaps.

    Raises ValueError if a series has not one value a bin.
    """
    raise NotImplementedError
