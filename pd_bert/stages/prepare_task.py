"""Stage: labeled texts → examples for fine-tuning and evaluation."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pd_bert.costs.work import ReadSource, Works
from pd_bert.data.encode_rows import Encoded, EncodeRows, split_rows
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.shards import chunked
from pd_bert.data.source import Row, Source, inputs_of, nonempty, rows_of
from pd_bert.data.sources.held import Held
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.stages.base import Context, Info
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

    def share_work(self, context: Context) -> None:
        task = self.task
        without_labels = self._encode(*self._vocabulary_file(context), self._inputs())
        with_labels = dataclasses.replace(
            without_labels,
            label_features=functools.partial(
                task.label_features, labels=task.find_labels()
            ),
        )
        for split, source in task.splits.items():
            chunks = functools.partial(self._chunks, split, source)
            self._write(context, split, chunks, with_labels, task.spec())
        for split, source in task.unlabeled_splits.items():
            chunks = functools.partial(self._chunks, split, source)
            self._write(context, split, chunks, without_labels, task.encoded_spec)

    def run(self, context: Context) -> Info:
        self.share_work(context)
        info: Info = {
            "labels": list(self.task.find_labels()),
            "inputs": list(self._inputs()),
            "task": self.task.describe(),
        }
        for split in self.task.splits:
            info[split] = self._finish(context, split, self.task.spec())
        if self.task.unlabeled:
            info["unlabeled"] = {
                split: self._finish(context, split, self.task.encoded_spec)
                for split in self.task.unlabeled_splits
            }
        return {**info, **self._carry_vocabulary(context)}

    @property
    def measured(self) -> dict[str, DataSet]:
        """The splits that models are measured on, by name."""
        return {
            split: DataSet(self, split)
            for split in self.task.splits
            if split != "train"
        }

    def measured_records(self, outline: Outline) -> dict[str, ExpectedRecords]:
        """Returns the records of these splits, from the outline of this stage."""
        return {split: outline.require_records(split) for split in self.measured}

    def _encode(
        self, file: pathlib.Path, lowercase: bool, inputs: tuple[str, ...]
    ) -> EncodeRows:
        """Makes examples of rows without their labels."""
        return EncodeRows(
            vocabulary=file,
            lowercase=lowercase,
            sequence_length=self.sequence_length,
            inputs=inputs,
            encode=self.task.encode,
            encoded=self.task.encoded_spec,
        )

    def _inputs(self) -> tuple[str, ...]:
        """Returns the names of the rows' texts, from the first row."""
        return inputs_of(self.task.train.rows(), f"{self.task.name}, split train")

    def result_columns(self) -> Info:
        return {**super().result_columns(), "task": self.task.name}

    def _chunks(self, split: str, source: Source) -> Iterator[list[Row]]:
        rows = nonempty(source.rows(), f"{self.task.name}, split {split}")
        return chunked(rows, row_size, self.shard_characters)

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        unlabeled = self.task.unlabeled_splits
        encode = self._encode(
            require_known(outline.vocabulary_file, "vocabulary"),
            require_known(outline.lowercase, "vocabulary"),
            require_known(outline.inputs, "its inputs"),
        )
        labeled = dataclasses.replace(
            encode,
            label_features=functools.partial(_no_labels, self.task.gold_spec),
        )
        return {
            split: Encoding(
                source=source,
                read=rows_of,
                size=row_size,
                encode=encode if split in unlabeled else labeled,
                spec=self.task.encoded_spec if split in unlabeled else self.task.spec(),
                sequence_length=self.sequence_length,
                shard_characters=self.shard_characters,
            )
            for split, source in {**self.task.splits, **unlabeled}.items()
        }

    def rows(self, survey: Surveyor) -> Mapping[str, Any]:
        sample = survey.first(self.task.train, rows_of)
        inputs = inputs_of(sample.items, f"{self.task.name}, split train")
        # A part of the rows may lack a label, and a file may be sorted by it.
        whole = dataclasses.replace(self.task, train=Held(held=tuple(sample.items)))
        labels = (whole if sample.whole else self.task).find_labels()
        return {"labels": labels, "inputs": inputs}

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        # The rows to train on are also read for the labels.
        read = ReadSource(source=self.task.train, read=rows_of)
        return read, *super().work(inputs, outline, runtime)


def _no_labels(
    spec: ExampleSpec, rows: Sequence[Row], encoded: Encoded
) -> dict[str, Sequence[Any]]:
    """Returns zeros: labels take the same room whatever they are.

    A label per token is as long as the tokens.
    """
    token_ids = split_rows(encoded["token_ids"])
    return {
        name: [
            np.zeros(
                [len(ids) if size is None else size for size in feature.shape],
                feature.dtype,
            )
            for ids in token_ids
        ]
        for name, feature in spec.items()
    }
