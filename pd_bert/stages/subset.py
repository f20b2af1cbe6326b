"""Stage: some of the examples of a data set."""

import dataclasses
from typing import ClassVar

import numpy as np

from pd_bert.costs.work import Works
from pd_bert.data.draw import draw
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.stages.select import Select, require_positive, selected, selection_work
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset(Select):
    """`size` examples, drawn at random, of a stage's data set, a label stage's say.

    A smaller subset is a part of a larger one with the same seed. So the teacher labels
    the largest transfer set once, and the smaller ones are taken from it (Turc et al.
    2019, on the size of the transfer set).
    """

    name: str = "subset"
    records: Stage
    size: int
    seed: int = 0

    kind: ClassVar[str] = "subset"

    @property
    def whole(self) -> Stage:
        return self.records

    def check(self) -> None:
        super().check()
        require_positive(self.title, self.size)

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = super().outline(inputs, survey)
        whole = (inputs["records"].splits or {}).get("")
        if whole is None:
            return outline
        if whole.exact:
            self._require_enough(whole.count, self.where)
        count = min(self.size, whole.count)
        records = selected(whole, count, exact=whole.exact)
        return dataclasses.replace(outline, splits={"": records})

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        whole = inputs["records"].require_records()
        taken = outline.require_records()
        return (selection_work(whole, taken),)

    def choose(self, context: Context, records: Records) -> dict[str, np.ndarray]:
        self._require_enough(records.count, context.where)
        keep = np.zeros(records.count, np.bool_)
        keep[draw(np.arange(records.count), self.size, self.seed)] = True
        return {"keep": keep}

    def run(self, context: Context) -> Info:
        records = self._records(context)
        records.check(context.artifact(self.whole).vocabulary().fingerprint)
        self._write(context, records, self._chosen(context, records)["keep"])
        info = self._finish(context, records)
        return {**info, "facts": {"transfer_size": info["count"]}}

    def _require_enough(self, count: int, where: str) -> None:
        if self.size > count:
            raise InputError(
                f"{where}: a subset is at most as large as the data set; size is "
                f"{self.size:,}, {self.records.title} holds {count:,} examples"
            )
