"""Stages that train a model: what they share."""

import abc
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pd_bert.costs.cost import Cost, require_known
from pd_bert.costs.estimate_training import estimate_training, network_of
from pd_bert.costs.probe import Probe
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.initialization import Initialization, Whole
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted, joined
from pd_bert.objectives.base import Objective
from pd_bert.stages.base import Context, Info, Outcome, Stage, require_same_labels
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.live_teacher import LiveTeacher
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.train_together import train_together
from pd_bert.tasks.base import Task
from pd_bert.training.inputs import BatchInputs, StudentInputs
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime
from pd_bert.values import from_json, to_json


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
class Train(Stage):
    """Trains a model of `architecture`, from `initial` or from random weights.

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
                continue  # no teacher's records: they lack the logits, too
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
                f"{self.title}: a model needs an architecture or an initial "
                "model to take it from; received neither"
            )
        for name in ("batch_size", "accumulation", "epochs"):
            _require_at_least_one(self, name)
        for name in ("steps", "evaluate_every", "patience"):
            if getattr(self, name) is not None:
                _require_at_least_one(self, name)
        if not 0 <= self.seed < 1 << 31:
            raise InputError(
                f"{self.title}: a seed is from 0 to 2³¹ − 1; received {self.seed}"
            )
        if self.batch_size % self.accumulation:
            raise InputError(
                f"{self.title}: batch_size must be a multiple of "
                f"accumulation; received {self.batch_size} and {self.accumulation}"
            )
        if len(self.live) < len(self.teachers):
            raise InputError(
                f"{self.title}: teachers have different names; received "
                f"{', '.join(teacher.name for teacher in self.teachers)}"
            )

    def require(self, student: Network, teachers: Mapping[str, Network]) -> None:
        """Raises InputError unless student and teachers have all that is read of them.

        `teachers` are those whose network is known, by name.
        """
        for each in self.objectives:
            each.require(student, teachers.get(each.teacher), self.title)
        inputs = self.student_inputs
        inputs.check(student, teachers.get(inputs.teacher), self.title)
        parts = [*student.shapes, *(name for name, _ in student.heads)]
        for name in self.trainable or ():
            if name not in parts:
                raise InputError(
                    f"{self.title}: trainable names parts of the student, "
                    f"{', '.join(parts)}; received {name!r}"
                )

    def require_alike(self, train: Info, task: Info, where: str) -> None:
        """Raises InputError unless both hold pairs of texts or both single ones.

        `train` and `task` describe the records to learn from and those of the task.
        """
        if "pairs" in train and "pairs" in task and train["pairs"] != task["pairs"]:
            raise InputError(
                f"{where}: transfer set and task must both hold pairs of texts or both "
                f"single ones; {self.data.train.stage.title} holds "
                f"{'pairs' if train['pairs'] else 'single texts'}"
            )

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        info = super().promise(inputs, where)
        labels = {f: i.get("labels") for f, i in inputs.items()}
        mine = self.inputs()
        info["labels"] = []
        if self.data.labels is not None:
            (field,) = (f for f, s in mine.items() if s is self.data.labels)
            (train,) = (f for f, s in mine.items() if s is self.data.train.stage)
            self.require_alike(inputs[train], inputs[field], where)
            if (wanted := labels[field]) is None:
                del info["labels"]
            else:
                info["labels"] = wanted
                for field, stage in mine.items():
                    has = labels[field]
                    if stage in self._labelers(tuple(wanted)) and has is not None:
                        model = f"the teacher of {stage.title}"
                        require_same_labels(where, model=model, has=has, wanted=wanted)
        initial = inputs.get("initial", {})
        architecture = self.architecture
        if architecture is None and "architecture" in initial:
            architecture = from_json(initial["architecture"])
        if architecture is not None:
            info["architecture"] = to_json(architecture)
            if "vocabulary_size" in info and "labels" in info:
                size = info["vocabulary_size"]
                student = Network.of(
                    architecture, self.data.task.heads(tuple(info["labels"])), size
                )
                self.require(student, {})
                if "architecture" in initial:
                    its = Network.of(from_json(initial["architecture"]), {}, size)
                    self.initialization.check(student, its, where)
        return info

    def plan(self, inputs: Mapping[str, Info]) -> Info:
        info: Info = {"steps": self.steps or f"{self.epochs} epochs"}
        stage = self.data.train.stage
        data = next(i for f, i in inputs.items() if self.inputs()[f] is stage)
        count = data.get("train", data).get("count")
        if self.steps is None and count is not None:
            info["steps"] = f"about {self.epochs * math.ceil(count / self.batch_size)}"
        architecture = self.architecture
        if architecture is None and "architecture" in inputs.get("initial", {}):
            architecture = from_json(inputs["initial"]["architecture"])
        if architecture is not None and "vocabulary_size" in data:
            info["parameters"] = architecture.parameters(data["vocabulary_size"])
        return info

    def companions(self, runtime: Runtime) -> str:
        """Equal for students that can learn from the same batches and teachers."""
        return dataclasses.replace(
            self,
            name="",
            architecture=None,
            initial=None,
            initialization=Whole(),
            trainable=None,
            objectives=(),
            student_inputs=BatchInputs(),
            optimizer=AdamW(learning_rate=0.0),
            accumulation=1,
            seed=self.order,
            order_seed=self.order,
        ).fingerprint(runtime)

    def run(self, context: Context) -> Info:
        (outcome,) = self.run_together([(self, context)])
        if isinstance(outcome, InputError):
            raise outcome
        return outcome

    @classmethod
    def run_together(cls, runs: Sequence[tuple[Stage, Context]]) -> list[Outcome]:
        return train_together([(s, c) for s, c in runs if isinstance(s, Train)])

    @property
    def order(self) -> int:
        """The seed that draws the order of the examples."""
        return self.seed if self.order_seed is None else self.order_seed

    def expected_records(
        self, inputs: Mapping[str, Info]
    ) -> tuple[ExpectedRecords, dict[str, ExpectedRecords]]:
        """What it will train on, and the splits that it will measure."""

        def found(data: DataSet) -> ExpectedRecords:
            field = next(f for f, s in self.inputs().items() if s is data.stage)
            return require_known(inputs, field, "splits")[data.folder]

        measured = {split: found(data) for split, data in self.data.measured.items()}
        return found(self.data.train), measured

    def expected_teacher(self, inputs: Mapping[str, Info]) -> Network | None:
        """The teacher that will run inside every step, if there is one."""
        return network_of(inputs, "teachers.0.model") if self.teachers else None

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        return estimate_training(self, inputs, probe)


def _require_at_least_one(stage: Stage, name: str) -> None:
    """Raises InputError for a count below one."""
    if getattr(stage, name) < 1:
        raise InputError(
            f"{stage.title}: {name} must be at least 1; received {getattr(stage, name)}"
        )
