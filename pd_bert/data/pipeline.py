"""The input pipeline: batches as a pure function of (seed, epoch, step).

Nothing here has a state that must be saved. The order of an epoch follows from its
number, so a resumed run begins at its step, and every worker, whatever their number,
takes its rows of the same global batches.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from pd_bert.data.background import Background, Piece, Stop
from pd_bert.data.columns import Columns
from pd_bert.data.epoch_order import BlockPlan, EpochOrder
from pd_bert.data.loaded_block import LoadedBlock, NumpyBatch
from pd_bert.data.records import Records

Transform = Callable[[NumpyBatch, int], NumpyBatch]
"""(batch, epoch) → batch, a pure function of each row; where masking happens."""

DEFAULT_BUCKETS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
DEFAULT_BLOCK_BYTES = 1 << 29
"""The memory for examples."""

# Training begins before a large block is read: with some of its batches, then with more
# of them each time, whose reading takes less time than the use of those before.
_FIRST_BATCHES = 32
_GROWTH = 4
_LARGE = 1 << 24
# Small batches are made several at a time: at most so many, of so many bytes in all.
_MOST_TOGETHER = 8
_TOGETHER_BYTES = 1 << 20


class Array(NamedTuple):
    """The shape and dtype of a feature of batches; None is their length."""

    shape: tuple[int | None, ...]
    dtype: np.dtype


class Batches:
    """The batches of a data set.

    Every batch has `batch_size` rows; a short one is filled up with rows whose
    `example_weight` is 0. Its length is the smallest bucket that holds it; with
    `shuffle`, what is left of a bucket goes to the next one.

    With `shuffle`, shards are shuffled, then the examples within blocks, then the
    batches of a block. At most `block_bytes` of examples are in memory: a whole data
    set that fits is one block and is read once; of another one a block and the next
    one, which is read while the first one is used (each as large as its parts allow,
    see `EpochOrder`). Batches are assembled and transformed by several threads.

    `shards` limits it to some of the shards. `rows`, where it is a parameter, limits
    batches to these rows of each global batch, such as those of one worker; nothing
    else is then parsed, padded and transformed. (A shuffled data set of one block is
    parsed as a whole, once, for all epochs.)
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
        block_bytes: int = DEFAULT_BLOCK_BYTES,
        shards: tuple[int, ...] | None = None,
    ) -> None:
        self.records = records
        self.batch_size = batch_size
        self.buckets = buckets
        self._pad_id = pad_id
        self._transform = transform
        self._order = EpochOrder(
            records,
            batch_size=batch_size,
            buckets=buckets,
            shuffle=shuffle,
            seed=seed,
            block_bytes=block_bytes,
            shards=shards,
        )
        self._kept = shuffle and self._order.one_block
        self._first_ids = np.cumsum([0, *records.shard_counts])
        self._lock = threading.Lock()
        self._columns: Columns | None = None
        self._background: Background | None = None

    def steps(self, epoch: int) -> int:
        """Returns the number of batches of an epoch."""
        return self._order.steps(epoch)

    def steps_of(self, epochs: int) -> int:
        """Returns the number of batches of the first `epochs` epochs."""
        return self._order.steps_of(epochs)

    def lengths(self, epoch: int) -> np.ndarray:
        """Returns the padded length of each batch of an epoch, int64 [steps]."""
        blocks = range(len(self._order.block_steps(epoch)))
        plans = [self._order.plan(epoch, number).lengths for number in blocks]
        return np.concatenate([np.zeros(0, np.int64), *plans])

    def iterate(
        self, start: int = 0, *, rows: range | None = None
    ) -> Iterator[NumpyBatch]:
        """Yields batches from global step `start` on, epoch after epoch, for ever."""
        epoch = 0
        while start >= (steps := self.steps(epoch)):
            start -= steps
            epoch += 1
        return self._stream(epoch, start, rows, endless=True)

    def epoch(
        self, epoch: int = 0, start: int = 0, *, rows: range | None = None
    ) -> Iterator[NumpyBatch]:
        """Yields the batches of one epoch from step `start` on."""
        return self._stream(epoch, start, rows, endless=False)

    def arrays(self, size: int) -> dict[str, Array]:
        """Returns the shapes and dtypes of `size` rows of batches of any length.

        The length of a batch is left open in them, unless there is one bucket only.
        """
        block, *_ = self._order.blocks(0)
        first = np.arange(block[0].count) < 1
        plan = BlockPlan(
            block=block[:1],
            rows=np.zeros((1, size), np.int32),
            real=np.array([size]),
            lengths=np.array(self.buckets[-1:]),
        )
        loaded = self._loaded(
            plan, self.records.read(block[:1], first), np.zeros(1, np.int32)
        )
        one, other = (
            self._transform(loaded.batch(0, range(size), length=length), 0)
            for length in (self.buckets[-1], self.buckets[-1] + 1)
        )
        return {
            name: Array(_open(value, other[name], self.buckets), value.dtype)
            for name, value in one.items()
        }

    def close(self) -> None:
        """Frees the examples in memory and ends all threads; it may still be used.

        TensorFlow keeps the generators of datasets alive for longer than their data is
        wanted. Iterators that were not exhausted raise an exception afterwards.
        """
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.close()
        self._columns = None

    def _stream(
        self, epoch: int, start: int, rows: range | None, *, endless: bool
    ) -> Iterator[NumpyBatch]:
        with self._lock:
            self._background = background = self._background or Background()
        rows = range(self.batch_size) if rows is None else rows
        return background.stream(self._pieces(epoch, start, rows, endless=endless))

    def _pieces(
        self, epoch: int, start: int, rows: range, *, endless: bool
    ) -> Iterator[Piece]:
        begun = False
        while True:
            for number, steps in enumerate(self._order.block_steps(epoch)):
                if start >= steps:
                    start -= steps
                    continue
                count = _FIRST_BATCHES
                if begun or not self._is_slow(epoch, number):
                    count = steps
                while start + count < steps:
                    chosen = range(start, start + count)
                    yield self._piece(epoch, number, chosen, rows)
                    start, count = start + count, _GROWTH * count
                chosen = range(start, steps)
                yield self._piece(epoch, number, chosen, rows, kept=self._kept)
                begun, start = True, 0
            if not endless:
                return
            epoch += 1

    def _is_slow(self, epoch: int, number: int) -> bool:
        """Returns True if the first batches of a block would have to wait for it."""
        block = self._order.blocks(epoch)[number]
        return self._columns is None and self._order.memory_bytes(block) > _LARGE

    def _piece(
        self, epoch: int, number: int, steps: range, rows: range, *, kept: bool = False
    ) -> Piece:
        load = self._load_kept if kept else self._load_some
        return Piece(
            load=functools.partial(load, epoch, number, steps, rows),
            make=functools.partial(self._make, epoch, rows),
            indices=steps,
            together=self._together(epoch, number),
        )

    def _together(self, epoch: int, number: int) -> int:
        block = self._order.blocks(epoch)[number]
        steps = self._order.block_steps(epoch)[number]
        each = max(1, self._order.memory_bytes(block) // max(1, steps))
        return max(1, min(_MOST_TOGETHER, _TOGETHER_BYTES // each))

    def _make(
        self, epoch: int, rows: range, block: LoadedBlock, step: int
    ) -> NumpyBatch:
        return self._transform(block.batch(step, rows), epoch)

    def _load_some(
        self, epoch: int, number: int, steps: range, rows: range, stop: Stop
    ) -> LoadedBlock:
        """Reads the rows that are needed for some steps."""
        plan = self._order.plan(epoch, number)
        needed = np.zeros(sum(part.count for part in plan.block), np.bool_)
        needed[plan.rows[steps.start : steps.stop, rows.start : rows.stop]] = True
        places = np.cumsum(needed, dtype=np.int32) - 1
        return self._loaded(
            plan, self.records.read(plan.block, needed, stop=stop), places
        )

    def _load_kept(
        self, epoch: int, number: int, steps: range, rows: range, stop: Stop
    ) -> LoadedBlock:
        """Reads all rows, once for all epochs."""
        plan = self._order.plan(epoch, number)
        columns = self._columns
        if columns is None:
            columns = self._columns = self.records.read(plan.block, stop=stop)
        return self._loaded(plan, columns, None)

    def _loaded(
        self, plan: BlockPlan, columns: Columns, places: np.ndarray | None
    ) -> LoadedBlock:
        first_ids = [self._first_ids[part.shard] + part.first for part in plan.block]
        return LoadedBlock(
            plan,
            columns,
            places,
            first_ids=first_ids,
            spec=self.records.spec,
            pad_id=self._pad_id,
        )


def _open(
    value: np.ndarray, longer: np.ndarray, buckets: tuple[int, ...]
) -> tuple[int | None, ...]:
    """The shape, None where it depends on the length."""
    return tuple(
        size if len(buckets) == 1 or size == other else None
        for size, other in zip(value.shape, longer.shape, strict=True)
    )
