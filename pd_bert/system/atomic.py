"""Files that exist whole or not at all."""

import contextlib
import json
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator
from typing import Any

from pd_bert.errors import InputError


@contextlib.contextmanager
def written_aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, renamed to it when the block succeeds."""
    # Not the process id: machines that share the directory may have the same.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_written_aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder beside `path`, renamed to it when the block succeeds.

    Raises InputError if `path` exists, or if its parent folder does not.
    """
    if path.exists():
        raise InputError(f"the output must not exist yet; {path} does")
    if not path.parent.is_dir():
        raise InputError(f"no such folder: {path.parent}")
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    aside.mkdir()
    try:
        yield aside
        aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def require_space(directory: pathlib.Path, size: int) -> None:
    """Raises OSError unless a file of `size` bytes can be written in `directory`.

    For libraries that do not survive a full disk. It writes such a file and deletes it,
    since the free space that the system reports ignores quotas, limits and networks.
    """
    block = bytes(1 << 20)
    path = directory / f".{secrets.token_hex(4)}.tmp"
    try:
        with path.open("wb") as file:
            for _ in range(-(-size // len(block))):
                file.write(block)
    finally:
        path.unlink(missing_ok=True)


def read_json(path: pathlib.Path) -> Any:
    """Reads JSON; raises InputError if the file does not hold valid JSON."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"the file must hold JSON ({error}): {path}") from error


def write_json(path: pathlib.Path, data: Any) -> None:
    """Writes JSON, as a whole file or not at all."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(data, indent=2) + "\n")
