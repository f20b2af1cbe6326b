"""What a section of the report is made of."""

import dataclasses
import zlib
from typing import ClassVar

from markupsafe import Markup
from matplotlib.figure import Figure

from pd_bert.report.plots.svg import svg as svg_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Plain text."""

    text: str

    template: ClassVar[str] = "paragraph.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text; the first `names` columns hold names, the others numbers.

    The first `headers` columns say what a row is. A line break in a cell is kept.
    `wide` columns, counted from 0, hold long text.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    headers: int = 1
    wide: tuple[int, ...] = ()

    template: ClassVar[str] = "table.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure: `svg` is an element that is safe to stand in the page as it is.

    `name`, its own in the page, is also that of its file. `narrow` ones may stand side
    by side.
    """

    name: str
    caption: str
    svg: Markup
    narrow: bool = False

    template: ClassVar[str] = "drawing.html"


def drawing(
    figure: Figure, *, name: str, title: str, caption: str, narrow: bool = False
) -> Drawing:
    """A figure with its caption; `name` as that of `svg`, `title` for its readers."""
    text = svg_of(figure, name=name, title=title, description=caption)
    return Drawing(name=name, caption=caption, svg=Markup(text), narrow=narrow)


Block = Paragraph | Table | Drawing
Cell = str | int | float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Csv:
    """A CSV file beside the page: `name` without its suffix."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A section: `name` is its anchor. Without blocks it is left out."""

    name: str
    title: str
    blocks: tuple[Block, ...] = ()
    files: tuple[Csv, ...] = ()

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        return tuple(each for each in self.blocks if isinstance(each, Drawing))


def number(value: float | None, digits: int = 1) -> str:
    """A number as the page shows it; a dash for none.

    >>> number(1234.56), number(None)
    ('1,234.6', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def anchor(text: str) -> str:
    """Text as a part of an element's id, [a-z0-9_-]; different ones for other texts.

    >>> anchor("sst2"), anchor("SST-2")
    ('sst2', 'sst_2-e3616f49')
    """
    plain = "".join(
        char if char.isascii() and char.isalnum() else "_" for char in text.lower()
    )
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"
