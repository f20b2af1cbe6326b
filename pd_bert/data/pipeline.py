"""The input pipeline: batches as a pure function of (seed, epoch, step).

Nothing here has a state that must be saved. The order of an epoch follows from its
number, so a resumed run begins at its step, and every worker, whatever their number,
takes its rows of the same global batches.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from pd_bert.data.records import Columns, Records, Sequences

NumpyBatch = dict[str, np.ndarray]
Transform = Callable[[NumpyBatch, int], NumpyBatch]
"""(batch, epoch) → batch; where masking happens."""

DEFAULT_BUCKETS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@dataclasses.dataclass(frozen=True)
class _Planned:
    """A batch that is planned: which rows of which block, padded to what."""

    block: tuple[int, ...]
    rows: np.ndarray
    length: int


class Batches:
    """The batches of a data set.

    Every batch has `batch_size` rows; a short one is filled up with rows whose
    `example_weight` is 0. Its length is the smallest bucket that holds it; with
    `shuffle`, what is left of a bucket goes to the next one. With `shuffle`, shards are
    shuffled, then the examples within blocks of about `block_examples`, the most that
    is in memory at a time, then the batches of a block. `shards` limits it to some of
    the shards.
    """

    def __init__(
        self,
        records: Records,
        *,
        batch_size: int,
        buckets: tuple[int, ...] = DEFAULT_BUCKETS,
        shuffle: bool = True,
        seed: int = 0,
        pad_id: int = 0,
        transform: Transform = lambda batch, epoch: batch,
        block_examples: int = 1 << 19,
        shards: tuple[int, ...] | None = None,
    ) -> None:
        self.records = records
        self.batch_size = batch_size
        self.buckets = buckets
        self._shuffle = shuffle
        self._seed = seed
        self._pad_id = pad_id
        self._transform = transform
        self._block_examples = block_examples
        counts = records.shard_counts
        self._shards = range(len(counts)) if shards is None else shards
        # The last block stays in memory: a data set of one block is read once.
        self._loaded: tuple[tuple[int, ...], Columns] | None = None
        self._planned: tuple[int, list[list[_Planned]]] | None = None

    def steps(self, epoch: int) -> int:
        """The number of batches of an epoch."""
        return sum(len(block) for block in self._plan(epoch))

    def steps_of(self, epochs: int) -> int:
        """The number of batches of the first `epochs` epochs."""
        counts = self.records.shard_counts
        # Then it is one block in whatever order the shards come, and epochs are alike.
        if sum(counts[shard] for shard in self._shards) <= self._block_examples:
            return self.steps(0) * epochs
        return sum(self.steps(epoch) for epoch in range(epochs))

    def lengths(self, epoch: int) -> np.ndarray:
        """The padded length of each batch of an epoch, int64 [steps]."""
        lengths = [planned.length for block in self._plan(epoch) for planned in block]
        return np.asarray(lengths, np.int64)

    def iterate(self, start: int = 0) -> Iterator[NumpyBatch]:
        """All batches from global step `start` on, epoch after epoch, for ever."""
        epoch = 0
        while start >= (steps := self.steps(epoch)):
            start -= steps
            epoch += 1
        while True:
            yield from self.epoch(epoch, start)
            epoch, start = epoch + 1, 0

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[NumpyBatch]:
        """The batches of one epoch from step `start` on."""
        for block in self._plan(epoch):
            if start >= len(block):
                start -= len(block)
                continue
            columns = self._load(block[0].block)
            for planned in block[start:]:
                yield self._transform(self._batch(columns, planned), epoch)
            start = 0

    def close(self) -> None:
        """Forgets the examples that it holds in memory; it may still be used.

        TensorFlow keeps the generators of datasets alive for longer than anybody wants
        their data.
        """
        self._loaded = self._planned = None

    def _generator(self, epoch: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self._seed, epoch]))

    def _blocks(self, epoch: int) -> list[list[int]]:
        """Shard numbers of each block, in order."""
        shards = np.asarray(self._shards)
        if self._shuffle:
            shards = self._generator(epoch).permutation(shards)
        blocks: list[list[int]] = []
        filled = self._block_examples
        for shard in shards.tolist():
            if filled >= self._block_examples:
                blocks.append([])
                filled = 0
            blocks[-1].append(shard)
            filled += self.records.shard_counts[shard]
        # One block holds everything: keep its order, so that it is read once only.
        return [sorted(blocks[0])] if len(blocks) == 1 else blocks

    def _plan(self, epoch: int) -> list[list[_Planned]]:
        # An iterator that was given up may still be at it, in another thread.
        planned = self._planned
        if planned is None or planned[0] != epoch:
            planned = self._planned = epoch, self._plan_epoch(epoch)
        return planned[1]

    def _plan_epoch(self, epoch: int) -> list[list[_Planned]]:
        generator = self._generator(epoch)
        starts = np.concatenate([[0], np.cumsum(self.records.shard_counts)])
        plan = []
        for shards in self._blocks(epoch):
            lengths = np.concatenate(
                [self.records.lengths[starts[s] : starts[s + 1]] for s in shards]
            )
            if batches := self._plan_block(tuple(shards), lengths, generator):
                plan.append(batches)
        return plan

    def _plan_block(
        self,
        block: tuple[int, ...],
        lengths: np.ndarray,
        generator: np.random.Generator,
    ) -> list[_Planned]:
        order = np.arange(len(lengths))
        if self._shuffle:
            order = generator.permutation(order)
        bucket = np.searchsorted(self.buckets, lengths[order])
        # What is longer than the last bucket is cut to it.
        bucket = np.minimum(bucket, len(self.buckets) - 1)
        batches = []
        numbers = np.unique(bucket).tolist()
        rest = order[:0]
        for number in numbers:
            rows = np.concatenate([rest, order[bucket == number]])
            # In training what does not fill a batch goes to the next longer bucket: a
            # batch of a few examples would weigh them as much as a full one does.
            whole = self._shuffle and number != numbers[-1]
            end = len(rows) // self.batch_size * self.batch_size if whole else len(rows)
            rest = rows[end:]
            for first in range(0, end, self.batch_size):
                taken = rows[first : min(first + self.batch_size, end)]
                batches.append(_Planned(block, taken, self.buckets[number]))
        if self._shuffle:
            batches = [batches[i] for i in generator.permutation(len(batches))]
        return batches

    def _load(self, block: tuple[int, ...]) -> Columns:
        loaded = self._loaded
        if loaded is None or loaded[0] != block:
            loaded = self._loaded = block, self._load_block(block)
        return loaded[1]

    def _load_block(self, block: tuple[int, ...]) -> Columns:
        columns = self.records.columns(block)
        starts = np.concatenate([[0], np.cumsum(self.records.shard_counts)])
        ids = [np.arange(starts[shard], starts[shard + 1]) for shard in block]
        return {**columns, "example_id": np.concatenate(ids)}

    def _batch(self, columns: Columns, planned: _Planned) -> NumpyBatch:
        rows, length = planned.rows, planned.length
        fill = self.batch_size - len(rows)
        # A filler repeats the first row: real tokens, so that no step sees an odd
        # input, and no weight.
        rows = np.concatenate([rows, np.repeat(rows[:1], fill)])
        batch: NumpyBatch = {}
        for name, column in columns.items():
            if isinstance(column, Sequences):
                pad = self._pad_id if name == "token_ids" else 0
                batch[name] = column.padded(rows, length, pad)
            else:
                batch[name] = column[rows]
        tokens = columns["token_ids"]
        assert isinstance(tokens, Sequences)
        positions = np.arange(length)
        lengths = np.minimum(tokens.lengths[rows], length)
        start = batch.pop("segment_start")[:, None]
        real = positions < lengths[:, None]
        batch["padding_mask"] = real.astype(np.int32)
        batch["segment_ids"] = ((positions >= start) & real).astype(np.int32)
        weight = np.ones(self.batch_size, np.float32)
        weight[self.batch_size - fill :] = 0
        batch["example_weight"] = weight
        return {
            name: value.astype(np.int32)
            if value.dtype == np.int64 and name != "example_id"
            else value
            for name, value in batch.items()
        }


def to_dataset(
    batches: Callable[[], Iterator[NumpyBatch]],
    *,
    replicas: int = 1,
    local: range = range(1),
    one_length: bool = False,
) -> tf.data.Dataset:
    """Batches as a tf.data.Dataset of per-replica batches.

    Each global batch is cut into `replicas` equal parts along its rows; the parts
    numbered in `local` are yielded one after another, as a distribution strategy takes
    them. Sequence lengths are left open in the element's shape unless all batches have
    `one_length`, which a TPU needs to know.
    """
    first = next(batches())
    size = len(first["example_weight"]) // replicas

    def parts() -> Iterator[NumpyBatch]:
        for batch in batches():
            for replica in local:
                rows = slice(replica * size, (replica + 1) * size)
                yield {name: value[rows] for name, value in batch.items()}

    # A head's weights and what they weigh are per token.
    weights = {name for name in first if name.endswith("_weight")} - {"example_weight"}
    by_length = {"token_ids", "segment_ids", "padding_mask", *weights}
    by_length |= {name.removesuffix("_weight") for name in weights}
    signature = {
        name: tf.TensorSpec(
            (size, None)
            if name in by_length and not one_length
            else (size, *value.shape[1:]),
            value.dtype,
        )
        for name, value in first.items()
    }
    dataset = tf.data.Dataset.from_generator(parts, output_signature=signature)
    return dataset.prefetch(8)
