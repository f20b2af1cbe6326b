"""Values against steps."""

import math
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from pd_bert.analysis.logs import History
from pd_bert.report.plots.learning import learning

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


def test_one_value_and_none(check: Check) -> None:
    check(learning([history("a", "b", 1.0)], y_label="y"))
    assert "no values" in check(learning([history("a", "b")], y_label="y"))
    assert "no values" in check(learning([], y_label="y"))
