"""What a task finds of a model's predictions."""

import math

import numpy as np
import pytest

from pd_bert.sources.table import Table
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.judgement import Judgement
from pd_bert.tasks.labeled_task import Metric
from pd_bert.tasks.metrics import accuracy, f1, matthews
from pd_bert.tasks.regression import Regression

SOURCE = Table(files="none.tsv", label="label")
MOODS = ("bad", "good")
_WHY = (
    "it has learnt too little, or labels that mean another thing in the training data"
)


def judge(
    answers: list[int],
    gold: list[int],
    labels: tuple[str, ...] = MOODS,
    measure: Metric = accuracy,
) -> Judgement:
    task = Classification(
        name="t", train=SOURCE, dev=SOURCE, labels=labels, measures=(measure,)
    )
    logits = np.eye(len(labels), dtype=np.float32)[answers] * 2
    return task.judge({"logits": logits, "label": np.array(gold)}, labels)


def test_a_good_classifier() -> None:
    found = judge([0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1, 1, 1])
    assert found.reasons == ()
    assert (found.metric, found.accuracy) == (0.875, 0.875)
    assert (found.majority, found.majority_label) == (0.625, "good")
    assert found.best_permutation == MOODS
    assert found.best_permutation_accuracy == 0.875
    assert found.agreement == ((3, 0), (1, 4))
    sure = 1 / (1 + math.exp(-2))
    assert found.confidence == {
        "right": [0, 0, 0, 0, 0, 0, 0, 0, 7, 0],
        "wrong": [0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        "mean": pytest.approx(sure),
    }
    assert found.expected_calibration_error == pytest.approx(sure - 0.875)
    assert found.summary == (
        "accuracy 87.5 %, majority (good) 62.5 %; no other order of its "
        "labels is clearly better; mean confidence 0.88"
    )


def test_calibration_is_over_bins() -> None:
    """Sure and wrong, unsure and right: the errors of two bins do not cancel."""
    task = Classification(name="t", train=SOURCE, dev=SOURCE, labels=MOODS)
    probabilities = np.array([[0.95, 0.05], [0.45, 0.55]])
    found = task.judge(
        {"logits": np.log(probabilities), "label": np.array([1, 1])}, MOODS
    )
    assert found.confidence == {
        "right": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        "wrong": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "mean": pytest.approx(0.75),
    }
    assert found.expected_calibration_error == pytest.approx((0.95 + 0.45) / 2)


@pytest.mark.parametrize("measure", [accuracy, matthews])
@pytest.mark.parametrize(("answer", "name"), [(0, "bad"), (1, "good")])
def test_one_answer_to_everything(measure: Metric, answer: int, name: str) -> None:
    found = judge([answer] * 5, [0, 0, 1, 1, 1], measure=measure)
    always, no_better = found.reasons
    assert always == f"it answers {name!r} to every text"
    metric = f"{measure.__name__}, {100 * found.metric:.1f} %"
    assert no_better == (
        f"its {metric}, is not better than that of always answering 'good', "
        f"{60 if measure is accuracy else 0:.1f} %: {_WHY}"
    )


def test_one_answer_that_has_the_better_f1() -> None:
    """Always the rare label: its F1 is above the majority's, which is 0."""
    found = judge([1] * 5, [0, 0, 0, 1, 1], measure=f1)
    assert found.metric == found.majority == pytest.approx(4 / 7)
    assert found.reasons == (
        "it answers 'good' to every text",
        "its f1, 57.1 %, is not better than that of always answering 'good', "
        f"57.1 %: {_WHY}",
    )


def test_an_f1_below_that_of_one_answer() -> None:
    """Better than the majority's, which is 0, and of no use all the same."""
    found = judge([0] * 9 + [1], [0] * 6 + [1] * 4, measure=f1)
    assert (found.majority, found.majority_label) == (pytest.approx(4 / 7), "good")
    assert found.reasons == (
        "its f1, 40.0 %, is not better than that of always answering 'good', "
        f"57.1 %: {_WHY}",
    )


def test_no_better_than_the_most_frequent_label() -> None:
    found = judge([0, 1, 1, 1, 1], [0, 0, 1, 1, 1])
    assert found.reasons == ()  # 80 % against 60 %
    found = judge([0, 0, 1, 0, 0], [0, 0, 1, 1, 1])
    assert found.metric == found.majority == 0.6
    assert found.reasons == (
        "its accuracy, 60.0 %, is not better than that of always answering 'good', "
        f"60.0 %: {_WHY}",
    )


def test_swapped_labels() -> None:
    found = judge([1, 1, 0, 0, 0, 1, 1, 0] * 4, [0, 0, 1, 1, 1, 0, 0, 0] * 4)
    assert (found.accuracy, found.best_permutation_accuracy) == (0.125, 0.875)
    assert found.best_permutation == ("good", "bad")
    assert found.reasons[1] == (
        "its accuracy is 12.5 %, and 87.5 % with another order of its labels: what it "
        "calls 'bad' is 'good', what it calls 'good' is 'bad'; mend the order of the "
        "model's labels, or the label column or label_values of the training data"
    )
    assert "another order of its labels is better" in found.summary


def test_three_labels_in_a_circle_and_two_of_three() -> None:
    labels = ("entailment", "neutral", "contradiction")
    circle = judge(
        [1, 1, 1, 2, 2, 2, 0, 0, 0] * 4, [0, 0, 0, 1, 1, 1, 2, 2, 2] * 4, labels
    )
    assert circle.best_permutation == ("contradiction", "entailment", "neutral")
    assert circle.best_permutation_accuracy == 1.0
    assert (
        "what it calls 'entailment' is 'contradiction', what it calls 'neutral' is "
        "'entailment', what it calls 'contradiction' is 'neutral'"
    ) in circle.reasons[1]
    # Better than any one label, and still two names are exchanged.
    gold = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2] * 4
    two = judge([0, 0, 0, 0, 0, 2, 2, 2, 1, 1, 1, 1] * 4, gold, labels)
    assert two.metric == 0.5 and two.metric > two.majority
    (reason,) = two.reasons
    assert "what it calls 'neutral' is 'contradiction'" in reason
    assert "'entailment'" not in reason


def test_rare_labels_that_change_places_by_chance() -> None:
    """One text of each of two rare labels was taken for the other."""
    gold = [0] * 50 + [1] * 48 + [2, 3]
    found = judge([0] * 50 + [1] * 48 + [3, 2], gold, ("a", "b", "c", "d"))
    assert (found.accuracy, found.best_permutation_accuracy) == (0.98, 1.0)
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("scores", "reasons"),
    [
        ([0.1, 1.2, 1.9, 3.3], ()),
        ([5.0] * 4, ("its pearson correlation is not above zero, 0.000",)),
        (
            [3.0, 2.0, 1.0, 0.0],
            (
                "its pearson correlation is not above zero, -1.000",
                "its scale is reversed: mend the scores of the training data, or the "
                "sign of the model's output",
            ),
        ),
    ],
)
def test_a_regression(scores: list[float], reasons: tuple[str, ...]) -> None:
    task = Regression(name="t", train=SOURCE, dev=SOURCE)
    measured = {"score": np.array(scores, np.float32)}
    gold = np.array([0, 1, 2, 3], np.float32)
    found = task.judge({**measured, "label": gold}, ("score",))
    assert found.reasons == reasons
    assert found.majority is None and found.agreement is None
    assert found.summary == f"pearson {found.metric:.3f}"
