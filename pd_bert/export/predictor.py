"""Predictions of a finished model, wherever it lies."""

import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of a SavedModel

from pd_bert.artifact import Artifact
from pd_bert.data.source import Row
from pd_bert.errors import InputError
from pd_bert.export.saved_model import DESCRIPTION, describe, served
from pd_bert.system import interrupt
from pd_bert.system.atomic import read_json
from pd_bert.tasks.labeled_task import LabeledTask, task_over

# Rows that are sorted by length together, in batches: padding is most of the work.
_SORTED_BATCHES = 16

Outputs = dict[str, np.ndarray]
Serve = Callable[..., dict[str, tf.Tensor]]


class Predictor:
    """A model over raw text; see `load_predictor`.

    `description` holds the `labels` in the order of the logits, `inputs`, the names of
    the texts that it takes, and `task`, which it was trained on.
    """

    def __init__(self, serve: Serve, description: dict[str, Any]) -> None:
        self._serve = serve
        self.description = description
        self.labels: tuple[str, ...] = tuple(description["labels"])
        self.inputs: tuple[str, ...] = tuple(description["inputs"])
        self.task: LabeledTask = task_over(description["task"])

    def outputs(
        self, rows: Iterable[Row], *, batch_size: int = 64
    ) -> Iterator[tuple[Row, Outputs]]:
        """Yields each row, in the same order, with the served model's outputs."""
        iterator = iter(rows)
        while chunk := list(itertools.islice(iterator, _SORTED_BATCHES * batch_size)):
            order = sorted(range(len(chunk)), key=lambda i: chunk[i].size)
            found: dict[int, Outputs] = {}
            for first in range(0, len(chunk), batch_size):
                interrupt.check()
                taken = order[first : first + batch_size]
                batch = self._run([chunk[i] for i in taken])
                for at, index in enumerate(taken):
                    found[index] = {name: value[at] for name, value in batch.items()}
            for index, row in enumerate(chunk):
                yield row, found[index]

    def predict(
        self, rows: Iterable[Row], *, batch_size: int = 64
    ) -> Iterator[dict[str, Any]]:
        """Yields each row as JSON data: its texts, and what the task presents.

        That is `label`, `probability` and `probabilities` by label name of a
        classification or `score` of a regression.
        """
        for row, outputs in self.outputs(rows, batch_size=batch_size):
            yield {**row.texts, **self.task.present(outputs, self.labels)}

    def _run(self, rows: list[Row]) -> Outputs:
        given = [row.texts for row in rows]
        for row, each in zip(rows, given, strict=True):
            if tuple(each) != self.inputs:
                raise InputError(
                    f"the model takes {' and '.join(self.inputs)}, received "
                    f"{' and '.join(each)}: {row.where}"
                )
        texts = {
            name: tf.constant([each[name] for each in given]) for name in self.inputs
        }
        return {name: value.numpy() for name, value in self._serve(**texts).items()}


def load_predictor(directory: pathlib.Path) -> Predictor:
    """Reads an artifact with a task's head, or a SavedModel that `export` wrote."""
    for folder in (directory, directory / "saved_model"):
        if (folder / "saved_model.pb").is_file():
            return _load_saved_model(folder)
    if not (directory / "artifact.json").is_file():
        raise InputError(
            "a model's folder is an artifact (it holds artifact.json) or a SavedModel "
            f"(it holds saved_model.pb); {directory} is neither"
        )
    artifact = Artifact(directory)
    module = served(artifact)

    def serve(**texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return module.serve_text(*texts.values())

    return Predictor(serve, describe(artifact))


def _load_saved_model(directory: pathlib.Path) -> Predictor:
    path = directory / DESCRIPTION
    if not path.is_file():
        raise InputError(
            f"a SavedModel that pd_bert exported holds {DESCRIPTION}, with the label "
            f"names; {directory} does not"
        )
    description = read_json(path)
    try:
        loaded = tf.saved_model.load(str(directory))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise InputError(f"not a readable SavedModel ({error}): {directory}") from error
    return Predictor(_KeptAlive(loaded), description)


class _KeptAlive:
    """A signature alone does not keep its model's weights."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        self._signature = loaded.signatures["serving_default"]

    def __call__(self, **texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._signature(**texts)
