"""Which artifact was made from which."""

import graphlib
import itertools
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from pd_bert.report.plots.lineage import Box, lineage

Check = Callable[[Figure], list[str]]


def recipe(students: int) -> list[Box]:
    """Six artifacts that all share, and two for each student."""
    boxes = [
        Box(id="e", kind="load_encoder", name="bert", fingerprint="0123456789abcdef"),
        Box(id="t", kind="prepare", name="sst2", inputs=("e",)),
        Box(id="x", kind="prepare", name="transfer", inputs=("e", "e")),
        Box(id="f", kind="finetune", name="teacher", inputs=("e", "t")),
        Box(id="l", kind="label", name="transfer", inputs=("f", "x", "unknown")),
        Box(id="c", kind="prepare", name="corpus", inputs=("e",)),
    ]
    for i in range(students):
        name = f"l{i}_h128"
        boxes += [
            Box(id=f"p{i}", kind="pretrain", name=name, inputs=("c",)),
            Box(
                id=f"d{i}",
                kind="distill",
                name=f"pd_{name}",
                inputs=(f"p{i}", "l", "t"),
                finished=i % 2 == 0,
            ),
        ]
    return boxes


def boxes_of(figure: Figure) -> list[FancyBboxPatch]:
    found = [one for one in figure.axes[0].patches if isinstance(one, FancyBboxPatch)]
    return sorted(found, key=lambda box: box.get_x())


@pytest.mark.parametrize("students", [0, 2, 27])
def test_boxes_and_arrows(students: int, check: Check) -> None:
    figure = lineage(recipe(students))
    texts = check(figure)
    assert {"load_encoder", "label", "corpus", "01234567"} <= set(texts)
    boxes = boxes_of(figure)
    assert len(boxes) == 6 + 2 * students
    arrows = [one for one in figure.axes[0].patches if isinstance(one, FancyArrowPatch)]
    assert len(arrows) == 7 + 4 * students
    extents = [box.get_window_extent() for box in boxes]
    for one, other in itertools.combinations(extents, 2):
        assert not one.overlaps(other)
    for box in extents:
        assert figure.bbox.contains(*box.min)
        assert figure.bbox.contains(*box.max)
    # No arrow passes through a box; it may touch the two that it joins.
    for arrow, extent in itertools.product(arrows, extents):
        path = arrow._path_original.transformed(figure.axes[0].transData)
        assert not path.intersects_bbox(extent.padded(-4), filled=False)


def test_layers_are_by_the_longest_way() -> None:
    figure = lineage(recipe(1))
    lefts = [round(box.get_x(), 3) for box in boxes_of(figure)]
    step = lefts[1] - lefts[0]
    # e; t, x, c; f, p0; l; d0
    assert [round(left / step) for left in lefts] == [0, 1, 1, 1, 2, 2, 3, 4]


def test_unfinished_are_dashed() -> None:
    dashes = [box.get_linestyle() for box in boxes_of(lineage(recipe(4)))]
    assert dashes.count("--") == 2


def test_long_names_are_whole_and_inside_their_boxes(check: Check) -> None:
    name = "a_name_that_is_long_and_has_no_spaces_and_goes_on_and_on"
    figure = lineage([Box(id="a", kind="k" * 40, name=name, fingerprint="f" * 64)])
    texts = check(figure)
    assert name in "".join(texts)
    (box,) = boxes_of(figure)
    for text in figure.axes[0].texts:
        assert box.get_window_extent().contains(*text.get_window_extent().min)
        assert box.get_window_extent().contains(*text.get_window_extent().max)


def test_none(check: Check) -> None:
    assert check(lineage([])) == ["no values"]


def test_a_circle_is_refused() -> None:
    boxes = [
        Box(id="a", kind="k", name="a", inputs=("b",)),
        Box(id="b", kind="k", name="b", inputs=("a",)),
    ]
    with pytest.raises(graphlib.CycleError):
        lineage(boxes)
