"""What every figure keeps to."""

import collections
import itertools
import re
import xml.etree.ElementTree
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from pd_bert.analysis.plots.style import look
from pd_bert.analysis.plots.svg import svg

_PIXEL = 1.0


@pytest.fixture
def check() -> Callable[[Figure], list[str]]:
    return _check


def _check(figure: Figure) -> list[str]:
    """The figure's texts; fails where something is cut off or lies over another."""
    with look():
        figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if _shown(text)]
    whole = figure.bbox.padded(_PIXEL)
    for text in texts:
        box = text.get_window_extent()
        assert whole.contains(*box.min), f"{text.get_text()!r} is cut off"
        assert whole.contains(*box.max), f"{text.get_text()!r} is cut off"
    axes = [one for one in figure.axes if one.get_visible()]
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert whole.contains(*box.min), "a legend is cut off"
        assert whole.contains(*box.max), "a legend is cut off"
        for one in axes:
            assert not box.padded(-_PIXEL).overlaps(one.get_tightbbox())
    for one, other in itertools.combinations(figure.legends, 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent())
    for one, other in itertools.combinations(axes, 2):
        assert not one.get_tightbbox().padded(-_PIXEL).overlaps(other.get_tightbbox())
    for one, other in itertools.combinations(texts, 2):
        # Lines of one text overlap by their leading; a pixel all around is allowed.
        assert not (
            one.get_window_extent().padded(-_PIXEL).overlaps(other.get_window_extent())
        ), f"{one.get_text()!r} lies over {other.get_text()!r}"
    _check_svg(figure)
    return [text.get_text() for text in texts]


def _shown(text: Text) -> bool:
    if not text.get_text().strip() or not text.get_visible():
        return False
    if text.axes is not None and not text.axes.get_visible():
        return False
    # Axes hold labels of ticks outside their limits, which are not drawn.
    if text.axes is not None:
        drawn = [*text.axes.texts, *text.axes.get_children()]
        for axis in (text.axes.xaxis, text.axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if text in (tick.label1, tick.label2):
                    return text.axes.axison and low <= tick.get_loc() <= high
            if text is axis.label:
                return bool(text.axes.axison)
        assert drawn
    return True


def _check_svg(figure: Figure) -> None:
    written = svg(figure, name="a", title="A < B", description="x & y")
    assert written == svg(figure, name="a", title="A < B", description="x & y")
    root = xml.etree.ElementTree.fromstring(written)
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert [one for one, n in collections.Counter(ids).items() if n > 1] == []
    assert all(one.startswith("a-") for one in ids)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', written)
    assert set(used) <= set(ids)
