"""The kinds of work that stages do, as values; `pricing` gives their cost."""

import dataclasses
from collections.abc import Mapping

from pd_bert.data.example_spec import Feature
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.source import Source
from pd_bert.data.survey import Read
from pd_bert.data.surveyor import Encoding
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted
from pd_bert.objectives.base import Objective
from pd_bert.tasks.base import Task
from pd_bert.training.inputs import BatchInputs, StudentInputs
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """A part of what a stage computes.

    A kind of its own needs a price: a function registered with `pricing.price`.
    """


Works = tuple[Work, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """Batches for a network; equal loads are measured once.

    Without a task, or with `measured` False, the model gives its logits alone: no
    answer is compared with a label.
    """

    network: Network
    task: Task | None = None
    spec: tuple[tuple[str, Feature], ...]
    sequence_length: int
    batch_size: int
    buckets: tuple[int, ...]
    accumulation: int = 1
    measured: bool = True


def logits_load(
    network: Network,
    records: ExpectedRecords,
    batch_size: int,
    buckets: tuple[int, ...],
    runtime: Runtime,
) -> Load:
    """The load of a finished model's passes over data sets like `records`."""
    return Load(
        network=network,
        spec=tuple(records.spec.items()),
        sequence_length=records.sequence_length,
        batch_size=batch_size,
        buckets=runtime.buckets(buckets, records.sequence_length),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherLoad:
    """A teacher of a training; a live one computes `wanted` in every step.

    The network of a stored teacher may be unknown: None.
    """

    name: str
    network: Network | None
    wanted: Wanted
    live: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingLoad(Load):
    """Training steps. The numbers in the optimizer change no time.

    `teachers` are those that objectives or inputs read.
    """

    objectives: tuple[Objective, ...]
    trainable: tuple[str, ...] | None = None
    student_inputs: StudentInputs = dataclasses.field(default_factory=BatchInputs)
    teachers: tuple[TeacherLoad, ...] = ()
    optimizer: AdamW = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSteps(Work):
    """All steps of a training with its checkpoints, without a stop early.

    `epoch` is the number of batches of each length in an epoch of `records`.
    `evaluations` is how often a better model may be kept, None if the last one is.
    """

    load: TrainingLoad
    records: ExpectedRecords
    epoch: Mapping[int, float]
    steps: int
    evaluations: int | None
    exact: bool


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ModelPasses(Work):
    """Forward passes over data sets, each so many times.

    The batch size of the load is rounded up to a multiple of the replicas. With
    `by_shard` the batches of every shard are filled from it alone.
    """

    load: Load
    records: tuple[tuple[ExpectedRecords, float], ...]
    by_shard: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ReadSource(Work):
    """Reading a source to its end."""

    source: Source
    read: Read


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Encode(Work):
    """Encoding texts into records."""

    encoding: Encoding


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class WriteRecords(Work):
    """Writing `records`, after `parsed` examples of others were read.

    `held_bytes` are needed in memory meanwhile and `scratch_bytes` on disk.
    """

    records: ExpectedRecords
    parsed: int = 0
    held_bytes: int = 0
    scratch_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LearnVocabulary(Work):
    """Training a vocabulary on the first `max_characters` of a source."""

    source: Source
    size: int
    lowercase: bool
    max_characters: int


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CopyModel(Work):
    """Reading a model and writing it in another form.

    `passes` is how often its bytes are read or written, `seconds` is the time that
    does not depend on them; `added_bytes` are written besides the model.
    """

    network: Network
    passes: int
    seconds: float
    added_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Fixed(Work):
    """Work of known seconds, which leaves known bytes on disk."""

    seconds: float = 0.0
    disk_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Unknown(Work):
    """Work that cannot be priced."""
