"""Stage: a student learns from a teacher's outputs."""

import dataclasses
from typing import ClassVar

from pd_bert.stages.base import Stage
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.train import Train
from pd_bert.stages.train_settings import TrainingData


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distill(Train):
    """Step 2 of Algorithm 1 (Turc et al. 2019).

    `transfer` is a label stage, whose records hold the teacher's outputs; or prepared
    texts, and then one of `teachers` runs inside every step. `task_data` gives the
    splits to measure on.
    """

    transfer: Stage
    task_data: PrepareTask

    kind: ClassVar[str] = "distill"
    is_method: ClassVar[bool] = True

    @property
    def data(self) -> TrainingData:
        return TrainingData.of_task(DataSet(self.transfer), self.task_data)
