"""Checking a submission before it is sent to the GLUE server."""

import pathlib
import zipfile
import zlib
from collections.abc import Iterator

from pd_bert.contrib.glue_files import GLUE_FILES, GlueFile
from pd_bert.errors import InputError

HEADER = "index\tprediction"


def check_submission(path: pathlib.Path, *, official_counts: bool = True) -> None:
    """Raises InputError, with file and line, unless the server could score a zip file.

    It must hold the eleven files and nothing else, each with the header, an index from
    0 without gaps, allowed predictions, and the official number of rows (of any number
    without `official_counts`).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(path, archive.namelist())
            for file in GLUE_FILES:
                _check_file(file, archive, path, official_counts)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"not a readable zip file ({error}): {path}") from error


def _check_names(path: pathlib.Path, names: list[str]) -> None:
    wanted = [file.file for file in GLUE_FILES]
    if missing := [name for name in wanted if name not in names]:
        raise InputError(
            f"a submission holds {len(wanted)} files; {', '.join(missing)} is missing: "
            f"{path}"
        )
    if len(names) > len(wanted):
        others = sorted(set(names) - set(wanted)) or "a file twice"
        raise InputError(
            f"a submission holds nothing beside its {len(wanted)} files, at the root; "
            f"received {others}: {path}"
        )


def _check_file(
    file: GlueFile, archive: zipfile.ZipFile, path: pathlib.Path, official_counts: bool
) -> None:
    where = f"{path}/{file.file}"
    count = 0
    for line, text in _lines(archive, file, where):
        if line == 1:
            if text != HEADER:
                raise InputError(
                    f"the header must be {HEADER!r}, received {text[:60]!r}: {where}:1"
                )
            continue
        fields = text.split("\t")
        if len(fields) != 2:
            raise InputError(
                f"a row needs 2 columns, received {len(fields)}: {where}:{line}"
            )
        if fields[0] != str(count):
            raise InputError(
                f"the index must go up from 0 by 1, here {count}; received "
                f"{fields[0]!r}: {where}:{line}"
            )
        if not _is_allowed(file, fields[1]):
            rule = (
                f"must be one of {', '.join(value for _, value in file.values)}"
                if file.values
                else "must be a score from 0 to 5"
            )
            raise InputError(
                f"a prediction {rule}; received {fields[1]!r}: {where}:{line}"
            )
        count += 1
    if official_counts and count != file.rows:
        raise InputError(
            f"{file.file} must have {file.rows:,} rows, received {count:,}: "
            f"{where}:{count + 1}"
        )


def _lines(
    archive: zipfile.ZipFile, file: GlueFile, where: str
) -> Iterator[tuple[int, str]]:
    """(line number from 1, text); at least the header's line."""
    try:
        text = archive.read(file.file).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"text must be UTF-8 ({error}): {where}") from error
    return enumerate(text.removesuffix("\n").split("\n"), 1)


def _is_allowed(file: GlueFile, value: str) -> bool:
    if file.values:
        return value in dict(file.values).values()
    try:
        return 0 <= float(value) <= 5
    except ValueError:
        return False
