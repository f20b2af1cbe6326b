"""Data sets that are not prepared yet."""

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pd_bert.data.columns import Sequences
from pd_bert.data.example_spec import ExampleSpec, serialize
from pd_bert.data.pipeline import DEFAULT_BLOCK_BYTES, Batches
from pd_bert.data.records import Records, ShardPart

# What a plan of batches is made for; larger data sets are scaled up from it.
_MOST_PLANNED = 1 << 19
# Parts of shards in which word pieces are looked for.
_MOST_PARTS = 64


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedRecords:
    """How many examples a data set has or will have, and how long they are.

    `read_lengths` gives the lengths in word pieces, of all examples or of a sample, and
    `read_pieces` the ids that occur in them, each once; they are called when that is
    first used. `bytes` is the size on disk; `exact` is whether `count` is sure.
    """

    count: int
    read_lengths: Callable[[], np.ndarray]
    bytes: int
    exact: bool
    spec: ExampleSpec
    sequence_length: int
    shards: int = 1
    read_pieces: Callable[[], np.ndarray] | None = None

    @classmethod
    def of(cls, records: Records) -> "ExpectedRecords":
        """Describes a data set that is on disk, from its manifest."""
        return cls(
            count=records.count,
            read_lengths=lambda: records.lengths,
            bytes=records.manifest["bytes"],
            exact=True,
            spec=records.spec,
            sequence_length=records.manifest["sequence_length"],
            shards=len(records.shard_counts),
            read_pieces=lambda: pieces_of(
                itertools.islice(records.token_ids(), _MOST_PARTS)
            ),
        )

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The lengths in word pieces, uint16, of all examples or of a sample."""
        return self.read_lengths()

    def with_features(self, features: ExampleSpec) -> "ExpectedRecords":
        """Returns these records with more features, such as a teacher's logits.

        A sequence is taken to be as long as the word pieces.
        """
        length = round(self._mean_length)
        zeros = {
            name: np.zeros(
                ((length,) if feature.variable else ()) + feature.row_shape,
                feature.in_memory,
            )
            for name, feature in features.items()
        }
        # An example without a feature has 2 bytes.
        added = len(serialize(zeros, features)) - 2
        return dataclasses.replace(
            self,
            spec={**self.spec, **features},
            bytes=self.bytes + added * self.count,
        )

    def memory_bytes(self, block_bytes: int = DEFAULT_BLOCK_BYTES) -> int:
        """Returns the most memory that `Batches` takes for their examples."""
        return min(self.parsed_bytes(self.count), block_bytes)

    def parsed_bytes(self, count: int) -> int:
        """Returns the memory that `count` of the examples take."""
        each = sum(
            feature.element_bytes * (self._mean_length if feature.variable else 1)
            for feature in self.spec.values()
        )
        offsets = 8 * sum(feature.variable for feature in self.spec.values())
        return round(count * (each + offsets))

    @property
    def _mean_length(self) -> float:
        return float(self.lengths.mean()) if len(self.lengths) else 0.0

    def batch_lengths(
        self,
        *,
        batch_size: int,
        buckets: tuple[int, ...],
        shuffle: bool = False,
        by_shard: bool = False,
    ) -> dict[int, float]:
        """How many batches of each length an epoch has.

        Whole numbers, except for data sets that are too large to be planned here.
        With `by_shard` the batches of every shard are filled from it alone.
        """
        if not self.count:
            return {}
        parts = self.shards if by_shard else 1
        count = -(-self.count // parts)
        planned = min(count, _MOST_PLANNED)
        records = SyntheticRecords(
            spec=self.spec,
            lengths=np.resize(self.lengths, planned),
            vocabulary_size=1,
            sequence_length=self.sequence_length,
        )
        batches = Batches(
            records, batch_size=batch_size, buckets=buckets, shuffle=shuffle
        )
        lengths, counts = np.unique(batches.lengths(0), return_counts=True)
        scale = count / planned * parts
        return {
            int(length): float(number * scale)
            for length, number in zip(lengths, counts, strict=True)
        }


def pieces_of(token_ids: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the ids that occur in some arrays, each once.

    >>> pieces_of([np.array([3, 1]), np.array([3])]).tolist()
    [1, 3]
    """
    found = [np.unique(each) for each in token_ids]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int32)


class SyntheticRecords(Records):
    """Examples of given lengths with random tokens: the shape of data, no data."""

    def __init__(
        self,
        *,
        spec: ExampleSpec,
        lengths: np.ndarray,
        vocabulary_size: int,
        sequence_length: int,
    ) -> None:
        self.directory = pathlib.Path("synthetic")
        self.spec = spec
        self.manifest = {
            "count": len(lengths),
            "sequence_length": sequence_length,
            "shards": [
                {
                    "count": len(lengths),
                    "parts": [
                        {
                            "count": len(lengths),
                            "bytes": 0,
                            "elements": {
                                name: int(lengths.sum(dtype=np.int64))
                                for name, feature in spec.items()
                                if feature.variable
                            },
                        }
                    ],
                }
            ],
        }
        self.lengths = lengths
        self._vocabulary_size = vocabulary_size

    def check(self, vocabulary_fingerprint: str) -> None:
        """Accepts every vocabulary."""

    def part_lengths(self, part: ShardPart) -> np.ndarray:
        return self.lengths

    def read(
        self,
        parts: Sequence[ShardPart],
        keep: np.ndarray | None = None,
        *,
        stop: Callable[[], None] = lambda: None,
    ) -> dict[str, np.ndarray | Sequences]:
        lengths = self.lengths if keep is None else self.lengths[keep]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        columns: dict[str, np.ndarray | Sequences] = {}
        for name, feature in self.spec.items():
            size = offsets[-1] if feature.variable else len(lengths)
            zeros = np.zeros((size, *feature.row_shape), feature.in_memory)
            columns[name] = Sequences(zeros, offsets) if feature.variable else zeros
        draw = np.random.default_rng(0)
        ids = draw.integers(self._vocabulary_size, size=offsets[-1], dtype=np.int32)
        columns["token_ids"] = Sequences(ids, offsets)
        columns["segment_start"] = lengths.astype(np.int32)
        return columns
