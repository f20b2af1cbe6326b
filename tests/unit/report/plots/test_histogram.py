"""Distributions over shared bins."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from pd_bert.report.plots.histogram import Bars, histogram

Check = Callable[[Figure], list[str]]


def heights(figure: Figure) -> list[list[float]]:
    found = [one for one in figure.axes[0].patches if isinstance(one, StepPatch)]
    return [one.get_data().values.tolist() for one in found]


def test_counts_become_percent_of_their_own_sum(check: Check) -> None:
    figure = histogram(
        [Bars(name="D_L", values=(1, 3)), Bars(name="D_T", values=(900, 100))],
        edges=[0, 16, 32],
        x_label="length (tokens)",
        y_label="share of the texts (%)",
    )
    assert heights(figure) == [[25, 75], [90, 10]]
    texts = check(figure)
    assert {"D_L", "D_T", "length (tokens)", "share of the texts (%)"} <= set(texts)


def test_means_keep_their_values_and_gaps(check: Check) -> None:
    figure = histogram(
        [Bars(name="teacher", values=(95.0, None, 90.0))],
        edges=[0, 8, 16, 24],
        x_label="length (tokens)",
        y_label="mean confidence (%)",
        shares=False,
    )
    np.testing.assert_array_equal(heights(figure), [[95.0, np.nan, 90.0]])
    assert "mean confidence (%)" in check(figure)


def test_empty_series(check: Check) -> None:
    assert heights(
        histogram([Bars(name="a", values=(0,))], edges=[0, 1], x_label="x")
    ) == [[0]]
    assert "no values" in check(histogram([], edges=[0, 1], x_label="x"))
    none = Bars(name="a", values=(None,))
    assert "no values" in check(
        histogram([none], edges=[0, 1], x_label="x", shares=False)
    )


def test_one_value_a_bin() -> None:
    with pytest.raises(ValueError, match="3 edges make 2 bins; 'a' has 1 values"):
        histogram([Bars(name="a", values=(1,))], edges=[0, 1, 2], x_label="x")
