"""The order of the examples of a data set: pure functions of (seed, epoch).

A plan of an epoch has a constant size: some numbers per part of a shard. The order
within a block is computed when the block is met.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from pd_bert.data.records import Records, ShardPart

Block = tuple[ShardPart, ...]
"""The parts of shards that are in memory, and shuffled, together."""


@dataclasses.dataclass(frozen=True, eq=False)
class BlockPlan:
    """The batches of a block.

    `rows`, int32 [batches, batch_size], are rows of the block, its parts one after
    another; of batch i the first `real[i]` count, the others fill it up. It is padded
    or cut to `lengths[i]`.
    """

    block: Block
    rows: np.ndarray
    real: np.ndarray
    lengths: np.ndarray


class EpochOrder:
    """Shards in an order of their own in every epoch, cut into blocks of batches.

    A block has at most `block_bytes` in memory if it holds all shards; else at most
    half of them, because the next one is read meanwhile. A single part of a shard, of
    16 MB in its file, is a block even if it is larger.
    """

    def __init__(
        self,
        records: Records,
        *,
        batch_size: int,
        buckets: tuple[int, ...],
        shuffle: bool,
        seed: int,
        block_bytes: int,
        shards: tuple[int, ...] | None,
    ) -> None:
        self._records = records
        self._batch_size = batch_size
        self._buckets = np.asarray(buckets)
        self._shuffle = shuffle
        self._seed = seed
        self._shards = range(len(records.parts)) if shards is None else shards
        self._whole = self.memory_bytes(self._parts(self._shards)) <= block_bytes
        self._block_bytes = block_bytes // 2

    @property
    def one_block(self) -> bool:
        """True if every epoch is the same block, whose parts are in file order."""
        return self._whole

    def memory_bytes(self, block: Sequence[ShardPart]) -> int:
        """Returns the memory that the examples of a block take."""
        return sum(self._records.memory_bytes(part) for part in block)

    def blocks(self, epoch: int) -> list[Block]:
        """Returns the blocks of an epoch, in order."""
        if self._whole:
            block = tuple(self._parts(sorted(self._shards)))
            return [block] if any(part.count for part in block) else []
        shards = np.asarray(self._shards)
        if self._shuffle:
            shards = self._generator(epoch, 0).permutation(shards)
        blocks: list[list[ShardPart]] = []
        filled = self._block_bytes
        for part in self._parts(shards.tolist()):
            size = self._records.memory_bytes(part)
            if filled + size > self._block_bytes:
                blocks.append([])
                filled = 0
            blocks[-1].append(part)
            filled += size
        return [tuple(block) for block in blocks]

    def steps(self, epoch: int) -> int:
        """Returns the number of batches of an epoch."""
        return sum(self.block_steps(epoch))

    def steps_of(self, epochs: int) -> int:
        """Returns the number of batches of the first `epochs` epochs."""
        if self._whole or not self._shuffle:  # then epochs are alike
            return self.steps(0) * epochs
        return sum(self.steps(epoch) for epoch in range(epochs))

    def block_steps(self, epoch: int) -> list[int]:
        """Returns the number of batches of each block of an epoch."""
        if not self._shuffle:
            return self._unshuffled_steps
        # One short batch at most, whatever the lengths.
        counts = [sum(part.count for part in block) for block in self.blocks(epoch)]
        return [-(-count // self._batch_size) for count in counts]

    @functools.cached_property
    def _unshuffled_steps(self) -> list[int]:
        steps = []
        for block in self.blocks(0):
            counts = np.bincount(self._bucket(self._lengths(block)))
            steps.append(int(np.sum(-(-counts // self._batch_size))))
        return steps

    def plan(self, epoch: int, number: int) -> BlockPlan:
        """Returns the batches of a block of an epoch, given its number."""
        block = self.blocks(epoch)[number]
        bucket = self._bucket(self._lengths(block))
        order = np.arange(len(bucket), dtype=np.int32)
        generator = self._generator(epoch, number)
        if self._shuffle:
            order = generator.permutation(order)
        order = order[np.argsort(bucket[order], kind="stable")]
        ends = np.cumsum(np.bincount(bucket))
        if self._shuffle:
            # What does not fill a batch goes to the next longer bucket: a batch of a
            # few examples would weigh them as much as a full one does.
            ends = ends[-1:]
        size = self._batch_size
        starts = np.concatenate([[0], ends[:-1]])
        firsts = np.concatenate(
            [np.arange(a, b, size) for a, b in zip(starts, ends, strict=True)]
        ).astype(np.int32)
        lasts = np.minimum(firsts + size, ends[np.searchsorted(ends, firsts, "right")])
        # A filler repeats the first row: real tokens, so that no step sees an odd
        # input.
        columns = firsts[:, None] + np.arange(size, dtype=np.int32)
        columns = np.where(columns < lasts[:, None], columns, firsts[:, None])
        batches = np.arange(len(firsts))
        if self._shuffle:
            batches = generator.permutation(batches)
        return BlockPlan(
            block=block,
            rows=order[columns[batches]],
            real=(lasts - firsts)[batches],
            lengths=self._buckets[bucket[order[lasts - 1]]][batches],
        )

    def _parts(self, shards: Sequence[int]) -> list[ShardPart]:
        return [part for shard in shards for part in self._records.parts[shard]]

    def _lengths(self, block: Block) -> np.ndarray:
        return np.concatenate([self._records.part_lengths(part) for part in block])

    def _bucket(self, lengths: np.ndarray) -> np.ndarray:
        """The number of the smallest bucket that holds each length, or of the last."""
        bucket = np.searchsorted(self._buckets, lengths)
        # What is longer than the last bucket is cut to it.
        return np.minimum(bucket, len(self._buckets) - 1).astype(np.int16)

    def _generator(self, epoch: int, block: int) -> np.random.Generator:
        bits = np.random.Philox(key=[self._seed, epoch]).jumped(block)
        return np.random.Generator(bits)
