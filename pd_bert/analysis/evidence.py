"""Runs as a report shows them: groups, splits, comparisons."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Sequence

from pd_bert.analysis.predictions import PredictionFiles, Predictions
from pd_bert.analysis.runs import Runs, folder
from pd_bert.analysis.statistics import Difference, Metric, paired_bootstrap
from pd_bert.errors import InputError
from pd_bert.runs.group_results import group_results
from pd_bert.runs.result_group import TEACHER, ResultGroup, nearest, teacher_of
from pd_bert.runs.results_table import splits_of
from pd_bert.tasks import metrics as known_metrics

_SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Runs with their groups, and the choices of a report.

    `split` is the one on which models are shown and compared; dev for a task of which
    no model has it. `baseline` is a method, or None for no comparison.
    """

    runs: Runs
    groups: tuple[ResultGroup, ...]
    split: str
    baseline: str | None = None
    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    files: PredictionFiles = dataclasses.field(default_factory=PredictionFiles)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.task for each in self.groups))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in one order, so that each has the same mark in all figures."""
        return tuple(dict.fromkeys(each.method for each in self.groups))

    @property
    def faults(self) -> tuple[str, ...]:
        """Files and figures that could not be read so far, in sentences."""
        return (*self.runs.faults, *self.files.faults)

    def of_task(self, task: str) -> tuple[ResultGroup, ...]:
        return tuple(each for each in self.groups if each.task == task)

    def split_of(self, task: str) -> str:
        """Returns the split on which all models of a task are shown."""
        splits = splits_of(self.of_task(task))
        return self.split if self.split in splits else splits[0]

    def left_out(
        self, task: str, shown: Iterable[ResultGroup], why: str = "not measured on it"
    ) -> str:
        """Returns a sentence that names the task's models that are not shown, or ""."""
        held = set(shown)
        names = [each.title for each in self.of_task(task) if each not in held]
        return f" Left out, as {why}: {', '.join(names)}." if names else ""

    def teacher(self, group: ResultGroup) -> ResultGroup | None:
        return teacher_of(group, self.groups) if group.method != TEACHER else None

    def predictions(self, group: ResultGroup) -> tuple[Predictions, ...]:
        """Returns each seed's predictions on the task's split; () if one has none."""
        return self._predictions(group, self.split_of(group.task))

    def compare(
        self, ours: ResultGroup, theirs: ResultGroup, split: str
    ) -> Difference | None:
        """Returns the paired bootstrap of two groups, in percent points.

        None without stored predictions of both on the same examples, and for metrics
        that `pd_bert.tasks.metrics` does not have.
        """
        metric = metric_named(ours.metric)
        one, other = (self._predictions(each, split) for each in (ours, theirs))
        if metric is None or not one or not other or not one[0].alike(other[0]):
            return None
        if ours.metric != theirs.metric or len(one[0].label) < 2:
            return None
        found = paired_bootstrap(
            metric,
            [each.predicted for each in one],
            [each.predicted for each in other],
            one[0].label,
        )
        ends = {key: 100 * getattr(found, key) for key in ("value", "low", "high")}
        return dataclasses.replace(found, **ends)

    @functools.cached_property
    def comparisons(self) -> dict[ResultGroup, tuple[ResultGroup, Difference]]:
        """Each group's baseline and difference to it, where they can be compared."""
        found = {}
        for each in self.groups if self.baseline else ():
            other = baseline_of(each, self.groups, str(self.baseline))
            split = self.split_of(each.task)
            difference = other and self.compare(each, other, split)
            if other and difference:
                found[each] = (other, difference)
        return found

    @property
    def metric(self) -> str:
        """The metric's name, or "metric" where tasks have different ones."""
        return common_metric(self.groups)

    @functools.cached_property
    def timed(self) -> str:
        """The input of a latency: one example, or a batch of several."""
        sizes = sorted(
            {
                int(self.runs.info(row).get("latency_batch_size") or 1)
                for group in self.groups
                for row in group.rows
                if row["latency_ms"]
            }
        )
        if sizes in ([], [1]):
            return "one example"
        return f"a batch of {' or '.join(map(str, sizes))}"

    def foremost(self, task: str) -> tuple[ResultGroup, ...]:
        """Returns for each method the model with predictions that is best on dev."""
        best: dict[str, ResultGroup] = {}
        for each in sorted(self.of_task(task), key=_on_dev, reverse=True):
            if self.predictions(each):
                best.setdefault(each.method, each)
        return tuple(best[method] for method in self.methods if method in best)

    def _predictions(self, group: ResultGroup, split: str) -> tuple[Predictions, ...]:
        return self.files.of(map(folder, group.rows), split)


Compare = Callable[[ResultGroup, ResultGroup, str], Difference | None]


def gather(
    directories: Sequence[pathlib.Path],
    *,
    split: str | None = None,
    baseline: str | None = None,
    max_latency_ms: float | None = None,
    max_size_mb: float | None = None,
) -> Evidence:
    """Reads working directories; `split` is by default test where there is one.

    Without a finished evaluation the other arguments are ignored. Raises InputError as
    `Runs` does, and for a split or baseline that no evaluation has.
    """
    runs = Runs(directories)
    if not runs.measured:
        return Evidence(runs=runs, groups=(), split=split or _SPLITS[0])
    found = tuple(each for each in group_results(runs.measured) if each.spreads)
    splits = splits_of(found)
    if not splits:
        raise InputError(
            "evaluations have their primary metric on some split; none in "
            f"{', '.join(map(str, directories))} has"
        )
    if split is None:
        split = "test" if "test" in splits else splits[0]
    if split not in splits:
        raise InputError(
            f"--split is one of the measured splits, {', '.join(splits)}; "
            f"received {split!r}"
        )
    methods = sorted({each.method for each in found})
    if baseline is not None and baseline not in methods:
        raise InputError(
            f"--baseline is one of the methods of the runs, {', '.join(methods)}; "
            f"received {baseline!r}"
        )
    return Evidence(
        runs=runs,
        groups=found,
        split=split,
        baseline=baseline,
        max_latency_ms=max_latency_ms,
        max_size_mb=max_size_mb,
    )


def common_metric(found: Iterable[ResultGroup]) -> str:
    """Returns the groups' metric, or "metric" where they have different ones."""
    names = {each.metric for each in found}
    return next(iter(names)) if len(names) == 1 else "metric"


def baseline_of(
    group: ResultGroup, others: Iterable[ResultGroup], method: str
) -> ResultGroup | None:
    """Returns the group to compare a group with: the nearest of `method` and its size.

    The teacher, which has one size for all students, may be of another. None where
    there is none or several, and for groups of `method` itself.
    """
    if group.method == method:
        return None
    if method == TEACHER:
        return teacher_of(group, others)
    return nearest(
        group,
        (each for each in others if (each.method, each.size) == (method, group.size)),
    )


def metric_named(name: str) -> Metric | None:
    """Returns a metric of `pd_bert.tasks.metrics`; None if it has none of the name."""
    found = None if name.startswith("_") else getattr(known_metrics, name, None)
    return found if callable(found) else None


def _on_dev(group: ResultGroup) -> float:
    spread = group.spreads.get("dev")
    return spread.mean if spread else float("-inf")
