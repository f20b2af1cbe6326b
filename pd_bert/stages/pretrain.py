"""Stage: masked-LM pre-training."""

import dataclasses
from typing import ClassVar

from pd_bert.stages.base import Stage
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.train import Train
from pd_bert.stages.train_settings import TrainingData
from pd_bert.tasks.masked_lm import MaskedLanguageModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pretrain(Train):
    """Step 1 of Algorithm 1 (Turc et al. 2019): MLM+ on D_LM.

    `held_out`, a prepared corpus like `corpus`, is measured and chooses the best
    weights; without it the last weights are kept.
    """

    corpus: Stage
    held_out: Stage | None = None
    task: MaskedLanguageModel = dataclasses.field(default_factory=MaskedLanguageModel)
    buckets: tuple[int, ...] = (128,)

    kind: ClassVar[str] = "pretrain"

    @property
    def data(self) -> TrainingData:
        held_out = {} if self.held_out is None else {"dev": DataSet(self.held_out)}
        return TrainingData(
            task=self.task, train=DataSet(self.corpus), measured=held_out
        )
