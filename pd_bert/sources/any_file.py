"""The texts that a user gives a program, and the file that it writes."""

import contextlib
import io
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from pd_bert.data.source import Source, TextRow
from pd_bert.errors import InputError
from pd_bert.sources.table import Table
from pd_bert.sources.text_lines import TextLines
from pd_bert.system.atomic import written_aside


def open_file(
    file: str,
    *,
    text: str,
    text_b: str | None = None,
    label: str | None = None,
    label_values: tuple[tuple[str, str], ...] = (),
) -> Source:
    """A source with a row for every row of the file, empty ones too.

    .txt is a text a line; .tsv, .csv (with a header) and .jsonl have columns, which
    `text`, `text_b` and `label` name. Each may be gzip.
    """
    if Path(file.removesuffix(".gz")).suffix != ".txt":
        return Table(
            files=file,
            text=text,
            text_b=text_b,
            label=label,
            label_values=label_values,
            keep_blank=True,
        )
    if text_b or label:
        raise InputError(
            f"a .txt file has no columns, received {text_b or label!r} as one: {file}"
        )
    return TextLines(files=file, keep_blank=True)


def rows_of(texts: Sequence[str], texts_b: Sequence[str] = ()) -> list[TextRow]:
    """Rows of texts that were given one by one, on a command line say."""
    if texts_b and len(texts_b) != len(texts):
        raise InputError(
            "a text of a pair has one second text; received "
            f"{len(texts)} texts and {len(texts_b)} second ones"
        )
    for text in (*texts, *texts_b):
        try:
            text.encode()
        except UnicodeEncodeError as error:  # how Python holds bytes it cannot decode
            raise InputError(f"text must be UTF-8, received {text[:40]!r}") from error
    pairs = itertools.zip_longest(texts, texts_b)
    return [
        TextRow(text=a, text_b=b, where=f"text {number}")
        for number, (a, b) in enumerate(pairs, 1)
    ]


@contextlib.contextmanager
def text_output(file: str | None) -> Iterator[TextIO]:
    """A UTF-8 text file that exists whole or not at all; None: standard output."""
    if file is None:
        assert isinstance(sys.stdout, io.TextIOWrapper)
        sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    path = Path(file)
    if not path.parent.is_dir() or path.is_dir():
        raise InputError(f"the output is a file in a folder that exists: {file}")
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as opened:
        yield opened
