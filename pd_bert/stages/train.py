"""What every stage that trains a model shares."""

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

from pd_bert.costs.work import Load, ModelPasses, TrainingLoad, TrainingSteps, Works
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.initialization import Initialization, Whole
from pd_bert.models.network import Network
from pd_bert.objectives.base import Objective
from pd_bert.stages.base import Context, Info, Outcome, Stage
from pd_bert.stages.outline import Outline, Outlines, require_known
from pd_bert.stages.train_together import train_together
from pd_bert.tasks.base import Task
from pd_bert.training.optimizer import AdamW
from pd_bert.training.runtime import Runtime
from pd_bert.training.teacher import Teacher


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train(Stage):
    """Trains a model of `architecture`, from `initial` or from random weights.

    `initialization` says what is taken of the initial model. Without an architecture it
    is that of the initial model.

    Runs `steps` updates or, without it, `epochs` passes over the data. On dev it
    measures every `evaluate_every` steps (default: once an epoch) and keeps the best;
    `patience` evaluations without a better one end it early. Length buckets hold for
    all but fixed-length windows.

    `seed` draws weights and dropout and, without `order_seed`, the order of the
    examples and their masks. Students whose data, order and schedule are equal may be
    trained together (`Runtime.together`).
    """

    architecture: Architecture | None = None
    initial: Stage | None = None
    initialization: Initialization = dataclasses.field(default_factory=Whole)
    objectives: tuple[Objective, ...]
    optimizer: AdamW
    batch_size: int = 32
    accumulation: int = 1
    epochs: int = 1
    steps: int | None = None
    evaluate_every: int | None = None
    patience: int | None = None
    buckets: tuple[int, ...] = DEFAULT_BUCKETS
    seed: int = 0
    order_seed: int | None = None

    collective: ClassVar[bool] = True
    trains: ClassVar[bool] = True
    has_teacher: ClassVar[bool] = False
    """Whether `teacher` gives one."""

    @property
    @abc.abstractmethod
    def data(self) -> Stage:
        """The stage whose artifact holds the records and the vocabulary."""

    @property
    @abc.abstractmethod
    def learnt_task(self) -> Task:
        """Heads, transform and metrics."""

    @abc.abstractmethod
    def training_records(self, context: Context) -> Records:
        """What to train on."""

    def needed(self, context: Context) -> ExampleSpec:
        """The features that the training records must have."""
        return self.learnt_task.spec()

    def evaluation_records(self, context: Context) -> dict[str, Records]:
        """Splits to measure: `dev` chooses the best weights, others come at the end."""
        return {}

    def labels(self, context: Context) -> tuple[str, ...]:
        """The label names of the logits."""
        return context.artifact(self.data).labels

    def teacher(self, context: Context) -> Teacher | None:
        """Where the objectives get the teacher's outputs."""
        return None

    def result_columns(self) -> Info:
        if self.architecture is not None:
            size = self.architecture.name
        else:
            assert self.initial is not None
            size = self.initial.result_columns()["size"]
        return {
            "size": size,
            "task": self.learnt_task.name,
            "seed": self.seed,
        }

    def check(self) -> None:
        super().check()
        if self.architecture is None and self.initial is None:
            raise InputError(
                f"{self.kind} {self.name}: a model needs an architecture or an initial "
                "model to take it from; received neither"
            )
        for objective in self.objectives:
            if objective.needs_teacher and not self.has_teacher:
                raise InputError(
                    f"{self.kind} {self.name}: {type(objective).__name__} learns from "
                    f"a teacher, which a stage of kind distill has; {self.kind} has "
                    "none"
                )
        for name in ("batch_size", "accumulation", "epochs"):
            _require_at_least_one(self, name)
        for name in ("steps", "evaluate_every", "patience"):
            if getattr(self, name) is not None:
                _require_at_least_one(self, name)
        if not 0 <= self.seed < 1 << 31:
            raise InputError(
                f"{self.kind} {self.name}: a seed is from 0 to 2³¹ − 1; received "
                f"{self.seed}"
            )
        if self.batch_size % self.accumulation:
            raise InputError(
                f"{self.kind} {self.name}: batch_size must be a multiple of "
                f"accumulation; received {self.batch_size} and {self.accumulation}"
            )

    def companions(self, runtime: Runtime) -> str:
        """Equal for students that can learn from the same batches of one teacher."""
        return dataclasses.replace(
            self,
            name="",
            architecture=None,
            initial=None,
            initialization=Whole(),
            objectives=(),
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
        """What draws the order of the examples."""
        return self.seed if self.order_seed is None else self.order_seed

    def expected_records(
        self, inputs: Outlines
    ) -> tuple[ExpectedRecords, dict[str, ExpectedRecords]]:
        """The records to train on, and the splits to measure."""
        splits = require_known(inputs[self.field_of(self.data)].splits, "its records")
        return splits["train" if "train" in splits else ""], {}

    def expected_teacher(self, inputs: Outlines) -> Network | None:
        """The teacher that runs inside every step, if there is one."""
        return None

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        shared = super().outline(inputs, survey)
        # Only fine-tuning and distillation have a task with labels.
        labels = inputs["task_data"].labels if "task_data" in inputs else ()
        initial = inputs["initial"].network if "initial" in inputs else None
        architecture = self.architecture or (initial and initial.architecture)
        network = None
        if labels is not None:
            for objective in self.objectives:
                objective.check_labels(labels)
            if architecture and shared.vocabulary_size is not None:
                network = Network(
                    architecture=architecture,
                    heads=tuple(sorted(self.learnt_task.heads(labels).items())),
                    vocabulary_size=shared.vocabulary_size,
                )
        if network and initial:
            # Vocabularies are the same, so their sizes are.
            size = network.vocabulary_size
            self.initialization.check(
                (network.architecture, size), (initial.architecture, size), self.where
            )
        data = inputs[self.field_of(self.data)]
        return dataclasses.replace(
            shared,
            labels=labels,
            inputs=data.inputs,
            sequence_length=data.sequence_length,
            network=network,
        )

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        data, splits = self.expected_records(inputs)
        dev = splits.get("dev")
        load = TrainingLoad(
            network=outline.require_network(),
            task=self.learnt_task,
            spec=tuple(data.spec.items()),
            sequence_length=data.sequence_length,
            batch_size=self.batch_size,
            buckets=runtime.buckets(self.buckets, data.sequence_length),
            objectives=self.objectives,
            optimizer=self.optimizer,
            accumulation=self.accumulation,
            live_teacher=self.expected_teacher(inputs),
            teacher="teacher_logits" in data.spec,
        )
        epoch = data.batch_lengths(
            batch_size=self.batch_size, buckets=load.buckets, shuffle=True
        )
        per_epoch = math.ceil(sum(epoch.values()))
        steps = self.steps or per_epoch * self.epochs
        every = self.evaluate_every or max(1, per_epoch)
        evaluations = None if dev is None else math.ceil(steps / every)
        training = TrainingSteps(
            load=load,
            records=data,
            epoch=epoch,
            steps=steps,
            evaluations=evaluations,
            exact=data.exact or self.steps is not None,
        )
        # The best weights are measured once more on every split.
        measured = [(split, 1.0) for split in splits.values()]
        if dev is not None:
            measured.append((dev, float(evaluations or 0)))
        passes = Load(
            network=load.network,
            task=load.task,
            spec=load.spec if dev is None else tuple(dev.spec.items()),
            sequence_length=load.sequence_length,
            batch_size=max(self.batch_size, 32),
            buckets=load.buckets,
        )
        return training, ModelPasses(load=passes, records=tuple(measured))


def _require_at_least_one(stage: Stage, name: str) -> None:
    """Raises InputError for a count below one."""
    if getattr(stage, name) < 1:
        raise InputError(
            f"{stage.kind} {stage.name}: {name} must be at least 1; received "
            f"{getattr(stage, name)}"
        )
