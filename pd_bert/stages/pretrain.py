"""Stage: masked-LM pre-training."""

import dataclasses
from typing import ClassVar

from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.stages.base import Context, Stage
from pd_bert.stages.outline import Outlines
from pd_bert.stages.train import Train
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
    def data(self) -> Stage:
        return self.corpus

    @property
    def learnt_task(self) -> MaskedLanguageModel:
        return self.task

    def training_records(self, context: Context) -> Records:
        return Records(context.artifact(self.corpus).directory)

    def evaluation_records(self, context: Context) -> dict[str, Records]:
        if self.held_out is None:
            return {}
        return {"dev": Records(context.artifact(self.held_out).directory)}

    def expected_records(
        self, inputs: Outlines
    ) -> tuple[ExpectedRecords, dict[str, ExpectedRecords]]:
        data, _ = super().expected_records(inputs)
        if self.held_out is None:
            return data, {}
        return data, {"dev": inputs["held_out"].require_records()}
