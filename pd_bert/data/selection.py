"""Some of the examples of a data set, as a data set of their own."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pd_bert.data.records import Records
from pd_bert.data.shards import chunked, write_manifest, write_shards


class Taken(NamedTuple):
    """The rows, int64, that are taken of a shard."""

    shard: int
    rows: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakeRows:
    """Reads them, with all their features, from the data set in a directory."""

    directory: pathlib.Path

    def __call__(self, several: Sequence[Taken]) -> Iterator[dict[str, Any]]:
        records = Records(self.directory)
        for shard, rows in several:
            columns = records.columns([shard])
            for row in rows.tolist():
                yield {name: columns[name][row] for name in records.spec}


def taken_shards(records: Records, keep: np.ndarray) -> list[list[Taken]]:
    """Returns what each new shard takes; `keep` is bool [count].

    An old shard gives a new one; where few examples are kept, several neighbours give
    one, of half as many examples as an old one or more.
    """
    ends = np.cumsum(records.shard_counts)[:-1]
    rows = (np.flatnonzero(part) for part in np.split(keep, ends))
    taken = [Taken(shard, each) for shard, each in enumerate(rows) if len(each)]
    enough = -(-records.count // (2 * len(records.shard_counts)))
    return list(chunked(taken, lambda each: len(each.rows), enough))


def write_selection(
    records: Records,
    keep: np.ndarray,
    *,
    directory: pathlib.Path,
    processes: int,
    progress: Callable[[int], None],
    stop: Callable[[], None],
) -> None:
    """Writes the shards of the examples to keep; several processes may call it."""
    chunks = taken_shards(records, keep)
    write_shards(
        lambda: chunks,
        TakeRows(directory=records.directory),
        spec=records.spec,
        directory=directory,
        processes=processes if len(chunks) > 1 else 0,
        progress=progress,
        stop=stop,
    )


def write_selection_manifest(
    records: Records, *, directory: pathlib.Path, settings: dict[str, Any]
) -> dict[str, Any]:
    """The manifest of finished shards; it carries on what the whole's says."""
    of_shards = ("spec", "count", "bytes", "shards")
    described = {k: v for k, v in records.manifest.items() if k not in of_shards}
    return write_manifest(
        directory, spec=records.spec, description={**described, "settings": settings}
    )
