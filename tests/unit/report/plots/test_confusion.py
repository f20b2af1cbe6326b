"""Counts of gold and predicted labels."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from pd_bert.report.plots.confusion import confusion

Check = Callable[[Figure], list[str]]


def test_cells_have_count_and_percent_of_the_gold_label(check: Check) -> None:
    counts = np.array([[1200, 400], [0, 0]])
    figure = confusion(counts, labels=["negative", "positive"], title="pd tiny, dev")
    texts = check(figure)
    assert {"1,200\n75 %", "400\n25 %", "0\n0 %", "pd tiny, dev"} <= set(texts)
    assert {"gold label", "predicted label", "share of the gold label (%)"} <= set(
        texts
    )
    cell = next(one for one in figure.axes[0].texts if one.get_text() == "400\n25 %")
    assert cell.get_position() == (1, 0)  # gold is the row


@pytest.mark.parametrize("size", [1, 3, 14])
def test_long_labels(size: int, check: Check) -> None:
    labels = [f"a_label_with_a_long_name_{i} and more words of it" for i in range(size)]
    counts = np.full((size, size), 123_456)
    check(confusion(counts, labels=labels, title="a long title " * 8))


def test_a_matrix_that_does_not_fit_its_labels() -> None:
    with pytest.raises(ValueError, match=r"\[2, 2\] for 2 labels; received \[2, 3\]"):
        confusion(np.zeros((2, 3), int), labels=["a", "b"])
