"""Stage: one number for a model over several tasks."""

import dataclasses
from typing import ClassVar

from pd_bert.costs.work import Fixed, Works
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.tasks.meta_score import meta_score, score_on_dev
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetaScore(Stage):
    """The mean over tasks of their scores on dev (Turc et al. 2019, Section 5).

    A task's metrics are averaged first and, where it has several dev sets (`dev` and
    extra splits whose names begin with `dev_`, as MNLI has), so are these. The tasks
    are those of `evaluations`, all of one size and method.
    """

    evaluations: tuple[Evaluate, ...]

    kind: ClassVar[str] = "score"

    @property
    def dev_metric(self) -> str:
        return "score"

    def result_columns(self) -> Info:
        row = self.evaluations[0].result_columns()
        return {**row, "task": f"mean of {len(self.evaluations)}"}

    def check(self) -> None:
        super().check()
        where = f"{self.kind} {self.name}"
        if not self.evaluations:
            raise InputError(f"{where}: a mean needs at least one task, received none")
        tasks = [each.task_data.task.name for each in self.evaluations]
        if len(set(tasks)) < len(tasks):
            raise InputError(
                f"{where}: a task counts once; received {', '.join(tasks)}"
            )
        for what, found in (
            ("size", {each.result_columns()["size"] for each in self.evaluations}),
            ("method", {each.method for each in self.evaluations}),
        ):
            if len(found) > 1:
                raise InputError(
                    f"{where}: a mean is over models of one {what}; received "
                    f"{', '.join(sorted(map(str, found)))}"
                )

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        return Outline()  # the tasks' models may have different vocabularies

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        return (Fixed(seconds=0.1),)

    def run(self, context: Context) -> Info:
        scores = {}
        for each in self.evaluations:
            task, metrics = each.task_data.task, context.artifact(each)["metrics"]
            score = score_on_dev(metrics, task.score)
            assert score is not None  # an evaluation measures dev
            scores[task.name] = score
        return {
            "metrics": {"dev": {self.dev_metric: meta_score(scores)}},
            "primary_metric": self.dev_metric,
            "scores": scores,
        }
