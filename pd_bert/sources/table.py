"""Tables: TSV as GLUE writes it, CSV and JSON lines."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pd_bert.data.files import MAX_LINE_BYTES, Meter, expand, hash_files, read_lines
from pd_bert.data.source import Source, TextRow, digest
from pd_bert.data.survey import Read, Survey, counted
from pd_bert.errors import InputError
from pd_bert.text import markup

_FORMATS = {
    ".tsv": "tsv",
    ".txt": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "jsonl",
}
# JSON's escapes can write what is not text: such a string has no UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# By default the csv module refuses fields of more than 131,072 characters.
csv.field_size_limit(MAX_LINE_BYTES)


@dataclass(frozen=True, kw_only=True)
class Table(Source):
    """Rows of files with columns: one or two texts and, if wanted, a label.

    Args:
        files: names or glob patterns, plain or gzip; `~`, `$VARIABLE` are expanded.
        folder: where relative names begin; None is the current folder.
        text: column of the text: its name in the header (or the JSON key), or its
            index from 0.
        text_b: column of the second text of a pair.
        label: column of the label. None gives rows without labels.
        format: "tsv", "csv" or "jsonl"; None means by the suffix: .tsv and .txt,
            .csv, .jsonl and .json, each with or without .gz.
        header: the first line names the columns. Of no meaning for JSON lines.
        quoting: fields may be in double quotes (RFC 4180). None means True for csv
            and False for tsv, where a quote is a character like any other.
        label_values: (raw label, name) pairs; a label not listed is an error.
        strip_markup: removes HTML tags and resolves entities.
        keep_blank: a row whose texts are empty is a row and not an error; so is a
            blank line where there is a single column.
        skip_short: a row that ends before the columns that are read is left out. It
            is for QQP, some of whose rows are cut, and an error otherwise.

    Labels of JSON that are not strings are written as JSON: 1, 0.5, true.
    """

    files: str | tuple[str, ...]
    text: str | int = "sentence"
    text_b: str | int | None = None
    label: str | int | None = None
    format: str | None = None
    header: bool = True
    quoting: bool | None = None
    label_values: tuple[tuple[str, str], ...] = ()
    strip_markup: bool = False
    keep_blank: bool = False
    skip_short: bool = False
    folder: str | None = None

    def rows(self) -> Iterator[TextRow]:
        """Gives one row for every non-blank line.

        Raises:
            InputError: a missing column or field, an empty label, a row with no text
                at all, an unknown label, bad JSON, bad quotes, or not UTF-8.
        """
        names = dict(self.label_values)
        for path in self._paths():
            for number, (text, text_b, label) in self._fields(path):
                where = f"{path}:{number}"
                if not (text or text_b or self.keep_blank):
                    raise InputError(f"a row needs text, received none: {where}")
                if label is not None:
                    if not label:
                        raise InputError(f"a label must not be empty: {where}")
                    if names and label not in names:
                        raise InputError(
                            f"label must be one of {', '.join(names)}; received "
                            f"{label!r}: {where}"
                        )
                    label = names.get(label, label)
                assert text is not None
                yield TextRow(text=text, text_b=text_b, label=label, where=where)

    def _fields(self, path: Path) -> Iterator[tuple[int, list[str | None]]]:
        """Gives (line number, [text, text_b, label]), None for unused columns."""
        if self._format(path) == "jsonl":
            records = self._json_fields(path)
        else:
            records = self._delimited_fields(path)
        for number, fields in records:
            for i, field in enumerate(fields):
                if field is not None:
                    if self.strip_markup and i < 2:
                        field = " ".join(markup.strip_markup(field).split())
                    fields[i] = field.strip()
            yield number, fields

    def _delimited_fields(self, path: Path) -> Iterator[tuple[int, list[str | None]]]:
        records = self._records(path)
        columns = self._columns()
        width = None
        if self.header:
            number, names = next(filter(_is_filled, records), (1, []))
            if not names:
                raise InputError(f"a table needs a header line, received none: {path}")
            width = len(names)
            indices = [_index(each, names, f"{path}:{number}") for each in columns]
        else:
            # check() has refused names.
            indices = [each if isinstance(each, int) else None for each in columns]
        needed = 1 + max(index for index in indices if index is not None)
        for number, fields in records:
            if not fields:
                if not (self.keep_blank and width == 1):
                    continue
                fields = [""]
            if len(fields) < needed:
                if self.skip_short:
                    continue
                raise InputError(
                    f"a row needs {needed} columns, received {len(fields)}: "
                    f"{path}:{number}"
                )
            # A comma in a text without quotes would otherwise cut the text.
            if width is not None and len(fields) > width and self._is_quoted(path):
                raise InputError(
                    f"a row must not have more than the header's {width} columns, "
                    f"received {len(fields)}: {path}:{number}"
                )
            yield number, [None if i is None else fields[i] for i in indices]

    def _records(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        """Gives (number of the first line, all fields); no fields for a blank line."""
        delimiter = "\t" if self._format(path) == "tsv" else ","
        if not self._is_quoted(path):
            for number, line in read_lines(path, whole=True):
                yield number, line.split(delimiter) if line else []
            return
        lines = (f"{line}\n" for _, line in read_lines(path, whole=True))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        number = 1
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(f"bad quotes ({error}): {path}:{number}") from error
            yield number, fields
            number = reader.line_num + 1

    def _json_fields(self, path: Path) -> Iterator[tuple[int, list[str | None]]]:
        for number, line in read_lines(path, whole=True):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise InputError(f"bad JSON ({error}): {where}") from error
            if not isinstance(record, dict):
                raise InputError(
                    f"a row must be a JSON object, received {line[:40]!r}: {where}"
                )
            fields: list[str | None] = []
            for i, column in enumerate(self._columns()):
                if column is None:
                    fields.append(None)
                    continue
                if record.get(str(column)) is None:
                    state = "null" if str(column) in record else "missing"
                    raise InputError(f"field {column!r} is {state}: {where}")
                fields.append(_json_value(record[str(column)], column, i == 2, where))
            yield number, fields

    def _paths(self) -> tuple[Path, ...]:
        return expand(self.files, self.folder)

    def _columns(self) -> list[str | int | None]:
        return [self.text, self.text_b, self.label]

    def _format(self, path: Path) -> str:
        suffix = Path(path.name.removesuffix(".gz")).suffix
        found = self.format or _FORMATS.get(suffix, "")
        if found not in _FORMATS.values():
            raise InputError(
                "a table's format must be tsv, csv or jsonl; received "
                f"{self.format or f'no format and the suffix {suffix!r}'}: {path}"
            )
        return found

    def _is_quoted(self, path: Path) -> bool:
        return self._format(path) == "csv" if self.quoting is None else self.quoting

    def fingerprint(self) -> str:
        """Returns the hash of the files' contents and of every setting."""
        paths = self._paths()
        return digest(
            "Table",
            hash_files(paths),
            [[self._format(path), self._is_quoted(path)] for path in paths],
            self._columns(),
            self.header,
            self.label_values,
            self.strip_markup,
            *([True] if self.keep_blank else []),
            *(["skip_short"] if self.skip_short else []),
        )

    def check(self) -> None:
        """Reads up to the first row of each file.

        Raises:
            InputError: missing files, an unknown format, columns that are not there.
        """
        for path in self._paths():
            is_json = self._format(path) == "jsonl"
            for column in self._columns():
                if isinstance(column, int) and (is_json or column < 0):
                    rule = "are names" if is_json else "count from 0"
                    raise InputError(f"columns {rule}, received {column}: {path}")
                if isinstance(column, str) and not is_json and not self.header:
                    raise InputError(
                        "columns of a file without a header are indices, received "
                        f"{column!r}: {path}"
                    )
            next(self._fields(path), None)

    def survey(self, read: Read, seconds: float) -> Survey:
        """Extrapolates by the bytes of the files that were read."""
        with Meter(self._paths()) as meter:
            return counted(read(self), meter.share, seconds)


def _index(column: str | int | None, names: list[str], where: str) -> int | None:
    if not isinstance(column, str):
        if column is not None and column >= len(names):
            raise InputError(
                f"a row needs {column + 1} columns, received {len(names)}: {where}"
            )
        return column
    count = names.count(column)
    if count != 1:
        problem = "no column" if count == 0 else "more than one column"
        raise InputError(
            f"{problem} {column!r} in the header {', '.join(names)}: {where}"
        )
    return names.index(column)


def _is_filled(record: tuple[int, list[str]]) -> bool:
    return bool(record[1])


def _json_value(value: object, column: str | int, is_label: bool, where: str) -> str:
    if isinstance(value, str):
        if _LONE_SURROGATE.search(value):
            raise InputError(
                f"field {column!r} must be Unicode text, received half a surrogate "
                f"pair: {where}"
            )
        return value
    if is_label and isinstance(value, bool | int | float):
        return json.dumps(value)
    kind = "a string, number or boolean" if is_label else "a string"
    raise InputError(
        f"field {column!r} must be {kind}, received {json.dumps(value)[:40]}: {where}"
    )
