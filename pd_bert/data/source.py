"""A source of text: rows for classifiers, documents for language models."""

import abc
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pd_bert.data.survey import Read, Survey, counted
from pd_bert.errors import InputError
from pd_bert.text.sentence_splitting import split_segments

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Row(abc.ABC):
    """One example; `where` is "file:line" or "tfds:name/split#index".

    A kind of task has its own type of row. What a model reads of it are `texts`.
    """

    where: str

    @property
    @abc.abstractmethod
    def texts(self) -> dict[str, str]:
        """The model's inputs by name, such as {"text": …}; of all rows the same names.

        The names are the arguments of a served model.
        """

    @property
    def size(self) -> int:
        """The characters of its texts."""
        return sum(map(len, self.texts.values()))


@dataclass(frozen=True, kw_only=True)
class TextRow(Row):
    """A text, or a pair of texts, and its label where it has one."""

    text: str
    text_b: str | None = None
    label: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        if self.text_b is None:
            return {"text": self.text}
        return {"text": self.text, "text_b": self.text_b}


@dataclass(frozen=True, kw_only=True)
class Source(abc.ABC):
    """Text that can be read any number of times, always in the same order.

    Sources give rows of their own type; those made of other sources give theirs.
    """

    @abc.abstractmethod
    def rows(self) -> Iterator[Row]:
        """Gives one example at a time.

        Raises:
            InputError: names the file and line of the row that breaks a rule.
        """

    def documents(self) -> Iterator[list[str]]:
        """Gives one document at a time, as its segments (paragraphs or sentences).

        No segment is blank and no document is empty.
        """
        for row in self.rows():
            texts = map(split_segments, row.texts.values())
            if segments := list(itertools.chain.from_iterable(texts)):
                yield segments

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Returns a hex SHA-256 of the contents and of the settings that matter.

        Where a file lies does not change it; what the file holds does.
        """

    @abc.abstractmethod
    def check(self) -> None:
        """Raises InputError now for what would fail later. Fast: no full read."""

    def survey(self, read: Read, seconds: float) -> Survey:
        """Returns the number and sizes of the items that `read` gives.

        A source of files reads for about `seconds` and extrapolates. A source that does
        not know its size is read in full, which is the default.
        """
        return counted(read(self), lambda: None, seconds)


def nonempty(items: Iterable[T], where: str) -> Iterator[T]:
    """Passes `items` on and raises InputError if there was none.

    Args:
        items: rows or documents of a source.
        where: names the source in the message.
    """
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        raise InputError(f"empty corpus: {where} holds no text")


def text_row(row: Row, reader: str) -> TextRow:
    """Returns `row`, which `reader` needs as a TextRow; else raises InputError."""
    if not isinstance(row, TextRow):
        raise InputError(
            f"{reader} reads rows of type TextRow; received {type(row).__name__}: "
            f"{row.where}"
        )
    return row


def inputs_of(rows: Iterable[Row], where: str) -> tuple[str, ...]:
    """Returns the names of the first row's texts, which are those of all rows.

    Raises InputError, which names `where`, if there is no row.
    """
    return tuple(next(nonempty(rows, where)).texts)


def digest(*parts: object) -> str:
    """Returns the hex SHA-256 of parts that JSON can hold, order and types kept."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def rows_of(source: Source) -> Iterator[Row]:
    """The source's rows."""
    return source.rows()


def documents_of(source: Source) -> Iterator[list[str]]:
    """The source's documents."""
    return source.documents()
