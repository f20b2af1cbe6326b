"""A finished model's metrics on a table."""

import time
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from pd_bert.data.source import Source, nonempty
from pd_bert.export.predictor import Predictor
from pd_bert.models.outputs import Outputs
from pd_bert.tasks.text_task import task_over


def measure(
    predictor: Predictor, source: Source, *, batch_size: int = 64
) -> dict[str, Any]:
    """The metrics of the model's own task on labelled rows, and its speed.

    The speed is that of raw text to outputs, tokenizing and reading the file included.
    Raises InputError, with file and line, for a label that the model does not know.
    """
    task = task_over(predictor.description["task"], source)
    rows = list(nonempty(source.rows(), str(source)))
    gold = [task.encode_label(row, predictor.labels) for row in rows]
    for _ in predictor.outputs(rows[:1]):
        pass  # compiles the model
    begin = time.perf_counter()
    outputs = predictor.outputs(rows, batch_size=batch_size)
    with tqdm.tqdm(outputs, total=len(rows), unit=" examples", mininterval=0.5) as bar:
        logits = np.stack([values["logits"] for _, values in bar])
    seconds = time.perf_counter() - begin
    measured = task.measure(
        Outputs(logits={"label": tf.constant(logits)}), {"label": tf.constant(gold)}
    )
    return {
        "task": task.name,
        "metrics": task.metrics({name: v.numpy() for name, v in measured.items()}),
        "primary_metric": task.primary_metric,
        "examples": len(rows),
        "examples_per_second": round(len(rows) / seconds, 1),
    }
