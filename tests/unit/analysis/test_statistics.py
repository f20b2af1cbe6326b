"""Spreads over seeds, and the paired bootstrap over examples."""

import warnings

import numpy as np
import pytest

from pd_bert.analysis.count_metrics import COUNT_METRICS, resampled_counts
from pd_bert.analysis.statistics import Difference, paired_bootstrap
from pd_bert.errors import InputError
from pd_bert.runs.confidence_interval import confidence_interval
from pd_bert.tasks.metrics import accuracy, f1, macro_f1, matthews, pearson


def test_spread_of_three_seeds():
    found = confidence_interval([70.0, 72.0, 74.0])
    assert (found.mean, found.sd, found.n) == (72.0, 2.0, 3)
    # t(0.975, 2) = 4.3027; 4.3027 · 2 / √3 = 4.9683
    assert found.low == pytest.approx(72 - 4.9683, abs=1e-4)
    assert found.high == pytest.approx(72 + 4.9683, abs=1e-4)


def test_one_seed_has_no_interval_and_none_is_refused():
    found = confidence_interval([70.0])
    assert (found.mean, found.sd, found.low, found.high) == (70.0, None, None, None)
    with pytest.raises(InputError, match="at least one"):
        confidence_interval([])


GOLD = np.array([0, 1] * 50)


def wrong_at(*rows: int) -> np.ndarray:
    predicted = GOLD.copy()
    predicted[list(rows)] = 1 - predicted[list(rows)]
    return predicted


def test_a_side_that_is_right_where_the_other_is_not():
    found = paired_bootstrap(accuracy, [wrong_at(0, 1)], [wrong_at(*range(20))], GOLD)
    assert found.value == pytest.approx(0.18)
    # 18 of 100 examples differ: sd √(0.18 · 0.82 / 100) = 0.0384
    assert found.low == pytest.approx(0.18 - 1.96 * 0.0384, abs=0.015)
    assert found.high == pytest.approx(0.18 + 1.96 * 0.0384, abs=0.015)
    assert found.share == 0


def test_pairs_cancel_what_both_get_wrong():
    # Apart, each has sd 0.05; together they differ in two examples alone.
    ours, theirs = wrong_at(*range(50)), wrong_at(*range(52))
    found = paired_bootstrap(accuracy, [ours], [theirs], GOLD)
    assert found.value == pytest.approx(0.02)
    assert found.low >= -0.01 and found.high <= 0.06


def test_seeds_of_a_side_are_averaged():
    found = paired_bootstrap(
        accuracy, [wrong_at(0), wrong_at(1, 2, 3)], [wrong_at(0, 1, 2, 3)], GOLD
    )
    assert found.value == pytest.approx(0.02)


def test_equal_sides_do_not_differ():
    found = paired_bootstrap(accuracy, [wrong_at(1)], [wrong_at(1)], GOLD)
    assert found == Difference(value=0.0, low=0.0, high=0.0, share=1.0)


def test_it_is_deterministic_and_metrics_that_are_no_means_agree():
    sides = [wrong_at(0, 1)], [wrong_at(*range(20))]
    by_f1 = paired_bootstrap(f1, *sides, GOLD)
    assert by_f1 == paired_bootstrap(f1, *sides, GOLD)
    # precision and recall of class 1: 49 of 50 each, and 40 of 50.
    assert by_f1.value == pytest.approx(0.98 - 0.80)
    assert 0.08 < by_f1.low < by_f1.value < by_f1.high < 0.29

    def as_generic(predicted: np.ndarray, gold: np.ndarray) -> float:
        return accuracy(predicted, gold)

    one = paired_bootstrap(accuracy, *sides, GOLD)
    other = paired_bootstrap(as_generic, *sides, GOLD)
    assert one.value == pytest.approx(other.value)
    assert one.low == pytest.approx(other.low, abs=0.015)
    assert one.high == pytest.approx(other.high, abs=0.015)


def test_scores_of_a_regression():
    gold = np.linspace(0, 1, 40, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.5, 40)
    found = paired_bootstrap(pearson, [gold + 0.01 * noise], [gold + noise], gold)
    assert found.low > 0


def test_sides_of_unlike_lengths_are_refused():
    with pytest.raises(InputError, match="same examples"):
        paired_bootstrap(accuracy, [GOLD], [GOLD[:-1]], GOLD)
    with pytest.raises(InputError, match="two examples"):
        paired_bootstrap(accuracy, [GOLD[:1]], [GOLD[:1]], GOLD[:1])


@pytest.mark.parametrize(
    ("metric", "labels"),
    [(f1, 2), (macro_f1, 2), (macro_f1, 4), (matthews, 2), (matthews, 4)],
)
def test_metrics_of_counts_are_those_of_the_tasks(metric, labels):
    draw = np.random.default_rng(labels)
    gold, predicted = draw.integers(0, labels, (2, 30))
    index = draw.integers(0, 30, (20, 30))
    index[0] = 0  # one example alone
    counts = resampled_counts(gold, predicted, index, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, of the single label
        wanted = [metric(predicted[rows], gold[rows]) for rows in index]
    found = COUNT_METRICS[metric](counts)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("metric", [accuracy, f1])
def test_equal_means_of_seeds_are_exact_ties(metric):
    # The same three models in another order: thirds do not add up exactly.
    ours = [wrong_at(0, 1, 2), wrong_at(3), wrong_at(4, 5)]
    found = paired_bootstrap(metric, ours, ours[::-1], GOLD)
    assert found == Difference(value=0.0, low=0.0, high=0.0, share=1.0)


def test_f1_where_no_example_is_positive():
    none = np.zeros(6, int)
    assert paired_bootstrap(f1, [none], [none], none).value == 0
