"""What a section of the report is made of."""

import dataclasses
from typing import ClassVar

from markupsafe import Markup


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Plain text."""

    text: str

    template: ClassVar[str] = "paragraph.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text; the first `names` columns hold names, the others numbers.

    A line break in a cell is kept. `wide` columns, counted from 0, hold long text.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    wide: tuple[int, ...] = ()

    template: ClassVar[str] = "table.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure: `svg` is an element that is safe to stand in the page as it is.

    `narrow` ones may stand side by side.
    """

    caption: str
    svg: Markup
    narrow: bool = False

    template: ClassVar[str] = "drawing.html"


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


def number(value: float | None, digits: int = 1) -> str:
    """A number as the page shows it; a dash for none.

    >>> number(1234.56), number(None)
    ('1,234.6', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def anchor(text: str) -> str:
    """Text as a part of a file's name or an element's id: [a-z0-9_] alone.

    >>> anchor("SST-2 (dev)")
    'sst_2__dev_'
    """
    return "".join(
        char if char.isascii() and char.isalnum() else "_" for char in text.lower()
    )
