"""Finished runs, as their working directories tell of them."""

import functools
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from pd_bert.analysis.unfinished import Unfinished, unfinished
from pd_bert.data.atomic import read_json
from pd_bert.errors import InputError
from pd_bert.values import from_json

Row = dict[str, Any]

# What rows of earlier versions may lack.
_DEFAULTS: Row = {
    "method": None,
    "size": None,
    "task": None,
    "seed": None,
    "axes": {},
    "metrics": None,
    "primary_metric": None,
    "parameters": None,
    "size_bytes": None,
    "examples_per_second": None,
    "latency_ms": None,
    "facts": {},
}
_REFERENCE = re.compile(r"[@%](.+?)(\(\))?")
WORKDIR = "working directory"


class Runs:
    """Several working directories, read as one; results of earlier versions too.

    `rows` are those of results.json, each stage once. Their axes are given as `shown`
    gives them; where a stage is not the same in all directories, its directory is an
    axis too. `unfinished` are the stages without an artifact, `figures` the figures of
    the recipes.

    Raises InputError if a directory has no results.json, or if no directory holds a
    finished evaluation.
    """

    def __init__(self, directories: Sequence[pathlib.Path]) -> None:
        self.directories = tuple(directories)
        several = len(self.directories) > 1
        found: dict[str, Row] = {}
        for directory in self.directories:
            for row in _rows(directory):
                if several:
                    row["axes"] = {**row["axes"], WORKDIR: directory.name}
                held = found.setdefault(row["fingerprint"], row)
                if held is not row:
                    held["axes"].pop(WORKDIR, None)
        self.rows: tuple[Row, ...] = tuple(found.values())
        self.unfinished: tuple[Unfinished, ...] = tuple(
            each for directory in self.directories for each in unfinished(directory)
        )
        if not self.measured:
            raise InputError(
                "a report needs a finished evaluation; none is in "
                f"{', '.join(map(str, self.directories))}"
                f" ({len(self.rows)} other finished stages, "
                f"{len(self.unfinished)} unfinished or failed)"
            )

    @property
    def measured(self) -> list[Row]:
        """The rows with metrics: evaluations, then scores over tasks."""
        return [
            row
            for kind in ("evaluate", "score")
            for row in self.rows
            if row["kind"] == kind and row["metrics"]
        ]

    @functools.cached_property
    def recipes(self) -> tuple[str, ...]:
        """The recipes' names, each once; a directory's name where none is recorded."""
        names = []
        for directory in self.directories:
            path = directory / "recipe.json"
            names.append(
                str(read_json(path)["recipe"]) if path.is_file() else directory.name
            )
        return tuple(dict.fromkeys(names))

    @functools.cached_property
    def figures(self) -> tuple[Any, ...]:
        """The recipes' figures (`pd_bert.stages.figure.Figure`), each name once."""
        found: dict[str, Any] = {}
        for directory in self.directories:
            path = directory / "figures.json"
            if path.is_file():
                for figure in from_json(read_json(path)):
                    found.setdefault(figure.name, figure)
        return tuple(found.values())

    def info(self, row: Row) -> dict[str, Any]:
        """What a row's artifact.json says; {} if the artifact is gone."""
        return artifact_info(folder(row))


def artifact_info(directory: pathlib.Path) -> dict[str, Any]:
    """What artifact.json in `directory` says; {} if there is none."""
    path = directory / "artifact.json"
    return dict(read_json(path)) if path.is_file() else {}


def folder(row: Row) -> pathlib.Path:
    """The folder of a row's artifact."""
    return pathlib.Path(row["artifact"])


def column(row: Row, name: str) -> Any:
    """A key of a row, of its axes or of its facts; None where it has none.

    >>> column({"size": "tiny", "axes": {"SEED": 1}, "facts": {}}, "SEED")
    1
    """
    for held in (row, row["axes"], row["facts"]):
        if held.get(name) is not None:
            return held[name]
    return None


def shown(value: object) -> Any:
    """An axis's value as people read it; references lose gin's marks.

    >>> shown("@tiny/bert.Bert()"), shown("%LARGE"), shown(3)
    ('tiny', 'LARGE', 3)
    """
    if isinstance(value, int | float | None):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    match = _REFERENCE.fullmatch(text)
    if not match:
        return text
    scope, slash, name = match[1].rpartition("/")
    return scope if slash else name


def _rows(directory: pathlib.Path) -> list[Row]:
    path = directory / "results.json"
    if not path.is_file():
        raise InputError(
            f"a run's working directory holds results.json; {directory} does not: "
            "nothing was finished there, or it is not a working directory"
        )
    rows = []
    for number, read in enumerate(_objects(path), 1):
        missing = {"stage", "kind", "artifact", "fingerprint"} - read.keys()
        if missing:
            raise InputError(
                f"a row of results.json has stage, kind, artifact and fingerprint; "
                f"row {number} of {path} lacks {', '.join(sorted(missing))}"
            )
        row = {**_DEFAULTS, **read}
        row["axes"] = {axis: shown(value) for axis, value in row["axes"].items()}
        row["facts"] = dict(row["facts"] or {})
        # Not the recorded path: a working directory may have been moved.
        name = pathlib.Path(row["artifact"]).name
        row["artifact"] = str(directory / "stages" / name)
        rows.append(row)
    return rows


def _objects(path: pathlib.Path) -> list[Row]:
    read = read_json(path)
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise InputError(f"results.json holds a list of objects; {path} does not")
    return read
