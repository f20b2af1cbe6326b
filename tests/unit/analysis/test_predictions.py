"""Analyses of predictions: disagreements, calibration, confusions, texts."""

import numpy as np
import pytest

from pd_bert.analysis.agreement import (
    confusion_counts,
    judged,
    largest_disagreements,
)
from pd_bert.analysis.predictions import Predictions
from pd_bert.analysis.texts import joined
from pd_bert.errors import InputError


def of(probabilities, label, names=("bad", "good")) -> Predictions:
    return Predictions(
        example_id=np.arange(len(label)),
        answers=np.array(probabilities, np.float32),
        label=np.array(label),
        names=names,
    )


STUDENT = of([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.95, 0.05]], [0, 1, 1, 1])
TEACHER = of([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.05, 0.95]], [0, 1, 1, 1])


def test_the_worst_disagreements_come_first():
    found = largest_disagreements([STUDENT], [TEACHER], count=3)
    assert [each.example_id for each in found] == [3, 1, 2]
    worst = found[0]
    assert worst.gold == 1
    assert worst.student == pytest.approx((0.95, 0.05), abs=1e-6)
    assert worst.teacher == pytest.approx((0.05, 0.95), abs=1e-6)
    # M = (½, ½): KL of each is 1 − H(0.05) = 1 − 0.2864 bits.
    assert worst.divergence == pytest.approx(1 - 0.286397, abs=1e-5)


def test_seeds_are_averaged_and_equal_predictions_have_no_divergence():
    opposite = of(STUDENT.answers[:, ::-1].copy(), [0, 1, 1, 1])
    found = largest_disagreements([STUDENT, opposite], [TEACHER], count=1)
    assert found[0].student == pytest.approx((0.5, 0.5), abs=1e-6)
    alike = largest_disagreements([TEACHER], [TEACHER])
    assert [each.divergence for each in alike] == [0, 0, 0, 0]
    assert [each.example_id for each in alike] == [0, 1, 2, 3]


def test_scores_disagree_by_their_difference():
    student, teacher = (
        Predictions(
            example_id=np.arange(2),
            answers=np.array(scores, np.float32)[:, None],
            label=np.array([1.0, 2.0], np.float32),
        )
        for scores in ([1.0, 5.0], [1.5, 2.0])
    )
    found = largest_disagreements([student], [teacher])
    assert [(each.example_id, each.divergence) for each in found] == [(1, 3), (0, 0.5)]
    assert found[0].student == (5.0,) and found[0].gold == 2.0


def test_calibration_of_four_answers():
    model = judged("m", [STUDENT])
    found = model.bins
    # 0.5 (predicts 0, wrong), 0.8 (right), 0.9 (right), 0.95 (wrong)
    assert [each.count for each in found] == [0, 0, 0, 0, 0, 1, 0, 0, 1, 2]
    assert (found[5].low, found[5].high, found[5].accuracy) == (0.5, 0.6, 0.0)
    assert found[9].confidence == pytest.approx(0.925)
    assert found[0].confidence is None and found[0].accuracy is None
    # (1·0.5 + 1·0.2 + 2·0.425) / 4
    assert model.ece == pytest.approx(0.3875)


def test_confusions_are_summed_over_seeds():
    assert confusion_counts([STUDENT]).tolist() == [[1, 0], [2, 1]]
    assert confusion_counts([STUDENT, TEACHER]).tolist() == [[2, 0], [3, 3]]


def test_shapes_are_checked():
    with pytest.raises(InputError, match="answers are"):
        Predictions(
            example_id=np.arange(2), answers=np.zeros([3, 2]), label=np.zeros(2)
        )
    with pytest.raises(InputError, match="labels are"):
        Predictions(
            example_id=np.arange(2), answers=np.zeros([2, 2]), label=np.zeros(3)
        )
    with pytest.raises(InputError, match="finite; those of 1 of 2 examples"):
        Predictions(
            example_id=np.arange(2),
            answers=np.array([[0, 1], [np.nan, 0]]),
            label=np.zeros(2),
        )


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ("[CLS] un ##seen words [SEP] [PAD]", "unseen words"),
        ("[CLS] one [SEP] two ##s [UNK] [SEP]", "one ‖ twos [UNK]"),
        ("[CLS] ##cut [SEP]", "##cut"),
        ("[CLS] [SEP]", ""),
    ],
)
def test_word_pieces_become_text(pieces, text):
    assert joined(pieces.split()) == text
