"""Files that exist whole or not at all."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def written_aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, renamed to it when the block succeeds."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: pathlib.Path, data: Any) -> None:
    """Writes JSON whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(json.dumps(data, indent=2) + "\n")
