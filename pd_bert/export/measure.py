"""A finished model's metrics on a table."""

import time
from typing import Any

import tqdm

from pd_bert.data.source import Source, nonempty
from pd_bert.export.predictor import Predictor
from pd_bert.tasks.labeled_task import numbers


def measure(
    predictor: Predictor, source: Source, *, batch_size: int = 64
) -> dict[str, Any]:
    """Returns the metrics of the model's own task on labeled rows, and its speed.

    The speed is that of raw text to outputs, tokenizing and reading the file included.
    Raises InputError, with file and line, for a label that the model does not know.
    """
    task, labels = predictor.task, predictor.labels
    rows = list(nonempty(source.rows(), str(source)))
    gold = task.gold(rows, labels)
    for _ in predictor.outputs(rows[:1]):
        pass  # compiles the model
    begin = time.perf_counter()
    outputs = predictor.outputs(rows, batch_size=batch_size)
    with tqdm.tqdm(outputs, total=len(rows), unit=" examples", mininterval=0.5) as bar:
        decoded = task.collect(
            [
                {name: value[None] for name, value in numbers(values).items()}
                for _, values in bar
            ]
        )
    seconds = time.perf_counter() - begin
    return {
        "task": task.name,
        "metrics": task.metrics({**decoded, **gold}, labels),
        "primary_metric": task.primary_metric,
        "examples": len(rows),
        "examples_per_second": round(len(rows) / seconds, 1),
    }
