"""Data sets that are not prepared yet."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import ExampleSpec, serialize
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records, Sequences

# What a plan of batches is made for; larger data sets are scaled up from it.
_MOST_PLANNED = 1 << 19


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedRecords:
    """How many examples a data set has or will have, and how long they are.

    `read_lengths` gives the lengths in word pieces, of all examples or of a sample; it
    is called when they are first used. `bytes` is the size on disk; `exact` is whether
    `count` is sure.
    """

    count: int
    read_lengths: Callable[[], np.ndarray]
    bytes: int
    exact: bool
    spec: ExampleSpec
    sequence_length: int
    shards: int = 1

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
        )

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """The lengths in word pieces, uint16, of all examples or of a sample."""
        return self.read_lengths()

    def with_features(self, features: ExampleSpec) -> "ExpectedRecords":
        """Returns these records with more features, such as a teacher's logits."""
        length = round(float(self.lengths.mean())) if len(self.lengths) else 0
        zeros = {
            name: np.zeros(
                [length if size is None else size for size in feature.shape],
                tf.dtypes.as_dtype(feature.dtype).as_numpy_dtype,
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

    def memory_bytes(self, block_examples: int = 1 << 19) -> int:
        """The most that its examples take in memory while they are parsed and after."""
        mean = float(self.lengths.mean()) if len(self.lengths) else 0.0
        # int64 as parsed and int32 as kept, and offsets and features of one number.
        each = 12 * mean + 16 * len(self.spec)
        return round(min(self.count, block_examples) * each)

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
            "shards": [{"count": len(lengths)}],
        }
        self.lengths = lengths
        self._vocabulary_size = vocabulary_size

    def check(self, vocabulary_fingerprint: str) -> None:
        """Fits every vocabulary."""

    def columns(self, shards: Sequence[int]) -> dict[str, np.ndarray | Sequences]:
        offsets = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])
        draw = np.random.default_rng(0)
        ids = draw.integers(self._vocabulary_size, size=offsets[-1], dtype=np.int32)
        columns: dict[str, np.ndarray | Sequences] = {}
        for name, feature in self.spec.items():
            if feature.variable:
                columns[name] = Sequences(np.zeros_like(ids), offsets)
            else:
                shape = [len(self.lengths), *(size or 0 for size in feature.shape)]
                columns[name] = np.zeros(shape, feature.dtype)
        columns["token_ids"] = Sequences(ids, offsets)
        columns["segment_start"] = self.lengths.astype(np.int64)
        return columns
