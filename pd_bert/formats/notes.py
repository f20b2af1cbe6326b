"""Facts about a model that other formats have no place for."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from pd_bert.sources.text_lines import TextLines
from pd_bert.tasks import metrics as task_metrics
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.tasks.regression import Regression

_MEASURES = {
    name: function
    for name, function in inspect.getmembers(task_metrics, inspect.isfunction)
    if function.__module__ == task_metrics.__name__ and not name.startswith("_")
}
_NO_TEXTS = TextLines(files=())


def notes(info: Mapping[str, Any]) -> dict[str, Any]:
    """Returns JSON data to keep beside a model in another format; see `info_of`."""
    kept = {key: info[key] for key in ("name", "metrics") if key in info}
    if not info.get("labels"):
        return kept
    task = info["task"]
    measures = task.get("settings", {}).get("measures", ())
    return {
        **kept,
        "task": task["name"],
        "measures": [each["function"].rpartition(".")[2] for each in measures],
        "inputs": list(info["inputs"]),
        "sequence_length": info["sequence_length"],
    }


def info_of(
    kept: Mapping[str, Any],
    labels: Sequence[str],
    *,
    name: str,
    sequence_length: int,
    regression: bool = False,
) -> dict[str, Any]:
    """Returns what an artifact records of a model, from its notes or by default.

    Anybody may have written the notes, so nothing in them names code to import: a task
    is a classification or a regression, its measures are those of `tasks.metrics`.
    """
    info: dict[str, Any] = {"name": _of(str, kept.get("name"), name)}
    if metrics := _numbers(kept.get("metrics")):
        info["metrics"] = metrics
    if not labels:
        return info
    wanted = _of(list, kept.get("measures"), [])
    measures = tuple(_MEASURES[m] for m in wanted if _known(m))
    settings: dict[str, Any] = {"measures": measures} if measures else {}
    task_name = _of(str, kept.get("task"), info["name"])
    task: LabeledTask
    if regression:
        task = Regression(name=task_name, train=_NO_TEXTS, dev=_NO_TEXTS, **settings)
    else:
        task = Classification(
            name=task_name,
            train=_NO_TEXTS,
            dev=_NO_TEXTS,
            labels=tuple(labels),
            **settings,
        )
    return {
        **info,
        "labels": list(labels),
        "inputs": _inputs(kept.get("inputs")),
        "task": task.describe(),
        "primary_metric": task.primary_metric,
        "sequence_length": _length(kept.get("sequence_length"), sequence_length),
    }


def _numbers(value: Any) -> dict[str, dict[str, float]]:
    """Returns metrics by split; {} if the value is something else."""
    rows = value.items() if isinstance(value, dict) else ()
    numbers = {
        str(split): {
            str(name): float(number)
            for name, number in row.items()
            if isinstance(number, int | float)
        }
        for split, row in rows
        if isinstance(row, dict)
    }
    return {split: row for split, row in numbers.items() if row}


def _inputs(value: Any) -> list[str]:
    """The inputs of a classification or regression: one text by default, or two."""
    return ["text", "text_b"] if value == ["text", "text_b"] else ["text"]


def _known(measure: Any) -> bool:
    return isinstance(measure, str) and measure in _MEASURES


def _of(kind: type, value: Any, default: Any) -> Any:
    return value if isinstance(value, kind) else default


def _length(value: Any, longest: int) -> int:
    """Returns a length for which there are enough position embeddings."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 2:
        return min(value, longest)
    return longest
