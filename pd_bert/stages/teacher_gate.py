"""Stage: whether a teacher can teach."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pd_bert.costs.work import Fixed, Works
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.training.runtime import Runtime

_OVERRIDE = "pd.TeacherGate.accept = True"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherGate(Stage):
    """Refuses a teacher that its predictions of dev speak against.

    Students can only be as good as the labels that they learn from. The task names the
    faults of a teacher (LabeledTask.judge): a classifier is no better than always
    answering one label or has its labels in another order, the scores of a regression
    do not rise with the gold ones. With `accept` they are a warning.

    It runs nothing: it reads what `evaluation` has measured. The artifact says in
    `gate` what was found: `split` (dev), `count`, `primary_metric`, the fields of
    Judgement without its reasons, `passed`, and `reason`, "" where it passed.
    """

    name: str = "teacher"
    evaluation: Evaluate
    accept: bool = False

    kind: ClassVar[str] = "gate"

    def result_columns(self) -> Info:
        return self.evaluation.result_columns()

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        return (Fixed(seconds=0.1),)

    def run(self, context: Context) -> Info:
        artifact = context.artifact(self.evaluation)
        path = artifact.directory / "predictions" / "dev.npz"
        with np.load(path) as arrays:
            measured = dict(arrays)
        if not (finite := _finite(measured)).all():
            raise InputError(
                f"{context.where}: a teacher's outputs must be finite; of {path} "
                f"{int((~finite).sum())} of {len(finite)} rows are not"
            )
        judged = self.evaluation.task_data.task.judge(measured, artifact.labels)
        reason = "; ".join(judged.reasons)
        teacher = self.evaluation.model.title
        print(f"{context.where}: dev {judged.summary}", flush=True)
        if reason and not self.accept:
            raise InputError(
                f"{context.where}: labels are made by a teacher that has learnt its "
                f"task; of {teacher}, measured on dev ({path}): {reason}. To "
                f"label with it all the same: {_OVERRIDE}"
            )
        if reason:
            print(f"{context.where}: warning: {teacher}: {reason}", flush=True)
        found = dataclasses.asdict(judged)
        del found["reasons"]
        return {
            "gate": {
                "split": "dev",
                "count": len(finite),
                "primary_metric": artifact["primary_metric"],
                **found,
                "passed": not reason,
                "reason": reason,
            }
        }


def _finite(measured: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns for each example if all its numbers are finite, bool [n]."""
    return np.all(
        [
            np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            for values in measured.values()
        ],
        axis=0,
    )
