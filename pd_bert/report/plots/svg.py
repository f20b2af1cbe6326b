"""Figures as SVG for the inside of an HTML page."""

import html
import io
import re

from matplotlib.figure import Figure

from pd_bert.report.plots.style import look

_NAME = re.compile(r"[a-z0-9_-]+")
_ROOT = re.compile(r"<svg\b[^>]*>")
_BODY_ENDS = "</svg>"
# The date and the library's version; and a rule for all elements, which inside a page
# would hold for its other pictures too: the root has it as an attribute instead.
_LEFT_OUT = re.compile(
    r"\s*<metadata>.*?</metadata>"
    r"|\s*<defs>\s*<style type=\"text/css\">.*?</style>\s*</defs>",
    re.DOTALL,
)
_ID = re.compile(r'(\bid="|\bhref="#|url\(#)')


def svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Returns the figure as one `<svg>` element without prolog, equal each time.

    It is as wide as its container, at most its own size. All ids begin with `name`
    ([a-z0-9_-]+), which no other figure of the page may have. `title` and `description`
    are plain text, for screen readers.

    Raises ValueError if `name` has other characters.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a figure's name is {_NAME.pattern}; received {name!r}")
    file = io.StringIO()
    with look():
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    root = _ROOT.search(text)
    assert root is not None
    body = text[root.end() : text.rindex(_BODY_ENDS)]
    body = _ID.sub(rf"\g<1>{name}-", _LEFT_OUT.sub("", body))
    width, height = (round(72 * inches, 2) for inches in figure.get_size_inches())
    return (
        '<svg xmlns="http://www.w3.org/2000/svg"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="0 0 {width:g} {height:g}" width="100%"'
        f' style="max-width:{width:g}pt;stroke-linejoin:round;stroke-linecap:butt"'
        f' role="img" aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{html.escape(title)}</title>\n'
        f'<desc id="{name}-desc">{html.escape(description)}</desc>'
        f"{body}</svg>\n"
    )
