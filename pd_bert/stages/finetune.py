"""Stage: fine-tuning on labels."""

import dataclasses
from typing import ClassVar

from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.stages.base import Context, Stage
from pd_bert.stages.outline import Outlines, require_known
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.train import Train
from pd_bert.tasks.base import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finetune(Train):
    """Supervised training on D_L, of teachers and of students.

    With random weights it is basic training, from a pre-trained encoder PF, from a
    distilled model step 3 of Algorithm 1, PD-F (Turc et al. 2019).
    """

    task_data: PrepareTask

    kind: ClassVar[str] = "finetune"

    @property
    def data(self) -> Stage:
        return self.task_data

    @property
    def learnt_task(self) -> Task:
        return self.task_data.task

    def training_records(self, context: Context) -> Records:
        return Records(context.artifact(self.task_data).directory / "train")

    def evaluation_records(self, context: Context) -> dict[str, Records]:
        return task_splits(self.task_data, context)

    def expected_records(
        self, inputs: Outlines
    ) -> tuple[ExpectedRecords, dict[str, ExpectedRecords]]:
        data, _ = super().expected_records(inputs)
        return data, expected_splits(self.task_data, inputs)


def expected_splits(
    task_data: PrepareTask, inputs: Outlines
) -> dict[str, ExpectedRecords]:
    """The splits of `task_data`, prepared or not, that models are measured on."""
    splits = require_known(inputs["task_data"].splits, "task_data")
    return {split: splits[split] for split in task_data.task.splits if split != "train"}


def task_splits(task_data: PrepareTask, context: Context) -> dict[str, Records]:
    """The splits of a prepared task that models are measured on."""
    directory = context.artifact(task_data).directory
    return {
        split: Records(directory / split)
        for split in task_data.task.splits
        if split != "train"
    }
