"""Functions that are timed in turns, and the figures of their times."""

import itertools

import numpy as np
import pytest

from pd_bert.export.interleaved import interleaved
from pd_bert.export.timed_model import speed


class Machine:
    """A clock that goes on while functions run."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def function(self, name: str, seconds: float):
        def run() -> None:
            self.calls.append(name)
            self.now += seconds

        return run


def test_functions_take_turns() -> None:
    machine = Machine()
    functions = {"a": machine.function("a", 1.0), "b": machine.function("b", 3.0)}
    found = interleaved(functions, runs=20, clock=lambda: machine.now)
    np.testing.assert_array_equal(found["a"], np.full(20, 1.0))
    np.testing.assert_array_equal(found["b"], np.full(20, 3.0))
    turns = [(name, len(list(each))) for name, each in itertools.groupby(machine.calls)]
    # Three calls to warm up, then ten turns of one untimed and two timed calls each.
    assert turns == [("a", 3), ("b", 3), *[("a", 3), ("b", 3)] * 10]


@pytest.mark.parametrize("runs", [1, 7, 10, 13])
def test_every_count_of_runs_is_kept(runs: int) -> None:
    machine = Machine()
    found = interleaved(
        {"a": machine.function("a", 1.0)}, runs=runs, clock=lambda: machine.now
    )
    assert found["a"].shape == (runs,)


def test_a_slow_call_is_in_the_percentile_and_not_in_the_median() -> None:
    machine = Machine()
    numbers = itertools.count()

    def run() -> None:
        machine.now += 5.0 if next(numbers) % 10 == 0 else 1.0

    found = interleaved({"a": run}, runs=100, clock=lambda: machine.now)
    figures = speed(found["a"], batch_size=32)
    assert figures["median_ms"] == 1000
    assert figures["p95_ms"] == 5000
    assert figures["examples_per_second"] == 32


def test_percentiles_are_interpolated() -> None:
    figures = speed(np.arange(101) / 1000, batch_size=2)
    assert figures["median_ms"] == pytest.approx(50)
    assert figures["p95_ms"] == pytest.approx(95)
    assert figures["examples_per_second"] == pytest.approx(40)
