"""The parts of a section of the report."""

import dataclasses
import zlib
from typing import ClassVar

from markupsafe import Markup
from matplotlib.figure import Figure

from pd_bert.report.plots.svg import svg as svg_of

_LONGEST_LINE = 48  # characters of a cell


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Plain text."""

    text: str

    template: ClassVar[str] = "paragraph.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text; the first `names` columns hold names, the others numbers.

    The first `headers` columns are the headers of their rows. A line break in a cell is
    kept; a longer line than a table has room for is wrapped.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    headers: int = 1

    template: ClassVar[str] = "table.html"

    @staticmethod
    def is_long(cell: str) -> bool:
        """Returns True for a cell with a line that must be wrapped."""
        return max(map(len, cell.split("\n"))) > _LONGEST_LINE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """An item of an indented list with the items below it."""

    text: str
    note: str = ""
    items: tuple["Item", ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """An indented list."""

    caption: str
    items: tuple[Item, ...]

    template: ClassVar[str] = "listing.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure: `svg` is an element that may be put into the page as it is.

    `name`, unique in the page, is also the name of its file. `narrow` figures may stand
    side by side.
    """

    name: str
    caption: str
    svg: Markup
    narrow: bool = False

    template: ClassVar[str] = "drawing.html"


def drawing(
    figure: Figure, *, name: str, title: str, caption: str, narrow: bool = False
) -> Drawing:
    """Returns a figure with its caption; `name` and `title` are as of `svg`."""
    text = svg_of(figure, name=name, title=title, description=caption)
    return Drawing(name=name, caption=caption, svg=Markup(text), narrow=narrow)


Block = Paragraph | Table | Listing | Drawing
Cell = str | int | float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Csv:
    """A CSV file beside the page: `name` without its suffix."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A section: `name` is its anchor. Without blocks it is left out.

    Of `files` those without rows are left out.
    """

    name: str
    title: str
    blocks: tuple[Block, ...] = ()
    files: tuple[Csv, ...] = ()

    @property
    def written_files(self) -> tuple[Csv, ...]:
        return tuple(each for each in self.files if each.rows)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        return tuple(each for each in self.blocks if isinstance(each, Drawing))


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """Returns a number as the page shows it; a dash for none.

    >>> number(1234.56), number(None)
    ('1,234.6', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}{unit}"


def anchor(text: str) -> str:
    """Returns text as a part of an element's id, [a-z0-9_-], unique for the text.

    >>> anchor("sst2"), anchor("SST-2")
    ('sst2', 'sst_2-e3616f49')
    """
    plain = "".join(
        char if char.isascii() and char.isalnum() else "_" for char in text.lower()
    )
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"
