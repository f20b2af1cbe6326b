"""The cosine schedule with warm restarts, step by step."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.training.cosine_restarts import CosineRestarts
from pd_bert.training.optimizer import AdamW


def rates(schedule: CosineRestarts, *, peak: float, steps: int) -> list[float]:
    built = schedule.build(peak=peak, total_steps=steps)
    return [float(built(step)) for step in range(steps)]


def cosine(part: float, *, peak: float, floor: float) -> float:
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * part))


def test_periods_of_one_length() -> None:
    schedule = CosineRestarts(first_period=0.5, multiplier=1.0, floor=0.5)
    period = [cosine(part, peak=2.0, floor=0.5) for part in (0, 0.25, 0.5, 0.75)]
    found = rates(schedule, peak=2.0, steps=8)
    np.testing.assert_allclose(found, [*period, *period], rtol=1e-6)


def test_each_period_is_longer_than_the_one_before() -> None:
    found = rates(CosineRestarts(floor=0.0), peak=1.0, steps=14)
    wanted = [
        cosine(step / length, peak=1.0, floor=0.0)
        for length in (2, 4, 8)
        for step in range(length)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("steps", [100, 1000, 12_345])
def test_the_default_ends_at_the_floor(steps: int) -> None:
    """Also where the periods are no whole numbers of steps."""
    schedule = CosineRestarts().build(peak=1e-3, total_steps=steps)
    first, last = float(schedule(0)), float(schedule(steps - 1))
    assert first == pytest.approx(1e-3)
    wanted = cosine(1 - 7 / 4 / steps, peak=1e-3, floor=1e-8)
    assert last == pytest.approx(wanted, rel=0.05)
    assert 1e-8 <= last < 1e-6


def test_a_training_shorter_than_a_period_has_the_full_rate() -> None:
    assert rates(CosineRestarts(), peak=0.5, steps=1) == [0.5]


def test_an_optimizer_takes_it() -> None:
    weight = keras.Variable([[1.0, 1.0]], name="kernel")
    optimizer = AdamW(
        learning_rate=0.1,
        schedule=CosineRestarts(first_period=0.5, multiplier=1.0, floor=0.05),
        weight_decay=0.0,
        epsilon=1e-12,
    ).build([weight], total_steps=4)

    @tf.function
    def step() -> None:
        optimizer.apply_gradients([(tf.constant([[0.5, -0.5]]), weight)])

    moved = []
    for _ in range(3):
        before = np.asarray(weight)
        step()
        moved.append(float(np.abs(np.asarray(weight) - before).max()))
    # Adam's steps of equal gradients are as long as the learning rate.
    np.testing.assert_allclose(moved, [0.1, 0.075, 0.1], rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"first_period": 0.0}, "first_period is a share .* received 0.0"),
        ({"first_period": 1.5}, "first_period is a share .* received 1.5"),
        ({"multiplier": 0.5}, "multiplier must be at least 1; received 0.5"),
        ({"floor": -1.0}, "floor must be at least 0; received -1.0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        CosineRestarts(**settings)


def test_the_floor_is_not_above_the_peak() -> None:
    with pytest.raises(InputError, match=r"at most .* 0\.001; received 0\.01"):
        CosineRestarts(floor=0.01).build(peak=1e-3, total_steps=10)
