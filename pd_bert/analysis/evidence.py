"""What a report is made from."""

import dataclasses
import pathlib
from collections.abc import Sequence

from pd_bert.analysis.runs import Runs
from pd_bert.analysis.summary import (
    Summary,
    check_baseline,
    splits_of,
    summaries,
    teacher_of,
)
from pd_bert.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Runs with their summaries, and what is asked of them.

    `split` is that on which models are shown and compared; where a task lacks it, dev
    is. `baseline` is a method, or None for no comparison.
    """

    runs: Runs
    summaries: tuple[Summary, ...]
    split: str
    baseline: str | None = None
    max_latency_ms: float | None = None
    max_size_mb: float | None = None

    def split_of(self, summary: Summary) -> str:
        """The split on which a summary is shown."""
        if self.split in summary.spreads:
            return self.split
        return next(iter(splits_of([summary])))

    def teacher(self, summary: Summary) -> Summary | None:
        return teacher_of(summary, self.summaries)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.task for each in self.summaries))

    @property
    def metric(self) -> str:
        """The metric's name, or "metric" where tasks have different ones."""
        names = {each.metric for each in self.summaries}
        return next(iter(names)) if len(names) == 1 else "metric"

    def foremost(self, task: str) -> tuple[Summary, ...]:
        """Of each method of a task the summary that is best on dev."""
        best: dict[str, Summary] = {}
        for each in self.summaries:
            if each.task == task and each.predictions(self.split_of(each)):
                held = best.setdefault(each.method, each)
                if _on_dev(each) > _on_dev(held):
                    best[each.method] = each
        return tuple(best.values())


def gather(
    directories: Sequence[pathlib.Path],
    *,
    split: str | None = None,
    baseline: str | None = None,
    max_latency_ms: float | None = None,
    max_size_mb: float | None = None,
) -> Evidence:
    """Reads working directories; `split` is by default test where there is one.

    Raises InputError as `Runs` does, and for a split or baseline that no run has.
    """
    runs = Runs(directories)
    found = summaries(runs.measured)
    splits = splits_of(found)
    if split is None:
        split = "test" if "test" in splits else splits[0]
    if split not in splits:
        raise InputError(
            f"--split is one of the measured splits, {', '.join(splits)}; "
            f"received {split!r}"
        )
    if baseline is not None:
        check_baseline(found, baseline)
    return Evidence(
        runs=runs,
        summaries=found,
        split=split,
        baseline=baseline,
        max_latency_ms=max_latency_ms,
        max_size_mb=max_size_mb,
    )


def _on_dev(summary: Summary) -> float:
    spread = summary.spreads.get("dev")
    return spread.mean if spread else float("-inf")
