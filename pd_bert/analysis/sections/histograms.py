"""Histograms and figures that several sections draw alike."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pd_bert.analysis.content import Drawing, number
from pd_bert.analysis.plots.histogram import Bars, histogram
from pd_bert.analysis.plots.svg import svg

TENTHS = tuple(range(0, 101, 10))


def shares_figure(
    name: str,
    title: str,
    series: Sequence[Bars],
    *,
    edges: Sequence[float],
    cut: bool = False,
    **rest: Any,
) -> Drawing:
    if cut:
        used = [
            index
            for index in range(len(edges) - 1)
            if any(each.values[index] for each in series)
        ] or [0]
        first, last = used[0], used[-1] + 1
        edges = edges[first : last + 1]
        series = [Bars(name=b.name, values=b.values[first:last]) for b in series]
    picture = histogram(series, edges=edges, **rest)
    caption = f"{title}."
    return Drawing(
        caption=caption,
        svg=Markup(svg(picture, name=name, title=title, description=caption)),
    )


def length_edges(up_to: Sequence[int | None]) -> tuple[float, ...]:
    """The ends of bins that hold lengths up to each; the last has all above."""
    known = [each for each in up_to if each is not None]
    open_end = [2 * known[-1]] if len(known) < len(up_to) else []
    return (0, *known, *open_end)


def percent(share: float | None, digits: int = 1) -> str:
    return number(None if share is None else 100 * share, digits)
