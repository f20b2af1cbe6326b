"""Computes the numbers that the tests of this folder compare with stored ones.

    PYTHONPATH=. python tests/golden/compute.py OUTPUT

writes them to the JSON file OUTPUT, in about a minute. After a change that is meant to
change numbers, run it twice with `tests/golden/golden.json` as OUTPUT, see that the
second run changes nothing, and say in the commit why the numbers changed.
"""

import hashlib
import json
import pathlib
import sys
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of a SavedModel
from small_stages import SmallStages, small_stages
from small_texts import SERVED_TEXTS, write_texts

from pd_bert.models.model import Model
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.training.runtime import Runtime

_RUNTIME = Runtime(deterministic=True, processes=1, steps_per_call=4, together=3)


class Recorder:
    """An action that keeps the losses and dev metrics of one training."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.losses: list[float] = []
        self.evaluations: dict[str, dict[str, float]] = {}
        self._name = name
        self._calls = calls

    def steps(self, step: int, losses: np.ndarray) -> None:
        assert losses.dtype == np.float32
        self._calls.append(self._name)
        self.losses += losses.tolist()

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        self.evaluations[str(step)] = metrics


def compute(folder: pathlib.Path) -> dict[str, Any]:
    """Runs all stages in `folder` and returns their numbers."""
    write_texts(folder)
    stages = small_stages(folder)
    calls: list[str] = []
    recorders = {name: Recorder(name, calls) for name in stages.trained}
    workdir = Workdir(folder / "run", _RUNTIME)
    workdir.claim("golden")
    runner = Runner(
        in_order(stages.all(), _RUNTIME),
        workdir,
        runtime=_RUNTIME,
        actions=lambda stage: tuple(
            recorders[name] for name, known in stages.trained.items() if known is stage
        ),
    )
    # The sums of a matrix product may be ordered by the number of threads.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    runner.run(_RUNTIME.start())
    return {
        "environment": _environment(),
        "losses": {name: each.losses for name, each in recorders.items()},
        "evaluations": {name: each.evaluations for name, each in recorders.items()},
        "together": _together(calls),
        **_artifacts(stages, workdir),
    }


def _artifacts(stages: SmallStages, workdir: Workdir) -> dict[str, Any]:
    def folder(stage: Stage) -> pathlib.Path:
        return workdir.finished(stage)

    trained = {name: folder(stage) for name, stage in stages.trained.items()}
    vocabulary = folder(stages.vocabulary) / "vocab.txt"
    return {
        "prepared": {
            "vocabulary": {vocabulary.name: _sha256(vocabulary.read_bytes())},
            **{n: _shards(folder(stage)) for n, stage in stages.prepared.items()},
        },
        "labeled": {n: _shards(folder(stage)) for n, stage in stages.labeled.items()},
        "metrics": {name: _metrics(path) for name, path in trained.items()},
        "weights": {name: _weights(path) for name, path in trained.items()},
        "served_logits": _served_logits(folder(stages.exported) / "saved_model"),
    }


def _shards(folder: pathlib.Path) -> dict[str, str]:
    """Returns the SHA-256 of every TFRecord file of a data set."""
    paths = sorted(folder.rglob("*.tfrecord"))
    return {str(p.relative_to(folder)): _sha256(p.read_bytes()) for p in paths}


def _metrics(folder: pathlib.Path) -> dict[str, float]:
    """Returns the metrics on dev of the weights that a training kept."""
    metrics = json.loads((folder / "artifact.json").read_text())["metrics"]
    return metrics.get("dev", {})


def _weights(folder: pathlib.Path) -> str:
    """Returns the SHA-256 of all weights, float32, in the model's order."""
    weights = (np.asarray(weight, "<f4") for weight in Model.load(folder).weights)
    return _sha256(b"".join(weight.tobytes() for weight in weights))


def _served_logits(folder: pathlib.Path) -> list[list[float]]:
    """Returns the logits of the texts, served one by one and then as one batch."""
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures["serving_default"]
    batches = [*([text] for text in SERVED_TEXTS), list(SERVED_TEXTS)]
    found = [serve(text=tf.constant(batch))["logits"].numpy() for batch in batches]
    return np.concatenate(found).tolist()


def _together(calls: list[str]) -> list[str]:
    """Returns the trainings that took turns, as those of one step do."""
    found: set[str] = set()
    for first, second, third, fourth in zip(
        calls, calls[1:], calls[2:], calls[3:], strict=False
    ):
        if first == fourth and len({first, second, third}) == 3:
            found |= {first, second, third}
    return sorted(found)


def _environment() -> dict[str, Any]:
    """Returns the facts on which the last bit of a number depends."""
    facts = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    vector = ("sse", "ssse", "avx", "amx", "fma", "f16c")
    flags = (f for f in facts.get("flags", "").split() if f.startswith(vector))
    return {
        "cpu": [facts.get(key) for key in ("model name", "cpu family", "model")],
        "vector_instructions": " ".join(sorted(flags)),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        numbers = compute(pathlib.Path(folder))
    text = json.dumps(numbers, indent=1, ensure_ascii=False)
    pathlib.Path(sys.argv[1]).write_text(f"{text}\n")


if __name__ == "__main__":
    main()
