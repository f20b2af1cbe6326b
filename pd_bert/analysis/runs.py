"""The contents of the working directories of runs."""

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.analysis.unfinished import Unfinished, unfinished
from pd_bert.errors import InputError
from pd_bert.runs.figure import Figure, figure_of
from pd_bert.runs.result_group import ResultRow
from pd_bert.system.atomic import read_json

_REQUIRED = frozenset(
    {
        "stage",
        "kind",
        "method",
        "size",
        "task",
        "seed",
        "axes",
        "metrics",
        "primary_metric",
        "parameters",
        "size_bytes",
        "examples_per_second",
        "latency_ms",
        "facts",
        "artifact",
        "fingerprint",
        "fingerprint_without_seeds",
    }
)


class Runs:
    """Several working directories, read as one.

    `rows` are the rows of results.json, each stage once. `measured` are the rows with
    metrics, once per directory that has them, evaluations first; their key `directory`
    is the directory's unique name. `unfinished` are the stages without an artifact.
    `faults` names what could not be read and was left out.

    Raises InputError if a directory is not a run's, or if none has a finished or a
    wanted stage.
    """

    def __init__(self, directories: Sequence[pathlib.Path]) -> None:
        distinct: dict[pathlib.Path, pathlib.Path] = {}
        for each in directories:
            distinct.setdefault(each.resolve(), each)
        self.directories = tuple(distinct.values())
        self.names = short_names(tuple(distinct))
        self.faults: list[str] = []
        every = [
            {**row, "directory": name}
            for name, directory in zip(self.names, self.directories, strict=True)
            for row in _rows(directory)
        ]
        # The link of one directory may be broken where another's is good.
        there: dict[str, str] = {}
        for row in every:
            if folder(row).exists():
                there.setdefault(row["fingerprint"], row["artifact"])
        found: dict[str, ResultRow] = {}
        for row in every:
            row["artifact"] = there.get(row["fingerprint"], row["artifact"])
            found.setdefault(row["fingerprint"], row)
        self.rows: tuple[ResultRow, ...] = tuple(found.values())
        self.measured: tuple[ResultRow, ...] = tuple(
            row
            for kind in ("evaluate", "score")
            for row in every
            if row["kind"] == kind and row["metrics"]
        )
        self.unfinished: tuple[Unfinished, ...] = unfinished(
            dict(zip(self.names, self.directories, strict=True)),
            {folder(row).name: folder(row) for row in self.rows},
        )
        if not self.rows and not self.unfinished:
            raise InputError(
                "a report needs a run; no stage is finished or wanted in "
                f"{', '.join(map(str, self.directories))}"
            )

    def title(self, row: ResultRow) -> str:
        """Returns a stage's name for readers: with its task, where there are several.

        Several stages may have one title, as seeds do.
        """
        tasks = {r["task"] for r in self.measured if r["kind"] == "evaluate"}
        several = len(tasks) > 1 and row["task"] in tasks
        return f"{row['stage']} {row['task']}" if several else str(row["stage"])

    def sized_title(self, row: ResultRow) -> str:
        """Returns a stage's title with its size, where its name does not end in it."""
        size, named = row["size"], str(row["stage"]).endswith(f"-{row['size']}")
        return self.title(row) if not size or named else f"{self.title(row)} {size}"

    @functools.cached_property
    def recipes(self) -> tuple[str, ...]:
        """The recipes' names, each once; a directory's name where none is recorded."""
        names = []
        for name, directory in zip(self.names, self.directories, strict=True):
            path = directory / "recipe.json"
            names.append(str(read_json(path)["recipe"]) if path.is_file() else name)
        return tuple(dict.fromkeys(names))

    @functools.cached_property
    def figures(self) -> tuple[tuple[Figure, frozenset[str]], ...]:
        """The recipes' figures, and the names of the directories that have each.

        Of different figures with one name the later ones have a number behind it. A
        figure that cannot be read is left out and is one of the `faults`.
        """
        homes: list[tuple[Figure, set[str]]] = []
        for name, directory in zip(self.names, self.directories, strict=True):
            for figure in self._figures_in(directory / "figures.json"):
                same = [names for other, names in homes if other == figure]
                if same:
                    same[0].add(name)
                else:
                    homes.append((figure, {name}))
        met: collections.Counter[str] = collections.Counter()
        found = []
        for figure, names in homes:
            met[figure.name] += 1
            number = f"_{met[figure.name]}" if met[figure.name] > 1 else ""
            own = dataclasses.replace(figure, name=figure.name + number)
            found.append((own, frozenset(names)))
        return tuple(found)

    def info(self, row: ResultRow) -> dict[str, Any]:
        """Returns the content of a row's artifact.json; {} if the artifact is gone."""
        return artifact_info(folder(row))

    def _figures_in(self, path: pathlib.Path) -> list[Figure]:
        figures = []
        try:
            read = read_json(path) if path.is_file() else []
        except InputError as error:
            self.faults.append(f"Figures are left out: {error}.")
            return []
        for each in read if isinstance(read, list) else [read]:
            try:
                figures.append(figure_of(each))
            except InputError as error:
                self.faults.append(f"A figure of {path} is left out: {error}.")
        return figures


def artifact_info(directory: pathlib.Path) -> dict[str, Any]:
    """Returns the content of artifact.json in `directory`; {} if there is none."""
    path = directory / "artifact.json"
    return dict(read_json(path)) if path.is_file() else {}


def folder(row: ResultRow) -> pathlib.Path:
    """Returns the folder of a row's artifact."""
    return pathlib.Path(row["artifact"])


def column(row: ResultRow, name: str) -> Any:
    """Returns a key of a row, of its axes or of its facts; None if there is none.

    >>> column({"size": "tiny", "axes": {"SEED": 1}, "facts": {}}, "SEED")
    1
    """
    for held in (row, row["axes"], row["facts"]):
        if held.get(name) is not None:
            return held[name]
    return None


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Returns names by folder; the fingerprint's start makes equal names unique."""
    counts = collections.Counter(names.values())
    return {
        key: f"{name} {key.rpartition('-')[2][:8]}" if counts[name] > 1 else name
        for key, name in names.items()
    }


def short_names(paths: Sequence[pathlib.Path]) -> tuple[str, ...]:
    """Returns the shortest unique end of each of different absolute paths.

    >>> short_names([pathlib.Path("/a/x/run"), pathlib.Path("/a/y/run")])
    ('x/run', 'y/run')
    """
    names = []
    for path in paths:
        size = 1
        while any(
            other != path and other.parts[-size:] == path.parts[-size:]
            for other in paths
        ):
            size += 1
        names.append(str(pathlib.Path(*path.parts[-size:])))
    return tuple(names)


def _rows(directory: pathlib.Path) -> list[ResultRow]:
    path = directory / "results.json"
    if not path.is_file():
        if (directory / "plan.json").is_file():
            return []
        raise InputError(
            f"a run's working directory holds results.json or plan.json; {directory} "
            "has neither"
        )
    rows = []
    for number, read in enumerate(_objects(path), 1):
        missing = _REQUIRED - read.keys()
        if missing:
            raise InputError(
                "a row of results.json has all keys of this version of pd_bert; row "
                f"{number} of {path} lacks {', '.join(sorted(missing))}. The recipe's "
                "command writes the file again, from what is finished"
            )
        # Not the recorded path: a working directory may have been moved.
        name = pathlib.Path(read["artifact"]).name
        rows.append({**read, "artifact": str(directory / "stages" / name)})
    return rows


def _objects(path: pathlib.Path) -> list[ResultRow]:
    read = read_json(path)
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise InputError(f"results.json holds a list of objects; {path} does not")
    return read
