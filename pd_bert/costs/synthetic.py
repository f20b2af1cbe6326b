"""Batches of random tokens, with which a load is measured."""

import functools

import numpy as np

from pd_bert.costs.work import Load
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.expected_records import SyntheticRecords
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary


def masked(load: Load, length: int) -> int:
    """The number of masks in an example, 0 for a task without masks."""
    first = next(synthetic_batches(load, length, load.batch_size).epoch())
    return first["masked_positions"].shape[1] if "masked_positions" in first else 0


def synthetic_batches(
    load: Load, length: int, count: int, *, shuffle: bool = True
) -> Batches:
    """`count` examples of one length, as the stage would batch and transform them."""
    spec: ExampleSpec = dict(load.spec)
    vocabulary = _vocabulary(load.network.vocabulary_size)
    longest = min(length, load.sequence_length)
    records = SyntheticRecords(
        spec=spec,
        lengths=np.full(count, longest, np.uint16),
        vocabulary_size=len(vocabulary),
        sequence_length=load.sequence_length,
    )

    def transform(batch: NumpyBatch, epoch: int) -> NumpyBatch:
        if load.task is None:
            return batch
        return load.task.transform(batch, vocabulary=vocabulary, seed=0, epoch=epoch)

    return Batches(
        records,
        batch_size=load.batch_size,
        buckets=load.buckets,
        shuffle=shuffle,
        transform=transform,
    )


@functools.lru_cache(maxsize=2)
def _vocabulary(size: int) -> Vocabulary:
    """Any tokens: only their number matters."""
    others = (f"token{index}" for index in range(size - len(SPECIAL_TOKENS)))
    return Vocabulary(tokens=(*SPECIAL_TOKENS, *others))
