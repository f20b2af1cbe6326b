"""Stage: a student learns from a teacher's outputs."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from pd_bert.data.example_spec import ExampleSpec, Feature
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Stage, require_same_labels
from pd_bert.stages.finetune import expected_splits, task_splits
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.train import Train
from pd_bert.tasks.base import Task
from pd_bert.training.teacher import Live, Teacher, stored


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distill(Train):
    """Step 2 of Algorithm 1 (Turc et al. 2019).

    `transfer` is a label stage, whose records hold the teacher's logits; or prepared
    texts, and then `live_teacher` runs inside every step. `task_data` gives the splits
    to measure on.
    """

    transfer: Stage
    task_data: PrepareTask
    live_teacher: Stage | None = None

    kind: ClassVar[str] = "distill"
    has_teacher: ClassVar[bool] = True

    @property
    def data(self) -> Stage:
        return self.transfer

    @property
    def learnt_task(self) -> Task:
        return self.task_data.task

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = super().outline(inputs, survey)
        field = "transfer" if self.live_teacher is None else "live_teacher"
        require_same_labels(
            self.where,
            model=f"the teacher of {self.inputs()[field].title}",
            has=inputs[field].labels,
            wanted=outline.labels,
        )
        transfer, task = inputs["transfer"].inputs, inputs["task_data"].inputs
        if transfer is not None and task is not None:
            self._require_alike(transfer, task, self.where)
        return outline

    def needed(self, context: Context) -> ExampleSpec:
        tokens = self.task_data.task.encoded_spec
        if self.live_teacher is not None:
            return tokens
        count = len(self.labels(context))
        logits = Feature(dtype="float32", shape=(count,))
        return {**tokens, "teacher_logits": logits}

    def evaluation_records(self, context: Context) -> dict[str, Records]:
        return task_splits(self.task_data, context)

    def labels(self, context: Context) -> tuple[str, ...]:
        """The task's labels; InputError unless the teacher's are the same, in order."""
        wanted = context.artifact(self.task_data).labels
        source = context.artifact(self.live_teacher or self.transfer)
        require_same_labels(
            context.where,
            model=str(source.directory),
            has=source.labels,
            wanted=wanted,
        )
        return wanted

    def _require_alike(
        self, transfer: Sequence[str], task: Sequence[str], where: str
    ) -> None:
        if list(transfer) != list(task):
            raise InputError(
                f"{where}: transfer set and task must have the same texts; "
                f"{self.transfer.title} has {' and '.join(transfer) or 'none'}, "
                f"{self.task_data.title} has {' and '.join(task)}"
            )

    def training_records(self, context: Context) -> Records:
        self._require_alike(
            context.artifact(self.transfer)["inputs"],
            context.artifact(self.task_data)["inputs"],
            context.where,
        )
        return Records(context.artifact(self.transfer).directory)

    def teacher(self, context: Context) -> Teacher | None:
        if self.live_teacher is None:
            return stored
        with context.strategy.scope():
            return Live(Model.load(context.artifact(self.live_teacher).directory))

    def expected_records(
        self, inputs: Outlines
    ) -> tuple[ExpectedRecords, dict[str, ExpectedRecords]]:
        data, _ = super().expected_records(inputs)
        return data, expected_splits(self.task_data, inputs)

    def expected_teacher(self, inputs: Outlines) -> Network | None:
        if self.live_teacher is None:
            return None
        return inputs["live_teacher"].require_network()
