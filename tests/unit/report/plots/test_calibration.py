"""Confidence against accuracy."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from pd_bert.analysis.agreement import Judged, wilson
from pd_bert.report.plots.calibration import calibration

Check = Callable[[Figure], list[str]]


def judged(name: str, confidence: list[float], correct: list[bool]) -> Judged:
    return Judged(
        name=name, confidence=np.array(confidence), correct=np.array(correct, bool)
    )


def test_error_is_the_mean_gap_weighted_by_count() -> None:
    # Bin 9: sure 0.95, right 2/3; bin 5: sure 0.5, right 1.
    model = judged("pd", [0.95, 0.95, 0.95, 0.5], [True, True, False, True])
    expected = 3 / 4 * abs(0.95 - 2 / 3) + 1 / 4 * abs(0.5 - 1)
    assert model.ece == pytest.approx(expected)
    assert [each.count for each in model.bins] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    assert judged("sure", [1.0], [True]).bins[9].count == 1
    assert math.isnan(judged("none", [], []).ece)


def test_small_multiples(check: Check) -> None:
    models = [
        judged(f"model {i} of a long name", [0.54, 0.72, 0.98, 1.0], [0, 1, 1, 1])
        for i in range(5)
    ]
    figure = calibration([*models, judged("none", [], [])])
    texts = check(figure)
    assert {"confidence (%)", "accuracy (%)", "texts", "no values"} <= set(texts)
    # 0.54 + 0.28 + |0.98 + 1 − 2|, over four
    assert sum("ECE 21.0 %" in text.replace("\n", " ") for text in texts) == 5
    points = next(one for one in figure.axes[0].lines if one.get_marker() == "o")
    assert list(points.get_xdata()) == pytest.approx([54, 72, 99])
    assert list(points.get_ydata()) == pytest.approx([0, 100, 100])


def test_one_and_none(check: Check) -> None:
    assert "a\nECE 10.0 %" in check(calibration([judged("a", [0.9], [True])]))
    assert "no values" in check(calibration([]))


def test_seeds_do_not_narrow_the_interval(check: Check) -> None:
    # Wilson (1927) for 8 of 10; scipy.stats.binomtest(8, 10) gives the same.
    assert wilson(0.8, 10) == pytest.approx((0.4901625, 0.9433178))
    one = judged("m", [0.95] * 10, [True] * 8 + [False] * 2)
    three = Judged(
        name="m",
        confidence=np.tile(one.confidence, 3),
        correct=np.tile(one.correct, 3),
        seeds=3,
    )
    ends = []
    for model in (one, three):
        axes = calibration([model]).axes[0]
        (interval,) = axes.collections[0].get_segments()
        ends.append([y for _, y in interval])
    assert ends[0] == pytest.approx([49.01625, 94.33178])
    assert ends[1] == pytest.approx(ends[0])
