"""What every figure keeps to."""

import collections
import itertools
import re
import xml.etree.ElementTree
from collections.abc import Callable

import pytest
from matplotlib.axis import Tick
from matplotlib.figure import Figure
from matplotlib.text import Text

from pd_bert.report.plots.style import look
from pd_bert.report.plots.svg import svg

_PIXEL = 1.0


@pytest.fixture
def check() -> Callable[[Figure], list[str]]:
    return _check


@look()  # where numbers stand on an axis depends on it
def _check(figure: Figure) -> list[str]:
    """The figure's texts; fails where something is cut off or lies over another."""
    figure.draw_without_rendering()
    texts = _shown(figure)
    whole = figure.bbox.padded(_PIXEL)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for name, box in boxes:
        assert whole.contains(*box.min), f"{name!r} is cut off"
        assert whole.contains(*box.max), f"{name!r} is cut off"
    axes = [one for one in figure.axes if one.get_visible()]
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert whole.contains(*box.min), "a legend is cut off"
        assert whole.contains(*box.max), "a legend is cut off"
        for one in axes:
            assert not box.padded(-_PIXEL).overlaps(one.get_tightbbox()), "a legend"
    for one, other in itertools.combinations(figure.legends, 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent())
    around = [one.get_tightbbox().padded(-_PIXEL) for one in axes]
    for one, other in itertools.combinations(around, 2):
        assert not one.overlaps(other)
    for (name, box), (other, its) in itertools.combinations(boxes, 2):
        assert not box.padded(-_PIXEL).overlaps(its), f"{name!r} lies over {other!r}"
    _check_svg(figure)
    return [text.get_text() for text in texts]


def _shown(figure: Figure) -> list[Text]:
    """The texts that are drawn: of an axis's ticks only those within its limits."""
    hidden: set[Text] = set()
    for axes in figure.axes:
        found = set(axes.findobj(Text))
        if not axes.get_visible():
            hidden |= found
            continue
        for axis in (axes.xaxis, axes.yaxis):
            hidden |= set(axis.findobj(Text))
            if axes.axison:
                drawn = [tick for tick in axis._update_ticks() if tick.get_visible()]
                hidden -= {label for tick in drawn for label in _labels(tick)}
                hidden.discard(axis.label)
    return [
        text
        for text in figure.findobj(Text)
        if text not in hidden and text.get_visible() and text.get_text().strip()
    ]


def _labels(tick: Tick) -> tuple[Text, Text]:
    return tick.label1, tick.label2


def _check_svg(figure: Figure) -> None:
    written = svg(figure, name="a", title="A < B", description="x & y")
    assert written == svg(figure, name="a", title="A < B", description="x & y")
    root = xml.etree.ElementTree.fromstring(written)
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert [one for one, n in collections.Counter(ids).items() if n > 1] == []
    assert all(one.startswith("a-") for one in ids)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', written)
    assert set(used) <= set(ids)
