"""Every kind of training gives the numbers that it gave when they were stored.

`compute.py` says how to store them again.

Bits hold on one kind of CPU and one version of the libraries: oneDNN and XLA choose
their kernels by the CPU's instructions, and other kernels add in another order. Where
the environment is the stored one, all numbers are compared to the bit. Elsewhere losses
and logits are compared within `_TOLERANCE`; what rounding errors can change wholly (a
hash, the order of two scores) is then not compared. Prepared records hold no computed
floating-point numbers, so that their bytes are the same everywhere.
"""

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

_FOLDER = pathlib.Path(__file__).parent
_GOLDEN = json.loads((_FOLDER / "golden.json").read_text())
_TRAININGS = sorted(_GOLDEN["losses"])
_TOLERANCE = 1e-4
_SECONDS = 570


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The numbers of today's code, from a process of its own.

    Deterministic operations cannot be switched off again in a process.
    """
    folder = tmp_path_factory.mktemp("golden")
    output, log = folder / "numbers.json", folder / "log"
    repository = str(_FOLDER.parents[1])
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, str(_FOLDER / "compute.py"), str(output)],
            env={**os.environ, "PYTHONPATH": repository},
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    assert done.returncode == 0, log.read_text()[-4000:]
    return json.loads(output.read_text())


@pytest.fixture
def exact(numbers) -> bool:
    """Whether bits must be equal, since they were stored in this environment."""
    return numbers["environment"] == _GOLDEN["environment"]


def test_the_same_trainings_are_recorded(numbers):
    assert sorted(numbers["losses"]) == _TRAININGS
    for part in ("evaluations", "metrics", "weights"):
        assert sorted(numbers[part]) == sorted(_GOLDEN[part]) == _TRAININGS


@pytest.mark.parametrize("name", _TRAININGS)
def test_losses(numbers, exact, name):
    found, expected = numbers["losses"][name], _GOLDEN["losses"][name]
    assert len(found) == len(expected)
    if exact:
        assert found == expected
    np.testing.assert_allclose(found, expected, rtol=_TOLERANCE)


@pytest.mark.parametrize("name", _TRAININGS)
def test_metrics(numbers, exact, name):
    found, expected = numbers["evaluations"][name], _GOLDEN["evaluations"][name]
    assert list(found) == list(expected), "evaluated after other steps"
    if exact:  # elsewhere a rounding error may change the order of two scores
        assert found == expected
        assert numbers["metrics"][name] == _GOLDEN["metrics"][name]


@pytest.mark.parametrize("name", _TRAININGS)
def test_final_weights(numbers, exact, name):
    if exact:  # elsewhere no hash of weights can be equal; losses stand for them
        assert numbers["weights"][name] == _GOLDEN["weights"][name]


def test_students_that_train_in_one_step(numbers):
    expected = ["together_initialized", "together_narrow", "together_wide"]
    assert numbers["together"] == _GOLDEN["together"] == expected


@pytest.mark.parametrize("name", sorted(_GOLDEN["prepared"]))
def test_bytes_of_prepared_data(numbers, name):
    assert numbers["prepared"].keys() == _GOLDEN["prepared"].keys()
    assert numbers["prepared"][name] == _GOLDEN["prepared"][name]


@pytest.mark.parametrize("name", sorted(_GOLDEN["labeled"]))
def test_bytes_of_labeled_data(numbers, exact, name):
    found, expected = numbers["labeled"][name], _GOLDEN["labeled"][name]
    assert list(found) == list(expected), "other shards"
    if exact:  # elsewhere the teacher's logits in them differ in their last bits
        assert found == expected


def test_served_logits(numbers, exact):
    """Each text gives the same logits alone and, beside longer ones, in a batch."""
    found, expected = numbers["served_logits"], _GOLDEN["served_logits"]
    if exact:
        assert found == expected
    np.testing.assert_allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE)
    half = len(found) // 2
    np.testing.assert_allclose(found[:half], found[half:], rtol=0, atol=1e-5)
