"""Stage: labeled texts → examples for fine-tuning and evaluation."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping

from pd_bert.costs.cost import Cost, require_known
from pd_bert.costs.estimate_prepare import Part
from pd_bert.costs.probe import Probe
from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.shards import chunked
from pd_bert.data.source import Row, Source, nonempty, rows_of
from pd_bert.data.sources.held import Held
from pd_bert.data.survey import Survey
from pd_bert.stages.base import Context, Info
from pd_bert.stages.data_set import DataSet
from pd_bert.stages.prepare import Prepare, row_size
from pd_bert.tasks.text_task import TextTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareTask(Prepare):
    """D_L: a folder a split; the label names are kept in the artifact.

    Splits without labels lie beside the others, and the artifact lists them apart.
    """

    name: str = "task"
    task: TextTask

    def check(self) -> None:
        super().check()
        self.task.check()

    def share_work(self, context: Context) -> None:
        labels = self.task.find_labels()
        file, lowercase = self._vocabulary_file(context)
        without_labels = EncodeRows(
            vocabulary=file,
            lowercase=lowercase,
            sequence_length=self.sequence_length,
            pairs=self._pairs(),
        )
        with_labels = dataclasses.replace(
            without_labels,
            encode_label=functools.partial(self.task.encode_label, labels=labels),
        )
        for split, source in self.task.splits.items():
            chunks = functools.partial(self._chunks, split, source)
            self._write(context, split, chunks, with_labels, self.task.spec())
        for split, source in self.task.unlabeled_splits.items():
            chunks = functools.partial(self._chunks, split, source)
            self._write(context, split, chunks, without_labels, TOKENS)

    def run(self, context: Context) -> Info:
        self.share_work(context)
        info: Info = {
            "labels": list(self.task.find_labels()),
            "pairs": self._pairs(),
            "task": self.task.describe(),
        }
        for split in self.task.splits:
            info[split] = self._finish(context, split, self.task.spec())
        if self.task.unlabeled:
            info["unlabeled"] = {
                split: self._finish(context, split, TOKENS)
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

    def _pairs(self) -> bool:
        """Whether the rows have two texts; the first one tells."""
        rows = nonempty(self.task.train.rows(), f"{self.task.name}, split train")
        return next(rows).text_b is not None

    def result_columns(self) -> Info:
        return {**super().result_columns(), "task": self.task.name}

    def _chunks(self, split: str, source: Source) -> Iterator[list[Row]]:
        rows = nonempty(source.rows(), f"{self.task.name}, split {split}")
        return chunked(rows, row_size, self.shard_characters)

    def parts(self, inputs: Mapping[str, Info], probe: Probe) -> Iterator[Part]:
        unlabeled = self.task.unlabeled_splits
        encode = EncodeRows(
            vocabulary=require_known(inputs, "vocabulary", "vocabulary_file"),
            lowercase=require_known(inputs, "vocabulary", "lowercase"),
            sequence_length=self.sequence_length,
            pairs=_first(self._sample(probe)).text_b is not None,
        )
        labeled = dataclasses.replace(encode, encode_label=_no_label)
        for split, source in {**self.task.splits, **unlabeled}.items():
            yield Part(
                folder=split,
                source=source,
                read=rows_of,
                size=row_size,
                encode=encode if split in unlabeled else labeled,
                spec=TOKENS if split in unlabeled else self.task.spec(),
            )

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        sample = self._sample(probe)  # which a run also reads first, for the labels
        cost, info = super().estimate(inputs, probe)
        cost += Cost(seconds=sample.seconds)
        # A part of the rows may lack a label, and a file may be sorted by it.
        whole = dataclasses.replace(self.task, train=Held(held=tuple(sample.items)))
        labels = (whole if sample.whole else self.task).find_labels()
        return cost, {
            **info,
            "labels": list(labels),
            "pairs": _first(sample).text_b is not None,
        }

    def _sample(self, probe: Probe) -> Survey:
        """Some rows to train on; InputError if there are none."""
        sample = probe.survey(self.task.train, rows_of)
        list(nonempty(sample.items[:1], f"{self.task.name}, split train"))
        return sample


def _first(sample: Survey) -> Row:
    row: Row = sample.items[0]
    return row


def _no_label(row: Row) -> int:
    """Labels take the same room whatever they are."""
    return 0


def expected_splits(
    task_data: PrepareTask, inputs: Mapping[str, Info]
) -> dict[str, ExpectedRecords]:
    """The splits of `task_data`, prepared or not, that models are measured on."""
    splits = require_known(inputs, "task_data", "splits")
    return {split: splits[split] for split in task_data.task.splits if split != "train"}
