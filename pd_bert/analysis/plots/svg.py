"""A figure as SVG text for the inside of an HTML page."""

from matplotlib.figure import Figure


def svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """The figure as one `<svg>` element: no prolog, no date, the same bytes each time.

    It is as wide as its container, at most its own size. All ids begin with `name`
    ([a-z0-9_-]+), which no other figure of the page may have. `title` and `description`
    are read out by screen readers; plain text, escaped here.

    Raises ValueError if `name` has other characters.
    """
    raise NotImplementedError
