"""The best student within limits, and what is said of it."""

import pytest

from pd_bert.analysis.choose import choose
from pd_bert.analysis.statistics import Difference
from pd_bert.runs.group_results import group_results


def never(ours, theirs, split):
    return None


@pytest.fixture
def found(row):
    """A slow teacher, a good large, a fair small and a fast bad student."""
    return group_results(
        [
            row("teacher", 0.95, size="base", latency_ms=50.0, size_bytes=440_000_000),
            row("pd", 0.90, size="mini", latency_ms=8.0, size_bytes=45_000_000),
            row("pd", 0.84, size="tiny", latency_ms=2.0, seed=0),
            row("pd", 0.86, size="tiny", latency_ms=2.2, seed=1),
            row("d", 0.80, size="tiny", latency_ms=2.0, seed=0),
            row("d", 0.90, size="tiny", latency_ms=2.0, seed=1),
            row("basic", 0.70, size="nano", latency_ms=0.5, size_bytes=1_500_000),
        ]
    )


def test_without_a_limit_the_best_on_dev(found):
    (choice,) = choose(found, compare=never)
    assert choice.best and choice.best.title == "pd mini"
    assert "of 4 students" in choice.reason
    assert "leave noise unknown" in choice.reason  # pd mini has one seed


def test_the_best_that_fits_and_noise_over_seeds(found):
    (choice,) = choose(found, max_latency_ms=5, max_size_mb=20, compare=never)
    # pd tiny and d tiny both have mean 85; pd comes first, and all else is equal but
    # the latency: d is faster.
    assert choice.best and choice.best.title == "d tiny"
    assert choice.next_best and choice.next_best.title == "pd tiny"
    assert choice.reason.startswith("3 of 4 students fit 5 ms and 20 MB; d tiny has")
    assert "0.0 points behind, within noise (95 % interval" in choice.reason


def test_a_difference_over_examples_is_told(found):
    def compared(ours, theirs, split):
        assert split == "dev"
        return Difference(value=4.0, low=1.5, high=6.5, share=0.0)

    (choice,) = choose(found, max_latency_ms=10, compare=compared)
    assert "beyond noise (95 % interval 1.5 to 6.5 over resampled" in choice.reason


def test_a_single_student_and_none(found):
    (choice,) = choose(found, max_size_mb=2, compare=never)
    assert choice.best and choice.best.title == "basic nano"
    assert choice.reason.startswith("1 of 4 students fits 2 MB; basic nano has")
    assert choice.reason.endswith("There is no other to compare it with.")
    (choice,) = choose(found, max_latency_ms=0.1, compare=never)
    assert choice.best is None
    assert choice.reason == (
        "None of 4 students fits 0.1 ms. The smallest is basic nano with 1.5 MB. The "
        "fastest is basic nano with 0.50 ms."
    )


def test_what_was_not_measured_does_not_fit(row):
    found = group_results([row("pd", 0.9, latency_ms=None)])
    (choice,) = choose(found, max_latency_ms=1000, compare=never)
    assert choice.best is None and "No latency was measured" in choice.reason
    assert choice.reason.startswith("None of 1 student fits 1000 ms.")


def test_a_teacher_alone_is_no_student(row):
    (choice,) = choose(group_results([row("teacher", 0.9)]), compare=never)
    assert choice.best is None and "no student" in choice.reason


def test_means_over_tasks_are_not_chosen_from(row):
    found = group_results([row("pd", 0.5), row("pd", 0.9, kind="score", task="mean")])
    assert [choice.task for choice in choose(found, compare=never)] == ["sst2"]


def test_seeds_without_variance_prove_nothing(row):
    rows = [row("pd", 0.9, seed=seed) for seed in (0, 1)]
    rows += [row("d", 0.8, seed=seed) for seed in (0, 1)]
    (choice,) = choose(group_results(rows), compare=never)
    assert choice.best and choice.best.method == "pd"
    assert "leave noise unknown" in choice.reason


def test_the_test_split_has_no_say(row):
    # Test is 1 − dev: what is best on dev is worst on test.
    found = group_results([row("d", 0.7), row("pd", 0.8), row("pf", 0.6)])
    (choice,) = choose(found, compare=never)
    assert choice.best and choice.best.method == "pd"
    assert choice.next_best and choice.next_best.method == "d"
