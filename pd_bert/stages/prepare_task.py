"""Stage: labeled texts → examples for fine-tuning and evaluation."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from pd_bert.costs.work import ReadSource, Works
from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.source import inputs_of, rows_of
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.sources.held import Held
from pd_bert.stages.base import Info
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.outline import Outline, Outlines, require_known
from pd_bert.stages.prepare import Prepare, row_size
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareTask(Prepare):
    """D_L: one folder per split; the label names are kept in the artifact.

    Splits without labels lie beside the others, and the artifact lists them apart.
    """

    name: str = "task"
    task: LabeledTask

    def check(self) -> None:
        super().check()
        self.task.check()

    @property
    def measured(self) -> dict[str, DataSet]:
        """The splits that models are measured on, by name."""
        return {
            split: DataSet(self, split)
            for split in self.task.splits
            if split != "train"
        }

    def result_columns(self) -> Info:
        return {**super().result_columns(), "task": self.task.name}

    def of_rows(self, survey: Surveyor | None) -> Mapping[str, Any]:
        task, where = self.task, f"{self.task.name}, split train"
        if survey is None:
            labels = task.find_labels()
            return {"labels": labels, "inputs": inputs_of(task.train.rows(), where)}
        sample = survey.first(task.train, rows_of)
        inputs = inputs_of(sample.items, where)
        # A part of the rows may lack a label, and a file may be sorted by it.
        if sample.whole:
            task = dataclasses.replace(task, train=Held(held=tuple(sample.items)))
        return {"labels": task.find_labels(), "inputs": inputs}

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        task = self.task
        without_labels = EncodeRows(
            vocabulary=require_known(outline.vocabulary_file, "vocabulary"),
            lowercase=require_known(outline.lowercase, "vocabulary"),
            sequence_length=self.sequence_length,
            inputs=require_known(outline.inputs, "its inputs"),
            encode=task.encode,
            encoded=task.encoded_spec,
        )
        labels = require_known(outline.labels, "its labels")
        with_labels = dataclasses.replace(
            without_labels,
            label_features=functools.partial(task.label_features, labels=labels),
        )
        return {
            split: Encoding(
                key=(self, split),
                source=source,
                where=f"{task.name}, split {split}",
                read=rows_of,
                size=row_size,
                encode=with_labels if split in task.splits else without_labels,
                spec=task.spec() if split in task.splits else task.encoded_spec,
                sequence_length=self.sequence_length,
                shard_characters=self.shard_characters,
            )
            for split, source in {**task.splits, **task.unlabeled_splits}.items()
        }

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        # The rows to train on are also read for the labels.
        read = ReadSource(source=self.task.train, read=rows_of)
        return read, *super().work(inputs, outline, runtime)

    def described(self, outline: Outline, counts: Mapping[str, Info]) -> Info:
        info: Info = {
            "labels": list(outline.labels or ()),
            "inputs": list(outline.inputs or ()),
            "task": self.task.describe(),
            **{split: counts[split] for split in self.task.splits},
        }
        if self.task.unlabeled:
            unlabeled = self.task.unlabeled_splits
            info["unlabeled"] = {split: counts[split] for split in unlabeled}
        return info
