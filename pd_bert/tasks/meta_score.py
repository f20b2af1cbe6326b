"""One number for a model over several tasks."""

import statistics
from collections.abc import Callable, Mapping

Metrics = Mapping[str, float]


def mean_of_metrics(metrics: Metrics) -> float:
    """Returns the mean of a split's metrics."""
    return statistics.fmean(metrics.values())


def score_on_dev(
    metrics: Mapping[str, Metrics], score: Callable[[Metrics], float] = mean_of_metrics
) -> float | None:
    """Returns a task's mean score over its dev sets; None if none was measured.

    `metrics` are those of each split. The dev sets are `dev` and the extra splits whose
    names begin with `dev_`, as MNLI has one.
    """
    found = [
        score(of_split)
        for split, of_split in metrics.items()
        if of_split and (split == "dev" or split.startswith("dev_"))
    ]
    return statistics.fmean(found) if found else None


def meta_score(scores: Mapping[str, float]) -> float:
    """Returns the mean of the tasks' scores (Turc et al. 2019, Section 5)."""
    return statistics.fmean(scores.values())
