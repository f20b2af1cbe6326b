"""Numbers on axes: 50k, 1.2m, 0.5."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
)


def short(value: float, _: object = None) -> str:
    """Returns a number with k, m or b for thousands, millions and (US) billions.

    >>> [short(value) for value in (0.25, 128, 50_000, 4_385_920)]
    ['0.25', '128', '50k', '4.39m']
    """
    for unit, letter in ((1e9, "b"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= 0.9995 * unit:  # 999.9 is rounded to 1k
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def few_y(axes: Axes) -> None:
    """Gives a linear y axis few and short numbers."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))


def linear_x(axes: Axes) -> None:
    """Gives an x axis even steps; whole numbers if all values are."""
    if not _only_one(axes):
        whole = all(float(x).is_integer() for x in _values(axes))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=whole))
    axes.xaxis.set_major_formatter(FuncFormatter(short))


def log_x(axes: Axes) -> None:
    """Makes an x axis logarithmic, after the values have been drawn.

    Up to three decades have a number at 1, 2 and 5, more have one per decade.
    """
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(short))
    if _only_one(axes):
        return
    low, high = axes.get_xlim()
    few = math.log10(high / low) <= 3
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))


def _values(axes: Axes) -> set[float]:
    return {x for line in axes.lines for x in np.asarray(line.get_xdata())}


def _only_one(axes: Axes) -> bool:
    """True if all values have one x, which alone is written then."""
    found = _values(axes)
    if len(found) == 1:
        axes.set_xticks(list(found))
    return len(found) == 1
