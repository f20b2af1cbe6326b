"""NumPy batches → tf.data."""

from collections.abc import Iterator

import tensorflow as tf

from pd_bert.data.loaded_block import NumpyBatch
from pd_bert.data.pipeline import Batches


def to_dataset(
    batches: Batches,
    *,
    start: int | None = None,
    replicas: int = 1,
    local: range = range(1),
) -> tf.data.Dataset:
    """Returns batches as a tf.data.Dataset of per-replica batches.

    Each global batch is cut into `replicas` equal parts along its rows; the parts
    numbered in `local` are yielded one after another, as a distribution strategy takes
    them, and no others are made. They are those of the first epoch, or, with `start`,
    those from this global step on, without end. Lengths are left open in the element's
    shape unless there is one bucket only, as a TPU needs it.
    """
    size = batches.batch_size // replicas
    rows = range(local.start * size, local.stop * size)

    def parts() -> Iterator[NumpyBatch]:
        if start is None:
            made = batches.epoch(rows=rows)
        else:
            made = batches.iterate(start, rows=rows)
        for batch in made:
            for first in range(0, len(rows), size):
                yield {
                    name: value[first : first + size] for name, value in batch.items()
                }

    signature = {
        name: tf.TensorSpec(array.shape, array.dtype)
        for name, array in batches.arrays(size).items()
    }
    dataset = tf.data.Dataset.from_generator(parts, output_signature=signature)
    if start is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(-1))
    # Batches are made ahead already; this hides the copy into a tensor. Nothing is left
    # to tune, and the thread that tunes holds up the end of an iterator for seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)
