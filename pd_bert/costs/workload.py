"""What of a stage decides how long its batches take, and such batches without data."""

import dataclasses
import functools
from typing import Any

import numpy as np

from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.expected_records import SyntheticRecords
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.models.network import Network
from pd_bert.objectives.base import Objective
from pd_bert.tasks.base import Task
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from pd_bert.training.optimizer import AdamW


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """Batches of a task with this network; equal workloads are measured once."""

    network: Network
    task: Task
    spec: tuple[tuple[str, Any], ...]
    sequence_length: int
    batch_size: int
    buckets: tuple[int, ...]
    accumulation: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingLoad(Workload):
    """Steps of training. The numbers in the optimiser change no time."""

    objectives: tuple[Objective, ...]
    optimizer: AdamW = dataclasses.field(compare=False)
    live_teacher: Network | None = None
    teacher: bool = False


def masked(load: Workload, length: int) -> int:
    """The masks of an example, 0 where the task has none."""
    first = next(synthetic_batches(load, length, load.batch_size).epoch())
    return first["masked_positions"].shape[1] if "masked_positions" in first else 0


def synthetic_batches(
    load: Workload, length: int, count: int, *, shuffle: bool = True
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
