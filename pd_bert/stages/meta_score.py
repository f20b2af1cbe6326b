"""Stage: one number for a model over several tasks."""

import dataclasses
import statistics
from collections.abc import Mapping
from typing import ClassVar

from pd_bert.costs.cost import Cost
from pd_bert.costs.probe import Probe
from pd_bert.errors import InputError
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.evaluate import Evaluate


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

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        return {}  # the tasks' models may have different vocabularies

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        return Cost(seconds=0.1, disk_bytes=0), {}

    def run(self, context: Context) -> Info:
        scores = {}
        for each in self.evaluations:
            task, metrics = each.task_data.task, context.artifact(each)["metrics"]
            scores[task.name] = statistics.fmean(
                task.score(found)
                for split, found in metrics.items()
                if split == "dev" or split.startswith("dev_")
            )
        return {
            "metrics": {"dev": {self.dev_metric: statistics.fmean(scores.values())}},
            "primary_metric": self.dev_metric,
            "scores": scores,
        }
