"""Metrics against values computed by hand."""

import math

import numpy as np
import pytest

from pd_bert.sources.table import Table
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.metrics import accuracy, f1, macro_f1, matthews, pearson, spearman
from pd_bert.tasks.regression import Regression

# Of class 1: 3 found rightly, 1 wrongly, 2 missed; 4 of class 0 are right.
GOLD = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
PREDICTED = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0])


def test_of_classes():
    assert accuracy(PREDICTED, GOLD) == pytest.approx(0.7)
    assert f1(PREDICTED, GOLD) == pytest.approx(2 * 3 / (2 * 3 + 1 + 2))
    other = 2 * 4 / (2 * 4 + 2 + 1)
    assert macro_f1(PREDICTED, GOLD) == pytest.approx((2 / 3 + other) / 2)
    wanted = (3 * 4 - 1 * 2) / math.sqrt((3 + 1) * (3 + 2) * (4 + 1) * (4 + 2))
    assert matthews(PREDICTED, GOLD) == pytest.approx(wanted)
    assert matthews(np.ones(10, int), GOLD) == 0.0


def test_of_scores():
    gold, predicted = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 10])
    # Deviations: -1.5 -0.5 0.5 1.5 and -3 -1 -2 6.
    covariance = 4.5 + 0.5 - 1 + 9
    assert pearson(predicted, gold) == pytest.approx(covariance / math.sqrt(5 * 50))
    # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 * 2 / (4 * 15).
    assert spearman(predicted, gold) == pytest.approx(0.8)
    assert pearson(np.ones(4), gold) == spearman(np.ones(4), gold) == 0.0


def test_score_is_the_mean_of_the_metrics():
    sources = {"train": Table(files="a.tsv"), "dev": Table(files="b.tsv")}
    paraphrases = Classification(
        name="mrpc", labels=("no", "yes"), measures=(f1, accuracy), **sources
    )
    logits = np.eye(2)[PREDICTED]
    found = paraphrases.metrics({"logits": logits, "label": GOLD}, ("no", "yes"))
    assert paraphrases.primary_metric == "f1"
    assert paraphrases.score(found) == pytest.approx((2 / 3 + 0.7) / 2)
    likeness = Regression(name="stsb", **sources)
    assert likeness.score({"pearson": 0.8, "spearman": 0.6}) == pytest.approx(0.7)
