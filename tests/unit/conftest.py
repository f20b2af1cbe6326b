"""Rows of results.json, and working directories that hold them."""

import itertools
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pd_bert.values import digest

_NUMBERS = itertools.count()


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """(method, accuracy on dev, other keys) → a row of results.json."""
    return _row


@pytest.fixture
def write_run() -> Callable[..., pathlib.Path]:
    """(directory, rows) → the directory, made a working directory."""
    return _write_run


@pytest.fixture
def write_predictions() -> Callable[..., None]:
    """(working directory, row, predicted, gold) stores a row's predictions."""
    return _write_predictions


def _row(method: str, accuracy: float, **others: Any) -> dict[str, Any]:
    """A finished evaluation's row; `accuracy` is that on dev, and 1 − it on test.

    Rows of the same method, task, size and axes, but for SEED, are one model.
    """
    fingerprint = others.pop("fingerprint", f"{next(_NUMBERS):04}")
    axes = {a: v for a, v in others.get("axes", {}).items() if a != "SEED"}
    model = [method, *(others.get(name) for name in ("kind", "task", "size")), axes]
    return {
        "stage": f"evaluate-{method}",
        "kind": "evaluate",
        "method": method,
        "size": "tiny",
        "task": "sst2",
        "seed": 0,
        "axes": {},
        "metrics": {"dev": {"accuracy": accuracy}, "test": {"accuracy": 1 - accuracy}},
        "primary_metric": "accuracy",
        "parameters": 4_000_000,
        "size_bytes": 16_000_000,
        "examples_per_second": 1000.0,
        "latency_ms": 2.0,
        "facts": {},
        "artifact": f"stages/evaluate-{method}-{fingerprint}",
        "fingerprint": fingerprint,
        "fingerprint_without_seeds": digest(model),
        **others,
    }


def _write_run(
    directory: pathlib.Path, rows: Sequence[dict[str, Any]], *, recipe: str = "r"
) -> pathlib.Path:
    """A working directory with these rows and an artifact for each."""
    for each in rows:
        folder = directory / "stages" / pathlib.Path(each["artifact"]).name
        folder.mkdir(parents=True, exist_ok=True)
        info = {"kind": each["kind"], "lineage": {}, "labels": ["bad", "good"]}
        (folder / "artifact.json").write_text(json.dumps(info))
    directory.mkdir(exist_ok=True)
    (directory / "results.json").write_text(json.dumps(list(rows)))
    (directory / "recipe.json").write_text(json.dumps({"recipe": recipe}))
    return directory


def _write_predictions(
    directory: pathlib.Path,
    of: dict[str, Any],
    predicted: Sequence[int],
    gold: Sequence[int],
    split: str = "test",
) -> None:
    """Stores confident predictions of two labels in a row's artifact."""
    folder = directory / "stages" / pathlib.Path(of["artifact"]).name / "predictions"
    folder.mkdir(exist_ok=True)
    probabilities = np.where(np.arange(2) == np.array(predicted)[:, None], 0.9, 0.1)
    np.savez(
        folder / f"{split}.npz",
        example_id=np.arange(len(gold)),
        probabilities=probabilities.astype(np.float32),
        label=np.array(gold, np.int64),
    )
