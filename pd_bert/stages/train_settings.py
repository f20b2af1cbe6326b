"""The settings that every training has."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from pd_bert.data.example_spec import ExampleSpec, require
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.initialization import Initialization, Whole
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted, joined
from pd_bert.objectives.base import Objective, Reads
from pd_bert.stages.base import Context, Info, Stage, require_same_labels
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.live_teacher import LiveTeacher
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.tasks.base import Task
from pd_bert.training.inputs import BatchInputs, StudentInputs
from pd_bert.training.optimizer import AdamW
from pd_bert.training.teacher import stored_shapes


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The data sets of a training, and the task that gives heads and metrics.

    `measured` are splits by name: `dev` chooses the best weights, others are measured
    once at the end. `labels` is the stage whose artifact has the label names.
    """

    task: Task
    train: DataSet
    measured: Mapping[str, DataSet] = dataclasses.field(default_factory=dict)
    labels: Stage | None = None

    @classmethod
    def of_task(cls, train: DataSet, task_data: PrepareTask) -> "TrainingData":
        """Returns data that are measured on the splits of a prepared task."""
        return cls(
            task=task_data.task,
            train=train,
            measured=task_data.measured,
            labels=task_data,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings(Stage):
    """The settings of a training, and what follows from them alone.

    It trains a model of `architecture`, from `initial` or from random weights.

    `initialization` says what is taken of the initial model. Without an architecture it
    is that of the initial model. `trainable` names the parts that are trained, parts of
    the encoder (`Encoder.parts`) and heads; None: all.

    Objectives read what `teachers` compute inside the step, or what is stored in the
    records; `inputs` makes what the student reads.

    Runs `steps` updates or, without it, `epochs` passes over the data. On dev it
    measures every `evaluate_every` steps (default: once per epoch) and keeps the best;
    `patience` evaluations without a better one end it early. With `validation`, a stage
    with records like those trained on, the mean loss on it decides instead of the
    task's metric on dev. Length buckets hold for all but fixed-length windows.

    `seed` draws weights and dropout and, without `order_seed`, the order of the
    examples and their masks. Students whose data, order and schedule are equal may be
    trained together (`Runtime.together`).
    """

    architecture: Architecture | None = None
    initial: Stage | None = None
    initialization: Initialization = dataclasses.field(default_factory=Whole)
    trainable: tuple[str, ...] | None = None
    objectives: tuple[Objective, ...]
    teachers: tuple[LiveTeacher, ...] = ()
    student_inputs: StudentInputs = dataclasses.field(default_factory=BatchInputs)
    optimizer: AdamW
    batch_size: int = 32
    accumulation: int = 1
    epochs: int = 1
    steps: int | None = None
    validation: Stage | None = None
    evaluate_every: int | None = None
    patience: int | None = None
    buckets: tuple[int, ...] = DEFAULT_BUCKETS
    seed: int = 0
    order_seed: int | None = None

    collective: ClassVar[bool] = True
    trains: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def data(self) -> TrainingData:
        """The data sets that it reads, and the task."""

    @property
    def live(self) -> dict[str, Stage]:
        """The stages of the live teachers by the teachers' names."""
        return {teacher.name: teacher.model for teacher in self.teachers}

    @property
    def wanted_of_teachers(self) -> dict[str, Wanted]:
        """The outputs that objectives and inputs read of each teacher, by its name."""
        reads = [
            (each.teacher, wanted)
            for each in self.objectives
            if (wanted := each.reads.teacher) is not None
        ]
        if (wanted := self.student_inputs.wanted) is not None:
            reads.append((self.student_inputs.teacher, wanted))
        return {
            name: joined(wanted for other, wanted in reads if other == name)
            for name in dict.fromkeys(name for name, _ in reads)
        }

    def labels(self, context: Context) -> tuple[str, ...]:
        """Returns the label names of the logits.

        Raises InputError unless the teachers whose logits are read have the same.
        """
        stage = self.data.labels
        if stage is None:
            return ()
        labels = context.artifact(stage).labels
        for source in self._labelers(labels):
            artifact = context.artifact(source)
            if source is self.data.train.stage and not artifact.labels:
                continue  # it stores no logits, which `require_features` refuses
            require_same_labels(
                context.where,
                model=str(artifact.directory),
                has=artifact.labels,
                wanted=labels,
            )
        return labels

    def _labelers(self, labels: tuple[str, ...]) -> list[Stage]:
        """The stages whose logits are read, for heads that the student has too."""
        heads = self.data.task.heads(labels).keys()
        read = [
            name
            for name, wanted in self.wanted_of_teachers.items()
            if wanted.heads is None or heads & set(wanted.heads)
        ]
        stored = [self.data.train.stage] if set(read) - self.live.keys() else []
        return [*stored, *(self.live[name] for name in read if name in self.live)]

    def result_columns(self) -> Info:
        if self.architecture is not None:
            size = self.architecture.name
        else:
            assert self.initial is not None
            size = self.initial.result_columns()["size"]
        return {"size": size, "task": self.data.task.name, "seed": self.seed}

    def check(self) -> None:
        super().check()
        if self.architecture is None and self.initial is None:
            raise InputError(
                f"{self.where}: a model needs an architecture or an initial "
                "model to take it from; received neither"
            )
        for name in ("batch_size", "accumulation", "epochs"):
            _require_at_least_one(self, name)
        for name in ("steps", "evaluate_every", "patience"):
            if getattr(self, name) is not None:
                _require_at_least_one(self, name)
        if not 0 <= self.seed < 1 << 31:
            raise InputError(
                f"{self.where}: a seed is from 0 to 2³¹ − 1; received {self.seed}"
            )
        if self.batch_size % self.accumulation:
            raise InputError(
                f"{self.where}: batch_size must be a multiple of "
                f"accumulation; received {self.batch_size} and {self.accumulation}"
            )
        if len(self.live) < len(self.teachers):
            raise InputError(
                f"{self.where}: teachers have different names; received "
                f"{', '.join(teacher.name for teacher in self.teachers)}"
            )

    def require(self, student: Network, teachers: Mapping[str, Network]) -> None:
        """Raises InputError unless student and teachers have all that is read of them.

        `teachers` are those whose network is known, by name.
        """
        for each in self.objectives:
            each.require(student, teachers.get(each.teacher), self.where)
        inputs = self.student_inputs
        inputs.check(student, teachers.get(inputs.teacher), self.where)
        if self.trainable is None:
            return
        parts = [*student.shapes, *(name for name, _ in student.heads)]
        for name in self.trainable:
            if name not in parts:
                raise InputError(
                    f"{self.where}: trainable names parts of the student, "
                    f"{', '.join(parts)}; received {name!r}"
                )

    def require_features(self, spec: ExampleSpec, student: Network, where: str) -> None:
        """Raises InputError for features that are read and that records lack.

        `spec` is that of the records `where` to train on, or to validate on.
        """
        of_task = self.data.task.spec()
        inputs = self.student_inputs
        readers: list[tuple[Objective | StudentInputs, Reads]] = [
            *((objective, objective.reads) for objective in self.objectives),
            (inputs, Reads(teacher=inputs.wanted)),
        ]
        for reader, reads in readers:
            stored = {}
            if reads.teacher is not None and reader.teacher not in self.live:
                stored = stored_shapes(reader.teacher, reads.teacher, student)
            if missing := {*reads.features, *stored} - spec.keys():
                raise InputError(
                    f"{self.where}: {type(reader).__name__} reads "
                    f"{', '.join(sorted(missing))}; {where} holds {', '.join(spec)}"
                )
            require(
                spec, {n: of_task[n] for n in reads.features if n in of_task}, where
            )
            for name, shape in stored.items():
                if shape is not None and spec[name].shape != shape:
                    raise InputError(
                        f"{self.where}: {name} must have the shape of the student's "
                        f"logits, {shape}; {where} holds {spec[name].shape}"
                    )

    @property
    def order(self) -> int:
        """The seed that draws the order of the examples."""
        return self.seed if self.order_seed is None else self.order_seed


def _require_at_least_one(stage: Stage, name: str) -> None:
    """Raises InputError for a count below one."""
    if getattr(stage, name) < 1:
        raise InputError(
            f"{stage.where}: {name} must be at least 1; received {getattr(stage, name)}"
        )
