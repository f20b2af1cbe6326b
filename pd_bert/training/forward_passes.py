"""The bare forward passes of a model, timed."""

import itertools
import statistics
import time
from typing import Any

import tensorflow as tf

from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.models.model import Model

_TIMED_BATCHES = 24
_REPEATS = 5
_PASSES = 100
_WARM_UP = 10
_NAMES = ("token_ids", "segment_ids", "padding_mask")


class ForwardPasses:
    """Times passes from token ids to logits over `records`, padded to length buckets.

    They run one after another on this machine, on the first device; reading and
    tokenizing are not counted.
    """

    def __init__(
        self, model: Model, records: Records, *, buckets: tuple[int, ...], pad_id: int
    ) -> None:
        self._records = records
        self._buckets = buckets
        self._pad_id = pad_id

        @tf.function(reduce_retracing=True, autograph=False)
        def forward(inputs: Any) -> dict[str, tf.Tensor]:
            return dict(model(inputs).logits)

        self._forward = forward

    def examples_per_second(self, batch_size: int) -> float:
        """Over the first batches, back to back; the median of five times over them."""
        first = self._first(batch_size, _TIMED_BATCHES)
        count = sum(batch["example_weight"].sum() for batch in first)
        taken = [_inputs(batch) for batch in first]

        def run() -> float:
            begin = time.perf_counter()
            outputs = [self._forward(inputs) for inputs in taken]
            _wait(outputs[-1])
            return time.perf_counter() - begin

        run()
        seconds = statistics.median(run() for _ in range(_REPEATS))
        return float(count / seconds)

    def latency_ms(self, batch_size: int) -> float:
        """Milliseconds from a batch of examples to their logits in this process.

        The median of a hundred passes, each of which ends before the next begins, over
        batches drawn at random: it is that of the lengths that the data have. One pass
        of every length and ten more go before.
        """
        taken = [_inputs(batch) for batch in self._first(batch_size, _PASSES)]

        def run(inputs: dict[str, tf.Tensor]) -> float:
            begin = time.perf_counter()
            _wait(self._forward(inputs))
            return time.perf_counter() - begin

        of_each_length = {inputs["token_ids"].shape[1]: inputs for inputs in taken}
        for inputs in (*of_each_length.values(), *taken[:_WARM_UP]):
            run(inputs)
        passes = itertools.islice(itertools.cycle(taken), _PASSES)
        return 1000 * statistics.median(map(run, passes))

    def _first(self, batch_size: int, count: int) -> list[NumpyBatch]:
        batches = Batches(
            self._records,
            batch_size=batch_size,
            buckets=self._buckets,
            seed=0,
            pad_id=self._pad_id,
        )
        found = list(itertools.islice(batches.epoch(), count))
        batches.close()
        return found


def expected_passes(
    records: ExpectedRecords,
    *,
    batch_size: int,
    latency_batch_size: int,
    buckets: tuple[int, ...],
) -> float:
    """How many times over all `records` the timed passes go, for an estimate.

    A pass of few examples is counted as their share of a batch, which is short of it
    by what calling a model takes: a hundred calls are a part of a second.
    """
    lengths = records.batch_lengths(batch_size=batch_size, buckets=buckets)
    bare = (_REPEATS + 1) * min(1.0, _TIMED_BATCHES / sum(lengths.values()))
    passes = _PASSES + _WARM_UP + len(lengths)
    return bare + passes * latency_batch_size / records.count


def _wait(outputs: dict[str, tf.Tensor]) -> None:
    """Returns when a device is done: when its last results can be read."""
    for value in outputs.values():
        value.numpy()


def _inputs(batch: NumpyBatch) -> dict[str, tf.Tensor]:
    return {name: tf.constant(batch[name]) for name in _NAMES}
