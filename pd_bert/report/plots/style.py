"""The look of all figures: fonts, colors, markers and dashes."""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import matplotlib.style
from matplotlib.font_manager import fontManager
from matplotlib.lines import Line2D

FONT_SIZE = 9.0  # points; as large as a page's small print at 100 %
GRAY = "#666666"
# Okabe and Ito's palette (2008), without its yellow, which is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Not as many as the colors, so that the same pair comes back late; in black-and-white
# print these alone distinguish lines.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.5, 1.2, 1.5)),
    (0, (9, 2)),
)

# The first comes with matplotlib; the others have other scripts where installed.
_FAMILIES = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "Arial Unicode MS",
)
FONTS = (
    "DejaVu Sans",
    *(name for name in _FAMILIES if name in set(fontManager.get_font_names())),
)

LOOK = {
    "font.family": list(FONTS),
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE + 1,
    "axes.titleweight": "bold",
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.labelsize": FONT_SIZE - 1,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 5.0,
    "text.hinting": "none",  # text as wide in the layout as in the SVG
    "text.parse_math": False,  # names may hold $
    # Paths look the same on every machine; text would be laid out for a font that the
    # reader may not have.
    "svg.fonttype": "path",
    "svg.hashsalt": "pd_bert",
}


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Gives figures that are made or drawn within it the look; also a decorator.

    It begins with matplotlib's defaults, so a user's matplotlibrc changes nothing.
    Characters that no installed font has are drawn as boxes, without a warning for
    each: the page's tables have them as text.
    """
    with matplotlib.style.context(["default", LOOK]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """The look of a series: its color, its marker and its dashes."""

    color: str
    marker: str
    dashes: Any

    def sample(self, *, line: bool = True) -> Line2D:
        """Returns the series' sample in a legend."""
        return Line2D(
            [],
            [],
            color=self.color,
            marker=self.marker,
            linestyle=self.dashes if line else "none",
        )


def marks(names: Iterable[str], order: Sequence[str] = ()) -> dict[str, Mark]:
    """Returns a mark for each name: first those of `order`, then the others."""
    distinct = list(dict.fromkeys([*order, *names]))
    return {
        name: Mark(
            color=PALETTE[index % len(PALETTE)],
            marker=_MARKERS[index % len(_MARKERS)],
            dashes=_DASHES[index % len(_DASHES)],
        )
        for index, name in enumerate(distinct)
    }
