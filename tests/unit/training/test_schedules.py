"""Schedules of the learning rate, step by step."""

import numpy as np
import pytest

from pd_bert.training.schedules import LinearDecay


@pytest.mark.parametrize(
    ("warmup", "wanted"),
    [
        # Two of eight steps of warm-up, then down to 0 at step 8.
        (0.25, [1.0, 2.0, 2.0, 5 / 3, 4 / 3, 1.0, 2 / 3, 1 / 3, 0.0, 0.0]),
        # Warm-up is one step at least: the first one has the full rate.
        (0.0, [2.0, 2.0, 12 / 7, 10 / 7, 8 / 7, 6 / 7, 4 / 7, 2 / 7, 0.0, 0.0]),
        # All steps rise.
        (1.0, [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 0.0, 0.0]),
    ],
)
def test_linear_decay(warmup: float, wanted: list[float]) -> None:
    schedule = LinearDecay(warmup=warmup).build(peak=2.0, total_steps=8)
    rates = [float(schedule(step)) for step in range(10)]
    np.testing.assert_allclose(rates, wanted, rtol=1e-6)


def test_one_step_has_the_full_rate() -> None:
    assert float(LinearDecay().build(peak=0.5, total_steps=1)(0)) == 0.5
