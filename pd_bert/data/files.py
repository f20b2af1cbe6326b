"""Text files: patterns, gzip and lines of bounded length."""

import contextvars
import glob
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from pd_bert.errors import InputError

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def expand(files: str | Sequence[str], folder: str | None = None) -> tuple[Path, ...]:
    """Resolves `~`, environment variables and glob patterns to readable files.

    The order is that of `files`; the matches of one pattern are sorted. Relative names
    begin in `folder`; None is the current folder.

    Raises:
        InputError: a file or a match of a pattern does not exist or is unreadable.
    """
    patterns = (files,) if isinstance(files, str) else tuple(files)
    if not patterns:
        raise InputError("a source needs at least one file, received none")
    if folder is not None:
        names = (Path(os.path.expandvars(name)).expanduser() for name in patterns)
        patterns = tuple(str(Path(folder) / name) for name in names)
    paths: list[Path] = []
    for pattern in patterns:
        expanded = os.path.expanduser(os.path.expandvars(pattern))  # noqa: PTH111
        shown = pattern if expanded == pattern else f"{pattern} ({expanded})"
        if Path(expanded).exists():  # a real name may hold [ or *
            found = [Path(expanded)]
        elif glob.has_magic(expanded):
            matches = glob.glob(expanded, recursive=True)  # noqa: PTH207
            found = [path for path in map(Path, sorted(matches)) if path.is_file()]
        else:
            found = []
        if not found:
            raise InputError(f"no such file: {shown}")
        for path in found:
            _check_readable(path)
        paths += found
    return tuple(paths)


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"a source needs files, received the folder {path}")
    if not os.access(path, os.R_OK):
        raise InputError(f"no permission to read {path}")


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, through gzip if its first bytes say so."""
    raw = path.open("rb")
    is_gzip = raw.read(2) == _GZIP_MAGIC
    raw.seek(0)
    for meter in _meters.get():
        meter.opened(path, raw)
    if not is_gzip:
        return raw
    unzipped = gzip.GzipFile(fileobj=raw, mode="rb")
    unzipped.myfileobj = cast(Any, raw)  # it closes this together with itself
    return cast(BinaryIO, unzipped)


class Meter:
    """How much of files was read, through `open_bytes`, while it was active.

    >>> with Meter(paths) as meter:
    ...     ...
    ...     meter.share()
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._sizes = {path: path.stat().st_size for path in paths}
        self._files: dict[Path, BinaryIO] = {}

    def opened(self, path: Path, file: BinaryIO) -> None:
        """Is called with every file that is opened."""
        if path in self._sizes:
            self._files[path] = file

    def share(self) -> float:
        """The part of all bytes on disk that was read, 0 to 1."""
        read = sum(
            self._sizes[path] if file.closed else file.tell()
            for path, file in self._files.items()
        )
        return read / max(1, sum(self._sizes.values()))

    def __enter__(self) -> "Meter":
        self._token = _meters.set((*_meters.get(), self))
        return self

    def __exit__(self, *error: object) -> None:
        _meters.reset(self._token)


_meters: contextvars.ContextVar[tuple[Meter, ...]] = contextvars.ContextVar(
    "meters", default=()
)


def read_lines(path: Path, *, whole: bool = False) -> Iterator[tuple[int, str]]:
    """Gives (line number from 1, text without its line end) in bounded memory.

    A line above MAX_LINE_BYTES comes as several pieces of the same number, cut at
    white space where there is some; with `whole` it is an error.

    Raises:
        InputError: not UTF-8, a broken gzip file, or too long a line with `whole`.
    """
    number = 1
    rest = b""
    offset = 0
    with open_bytes(path) as file:
        try:
            # At the end of the file `rest` alone goes round once more.
            while data := rest + file.readline(MAX_LINE_BYTES - len(rest)):
                rest = b""
                length = len(data)
                ended = data.endswith(b"\n")
                if not ended and length >= MAX_LINE_BYTES:
                    if whole:
                        raise InputError(
                            f"a row must be shorter than {MAX_LINE_BYTES} bytes, "
                            f"received a longer one: {path}:{number}"
                        )
                    data, rest = _cut(data)
                    length = len(data)
                if offset == 0 and data.startswith(_BOM):
                    data = data[len(_BOM) :]
                    offset, length = len(_BOM), length - len(_BOM)
                try:
                    text = data.decode()
                except UnicodeDecodeError as error:
                    raise InputError(
                        "text must be UTF-8, received byte "
                        f"0x{data[error.start]:02x} at byte offset "
                        f"{offset + error.start}: {path}:{number}"
                    ) from error
                yield number, text.rstrip("\r\n") if ended else text
                offset += length
                number += ended
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"broken gzip file ({error}): {path}:{number}") from error


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Cuts at the last white space, else between two characters."""
    cut = max(data.rfind(b" "), data.rfind(b"\t")) + 1
    if not cut:
        cut = len(data)
        while cut > len(data) - 4 and data[cut - 1] & 0xC0 == 0x80:
            cut -= 1  # continuation bytes
        if data[cut - 1] >= 0xC0:
            cut -= 1  # their lead byte: the character may go on in the next piece
    return data[:cut], data[cut:]


def hash_files(paths: Sequence[Path]) -> list[str]:
    """Returns the hex SHA-256 of each file as it lies on disk."""
    hashes = []
    for path in paths:
        sha = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                sha.update(block)
        hashes.append(sha.hexdigest())
    return hashes


def expand_folder(folder: str) -> Path:
    """Resolves `~` and environment variables to a folder that exists.

    Raises:
        InputError: there is no such folder.
    """
    expanded = Path(os.path.expanduser(os.path.expandvars(folder)))  # noqa: PTH111
    if not expanded.is_dir():
        raise InputError(f"no such folder: {folder} ({expanded})")
    return expanded
