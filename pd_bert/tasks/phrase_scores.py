"""Precision, recall and F1 of phrases, by seqeval."""

import statistics
from collections.abc import Mapping, Sequence

from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

Tags = Sequence[list[str]]
"""The IOB2 tags of each sentence."""


def phrase_scores(gold: Tags, predicted: Tags) -> dict[str, float]:
    """Returns f1, precision and recall over all phrases, from 0 to 1.

    A phrase is right if its label, its first and its last word are (micro average, the
    CoNLL shared tasks' evaluation). A score without phrases to count is 0.
    """
    precision, recall, f1, _ = precision_recall_fscore_support(
        gold, predicted, average="micro", zero_division=0
    )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall)}


def over_languages(f1: Mapping[str, float]) -> dict[str, float]:
    """Returns f1_LANGUAGE of each language, and f1_mean, f1_sd and f1_worst of them.

    The standard deviation is that of a sample (n − 1), and 0 for one language. All are
    left out if there is no language.
    """
    if not f1:
        return {}
    values = list(f1.values())
    return {
        **{f"f1_{language}": value for language, value in f1.items()},
        "f1_mean": statistics.fmean(values),
        "f1_sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        "f1_worst": min(values),
    }
