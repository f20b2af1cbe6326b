"""Stage: predictions for the splits of a task that have no labels."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from pd_bert.costs.work import Fixed, ModelPasses, Works, logits_load
from pd_bert.data.pipeline import DEFAULT_BUCKETS
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.model import Model
from pd_bert.models.outputs import Outputs
from pd_bert.stages.base import Context, Info, Stage, require_same_labels
from pd_bert.stages.outline import Outline, Outlines, require_known
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.tasks.labeled_task import LabeledTask, numbers
from pd_bert.training.evaluation import Evaluation
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predict(Stage):
    """Writes a model's predictions for every unlabeled split of a task.

    SPLIT.tsv holds the columns index, from 0 in the order of the source, and
    prediction: the answer that the task presents first, a label name or a score, or
    several of them between spaces. SPLIT.probabilities.tsv, of a classifier, holds the
    index and one column per label. Nothing is chosen by what it writes.
    """

    name: str = ""
    model: Stage
    task_data: PrepareTask
    batch_size: int = 32
    buckets: tuple[int, ...] = DEFAULT_BUCKETS

    kind: ClassVar[str] = "predict"
    named_after: ClassVar[str] = "model"
    trains: ClassVar[bool] = True

    def result_columns(self) -> Info:
        return {**self.model.result_columns(), "task": self.task_data.task.name}

    def check(self) -> None:
        super().check()
        task = self.task_data.task
        if not task.unlabeled:
            raise InputError(
                f"predict {self.name}: a task needs a split without labels to predict; "
                f"{task.name} has none, only {', '.join(task.splits)}"
            )

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        model, task_data = inputs["model"], inputs["task_data"]
        require_same_labels(
            self.where,
            model=self.model.title,
            has=model.labels,
            wanted=task_data.labels,
        )
        splits = task_data.splits or {}
        counts = {
            name: splits[name].count
            for name in self.task_data.task.unlabeled_splits
            if name in splits and splits[name].exact
        }
        every = len(counts) == len(self.task_data.task.unlabeled_splits)
        return dataclasses.replace(
            super().outline(inputs, survey),
            labels=task_data.labels,
            network=model.network,
            predicted=counts if every else None,
        )

    def run(self, context: Context) -> Info:
        artifact = context.artifact(self.model)
        task_data = context.artifact(self.task_data)
        require_same_labels(
            context.where,
            model=str(artifact.directory),
            has=artifact.labels,
            wanted=task_data.labels,
        )
        vocabulary = artifact.vocabulary()
        task = self.task_data.task

        def decode(
            outputs: Outputs, batch: Any, labels: tuple[str, ...]
        ) -> dict[str, tf.Tensor]:
            return numbers(task.decode(outputs, batch, labels))

        splits = {
            split: Records(task_data.directory / split)
            for split in task.unlabeled_splits
        }
        with context.strategy.scope():
            model = Model.load(artifact.directory)
        evaluation = Evaluation(
            model,
            task,
            vocabulary,
            labels=artifact.labels,
            strategy=context.strategy,
            batch_size=context.batch_size(self.batch_size),
            buckets=context.buckets(self.buckets, next(iter(splits.values()))),
            measure=decode,
        )
        for split, records in splits.items():
            records.check(vocabulary.fingerprint)
            decoded = evaluation.measured(records)
            del decoded["example_id"]
            _write_answers(context.directory, split, task, decoded, artifact.labels)
        return {
            "labels": list(artifact.labels),
            "predicted": {split: records.count for split, records in splits.items()},
        }

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        known = require_known(inputs["task_data"].splits, "task_data")
        splits = [known[split] for split in self.task_data.task.unlabeled_splits]
        network = outline.require_network()
        load = logits_load(network, splits[0], self.batch_size, self.buckets, runtime)
        # A row has its number and answer and, in another file, one number per label.
        columns = 3 + len(outline.labels or ())
        rows = sum(records.count for records in splits)
        return (
            ModelPasses(load=load, records=tuple((each, 1.0) for each in splits)),
            Fixed(disk_bytes=10 * columns * rows),
        )


def _write_answers(
    directory: pathlib.Path,
    split: str,
    task: LabeledTask,
    decoded: Mapping[str, np.ndarray],
    labels: Sequence[str],
) -> None:
    answers, probabilities = [], []
    for index in range(len(next(iter(decoded.values())))):
        row = {name: values[index] for name, values in decoded.items()}
        presented = task.present(row, tuple(labels))
        answers.append([_line(next(iter(presented.values())))])
        by_label = presented.get("probabilities")
        if isinstance(by_label, dict):
            probabilities.append([f"{by_label[label]:.6g}" for label in labels])
    _write(directory / f"{split}.tsv", ["prediction"], answers)
    if probabilities:
        _write(directory / f"{split}.probabilities.tsv", labels, probabilities)


def _line(answer: Any) -> str:
    """An answer as text: a name, a number, or several between spaces."""
    if isinstance(answer, list):
        return " ".join(map(_line, answer))
    return f"{answer:.6g}" if isinstance(answer, float) else str(answer)


def _write(
    path: pathlib.Path, header: Iterable[str], rows: Iterable[Iterable[str]]
) -> None:
    with path.open("w") as file:
        print("index", *header, sep="\t", file=file)
        for index, row in enumerate(rows):
            print(index, *row, sep="\t", file=file)
