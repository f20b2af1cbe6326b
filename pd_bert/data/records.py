"""Reading a directory of TFRecord shards."""

import concurrent.futures
import copy
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pd_bert.data.columns import GrowingColumn, Sequences
from pd_bert.data.example_spec import ExampleSpec, parse, spec_from_json
from pd_bert.data.shards import checksum
from pd_bert.data.tfrecord import read_examples
from pd_bert.errors import InputError
from pd_bert.system.atomic import read_json

# What is parsed at a time.
_PARSED_EXAMPLES = 2048
_PARSED_BYTES = 1 << 22
_OFFSET_BYTES = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardPart:
    """Neighboring examples of a shard: `count` of them from row `first` on.

    They are `size` bytes from byte `offset` of its file on; `elements` are those of
    each sequence.
    """

    shard: int
    first: int
    count: int
    offset: int
    size: int
    elements: Mapping[str, int]


class Records:
    """A data set on disk, described by its manifest and checked against it."""

    def __init__(self, directory: pathlib.Path) -> None:
        path = directory / "manifest.json"
        if not path.is_file():
            raise InputError(f"a data set has a manifest.json; {directory} has none")
        self.directory = directory
        self.manifest: dict[str, Any] = read_json(path)
        self.spec: ExampleSpec = spec_from_json(self.manifest["spec"])

    @property
    def count(self) -> int:
        return int(self.manifest["count"])

    @property
    def shard_counts(self) -> list[int]:
        return [shard["count"] for shard in self.manifest["shards"]]

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The length of every example in word pieces, uint16 [count]."""
        names = [
            pathlib.Path(shard["file"]).with_suffix(".npy")
            for shard in self.manifest["shards"]
        ]
        return np.concatenate([np.load(self.directory / name) for name in names])

    def check(self, vocabulary_fingerprint: str) -> None:
        """Raises InputError unless vocabulary and every shard are those expected."""
        made_with = self.manifest["vocabulary"]
        if made_with != vocabulary_fingerprint:
            raise InputError(
                "records and model must share one vocabulary; "
                f"{self.directory} was made with vocabulary {made_with[:12]}, the "
                f"model has {vocabulary_fingerprint[:12]}"
            )
        with concurrent.futures.ThreadPoolExecutor() as executor:
            list(executor.map(self._check_shard, self.manifest["shards"]))

    def _check_shard(self, shard: Mapping[str, Any]) -> None:
        path = self.directory / shard["file"]
        if not path.is_file():
            raise InputError(f"the manifest lists {path}, which is missing")
        size = path.stat().st_size
        if size != shard["bytes"]:
            raise InputError(
                f"a shard has the size in its manifest, {shard['bytes']} bytes; "
                f"{path} has {size}"
            )
        self._check_sum(path, shard["sha256"])
        if "lengths_sha256" in shard:  # manifests of earlier versions have none
            self._check_sum(path.with_suffix(".npy"), shard["lengths_sha256"])

    def _check_sum(self, path: pathlib.Path, wanted: str) -> None:
        if not path.is_file():
            raise InputError(f"the manifest lists {path}, which is missing")
        if (found := checksum(path)) != wanted:
            raise InputError(
                f"a shard has the SHA-256 in its manifest, {wanted[:12]}…; "
                f"{path} has {found[:12]}…"
            )

    def columns(self, shards: Sequence[int]) -> dict[str, np.ndarray | Sequences]:
        """Returns the examples of these shards, in order, as arrays in memory."""
        return self.read([part for shard in shards for part in self.parts[shard]])

    def token_ids(self) -> Iterator[np.ndarray]:
        """Yields the ids of all tokens, int32 [tokens], some examples at a time.

        Their other features are not parsed.
        """
        alone = copy.copy(self)
        alone.spec = {"token_ids": self.spec["token_ids"]}
        for part in itertools.chain.from_iterable(self.parts):
            column = alone.read([part])["token_ids"]
            assert isinstance(column, Sequences)
            yield column.values

    @functools.cached_property
    def parts(self) -> list[list[ShardPart]]:
        """The parts of each shard."""
        return [
            _shard_parts(number, shard)
            for number, shard in enumerate(self.manifest["shards"])
        ]

    def part_lengths(self, part: ShardPart) -> np.ndarray:
        """Returns the length of each example of a part in word pieces, uint16."""
        path = self.directory / self.manifest["shards"][part.shard]["file"]
        lengths = np.load(path.with_suffix(".npy"), mmap_mode="r")
        return np.array(lengths[part.first : part.first + part.count])

    def memory_bytes(self, part: ShardPart) -> int:
        """Returns the memory that the examples of a part take."""
        return sum(
            feature.element_bytes * part.elements[name] + _OFFSET_BYTES * part.count
            if feature.variable
            else feature.element_bytes * part.count
            for name, feature in self.spec.items()
        )

    def read(
        self,
        parts: Sequence[ShardPart],
        keep: np.ndarray | None = None,
        *,
        stop: Callable[[], None] = lambda: None,
    ) -> dict[str, np.ndarray | Sequences]:
        """Returns the examples of these parts, in order, as arrays in memory.

        `keep`, bool [examples of the parts], says which of them; the others are not
        parsed. `stop` is called now and then, and may raise to end early.
        """
        total = sum(part.count for part in parts)
        count = total if keep is None else int(np.count_nonzero(keep))
        columns = {
            name: GrowingColumn(feature, count, _elements(parts, name))
            for name, feature in self.spec.items()
        }
        for examples in self._examples(parts, keep):
            stop()
            for name, parsed in parse(examples, self.spec).items():
                columns[name].add(parsed)
        return {name: column.finish() for name, column in columns.items()}

    def _examples(
        self, parts: Sequence[ShardPart], keep: np.ndarray | None
    ) -> Iterator[list[bytes]]:
        """Yields serialized examples, as many as are parsed at a time."""
        taken: list[bytes] = []
        size, first = 0, 0
        for part in parts:
            chosen = np.ones(part.count, np.bool_)
            if keep is not None:
                chosen = keep[first : first + part.count]
            first += part.count
            path = self.directory / self.manifest["shards"][part.shard]["file"]
            for example in read_examples(
                path, offset=part.offset, size=part.size, keep=chosen.tolist()
            ):
                taken.append(example)
                size += len(example)
                if len(taken) == _PARSED_EXAMPLES or size > _PARSED_BYTES:
                    yield taken
                    taken, size = [], 0
        if taken:
            yield taken


def _elements(parts: Sequence[ShardPart], name: str) -> int:
    return sum(part.elements.get(name, 0) for part in parts)


def _shard_parts(number: int, shard: Mapping[str, Any]) -> list[ShardPart]:
    parts: list[ShardPart] = []
    first = offset = 0
    for described in shard["parts"]:
        part = ShardPart(
            shard=number,
            first=first,
            count=described["count"],
            offset=offset,
            size=described["bytes"],
            elements=described["elements"],
        )
        parts.append(part)
        first, offset = first + part.count, offset + part.size
    return parts
