"""Values against steps."""

import math
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from pd_bert.analysis.plots.learning import History, learning

Check = Callable[[Figure], list[str]]


def history(kind: str, name: str, *values: float) -> History:
    steps = tuple(range(10, 10 + 10 * len(values), 10))
    return History(kind=kind, name=name, steps=steps, values=values)


def test_a_panel_a_kind_a_line_a_stage(check: Check) -> None:
    figure = learning(
        [
            history("pretrain", "tiny", 5.0, math.nan, 3.0),
            history("distill", "pd", 1.0, 0.5),
            history("distill", "d", 2.0, 1.5),
        ],
        y_label="loss (nats)",
    )
    texts = check(figure)
    assert {"pretrain", "distill", "tiny", "pd", "d", "loss (nats)", "step"} <= set(
        texts
    )
    left, right = figure.axes
    assert left.lines[0].get_xydata().tolist() == [[10, 5.0], [30, 3.0]]
    assert len(right.lines) == 2


def test_smoothing_is_means_and_is_said(check: Check) -> None:
    one = history("finetune", "teacher", 4.0, 2.0, 1.0, 3.0, 9.0)
    figure = learning([one], y_label="loss (nats)", window=2)
    assert any("mean of 2 logged values" in text for text in check(figure))
    assert figure.axes[0].lines[0].get_xydata().tolist() == [
        [20, 3.0],
        [40, 2.0],
        [50, 9.0],
    ]


@pytest.mark.parametrize("kinds", [1, 4])
def test_many_stages(kinds: int, check: Check) -> None:
    many = [
        history(
            f"kind {i % kinds}", f"distill-l{i}_h128 seed 1", 3.0, 2.0, 1.0 + i / 48
        )
        for i in range(48)
    ]
    figure = learning(many, y_label="loss (nats)")
    assert "28 more" in check(figure)
    assert sum(len(axes.lines) for axes in figure.axes) == 48


def test_long_histories_are_thinned_and_keep_their_ends() -> None:
    one = history("pretrain", "tiny", *map(float, range(5000)))
    figure = learning([one], y_label="loss (nats)")
    x = figure.axes[0].lines[0].get_xdata()
    assert (len(x), x[0], x[-1]) == (400, 10, 50_000)


def test_one_value_and_none(check: Check) -> None:
    check(learning([history("a", "b", 1.0)], y_label="y"))
    assert "no values" in check(learning([history("a", "b")], y_label="y"))
    assert "no values" in check(learning([], y_label="y"))
