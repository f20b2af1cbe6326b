"""A check that a classifier knows its labels, and by their right names."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.optimize
import scipy.stats
import sklearn.metrics

from pd_bert.tasks.calibration_error import (
    BINS,
    calibration_error,
    confidence_bins,
)
from pd_bert.tasks.judgement import Judgement

# Labels that are rare or alike change places by chance in the best of all orders. An
# order that was given wrongly shows in many answers and in hardly any by luck.
_GAIN = 0.05
_CHANCE = 1e-3


def judge_classes(
    answers: np.ndarray,
    confidence: np.ndarray,
    gold: np.ndarray,
    labels: Sequence[str],
    *,
    metric: Callable[[np.ndarray], float],
    metric_name: str,
    unit: str = "text",
) -> Judgement:
    """Judges `answers`, indices of labels, by `gold`, both int [n], n ≥ 1.

    `confidence`, float [n], is their probability, and `unit` what has a label. `metric`
    is (answers, int [n]) → share of 1. Reasons against a teacher are that it is no
    better than always giving the one answer whose metric is best (the most frequent
    label by accuracy, the one that counts by F1), that it knows one answer alone, and
    that it would clearly be right more often if its labels had another order: then its
    logits or the data were made with that order. Clearly is by a twentieth of all, and
    with a probability below 0.001 in a sign test over those that one of the two orders
    alone has right.
    """
    numbers = np.arange(len(labels))
    agreement = sklearn.metrics.confusion_matrix(gold, answers, labels=numbers)
    accuracy = float(np.trace(agreement) / len(gold))
    # Row i: what answer i should be called. No order has a higher sum of all K!.
    _, order = scipy.optimize.linear_sum_assignment(agreement.T, maximize=True)
    best = float(agreement[order, numbers].sum() / len(gold))
    in_best_order = tuple(labels[number] for number in order.tolist())

    found = metric(answers)
    always = [metric(np.full_like(answers, number)) for number in numbers]
    # The one answer that is best; of equals, as by Matthews, the most frequent.
    counts = agreement.sum(axis=1)
    most = max(range(len(labels)), key=lambda number: (always[number], counts[number]))
    majority = always[most]
    reasons = []
    given = np.unique(answers)
    if len(given) == 1:
        reasons.append(f"it answers {labels[given[0]]!r} to every {unit}")
    if not found > majority:
        reasons.append(
            f"its {metric_name}, {_percent(found)}, is not better than that of always "
            f"answering {labels[most]!r}, {_percent(majority)}: it has learnt "
            "too little, or labels that mean another thing in the training data"
        )
    # With one answer for all rows, the best order shows only the most frequent label.
    if reordered := len(given) > 1 and _clearly_better(order[answers], answers, gold):
        renamed = ", ".join(
            f"what it calls {labels[number]!r} is {in_best_order[number]!r}"
            for number in given
            if labels[number] != in_best_order[number]
        )
        reasons.append(
            f"its accuracy is {_percent(accuracy)}, and {_percent(best)} with another "
            f"order of its labels: {renamed}; mend the order of the model's labels, or "
            "the label column or label_values of the training data"
        )
    histogram, error = _confidence(confidence, answers == gold)
    shown = (
        f"{metric_name} {_percent(found)}, majority ({labels[most]}) "
        f"{_percent(majority)}; "
        + (
            "another order of its labels is better"
            if reordered
            else "no other order of its labels is clearly better"
        )
        + f"; mean confidence {histogram['mean']:.2f}"
    )
    return Judgement(
        metric=found,
        majority=majority,
        majority_label=labels[most],
        accuracy=accuracy,
        best_permutation=in_best_order,
        best_permutation_accuracy=best,
        agreement=tuple(map(tuple, agreement.tolist())),
        confidence=histogram,
        expected_calibration_error=error,
        reasons=tuple(reasons),
        summary=shown,
    )


def _clearly_better(other: np.ndarray, answers: np.ndarray, gold: np.ndarray) -> bool:
    """Returns True if the answers `other` are better than `answers`, all int [n]."""
    gained = int(((other == gold) & (answers != gold)).sum())
    lost = int(((other != gold) & (answers == gold)).sum())
    if gained - lost < _GAIN * len(gold) or not gained:
        return False
    test = scipy.stats.binomtest(gained, gained + lost, alternative="greater")
    return bool(test.pvalue < _CHANCE)


def _confidence(
    confidence: np.ndarray, right: np.ndarray
) -> tuple[dict[str, object], float]:
    """The histogram of Judgement.confidence, and the expected calibration error."""
    bins = confidence_bins(confidence)
    counts = {
        name: np.bincount(bins[taken], minlength=BINS)
        for name, taken in (("right", right), ("wrong", ~right))
    }
    histogram: dict[str, object] = {
        **{name: found.tolist() for name, found in counts.items()},
        "mean": float(confidence.mean()),
    }
    return histogram, calibration_error(confidence, right)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
