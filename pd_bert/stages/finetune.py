"""Stage: fine-tuning on labels."""

import dataclasses
from typing import ClassVar

from pd_bert.stages.data_set import DataSet
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.train import Train
from pd_bert.stages.train_settings import TrainingData


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finetune(Train):
    """Supervised training on D_L, of teachers and of students.

    With random weights it is basic training, from a pre-trained encoder PF, from a
    distilled model step 3 of Algorithm 1, PD-F (Turc et al. 2019).
    """

    task_data: PrepareTask

    kind: ClassVar[str] = "finetune"
    is_method: ClassVar[bool] = True

    @property
    def data(self) -> TrainingData:
        return TrainingData.of_task(DataSet(self.task_data, "train"), self.task_data)
