"""Stage: labeled texts → examples for fine-tuning and evaluation."""

import dataclasses
import functools
from collections.abc import Iterator

from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.shards import chunked
from pd_bert.data.source import Row, Source, nonempty
from pd_bert.stages.base import Context, Info
from pd_bert.stages.prepare import Prepare, row_size
from pd_bert.tasks.text_task import TextTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareTask(Prepare):
    """D_L: a folder a split; the label names are kept in the artifact."""

    name: str = "task"
    task: TextTask

    def run(self, context: Context) -> Info:
        labels = self.task.find_labels()
        file, lowercase = self._vocabulary_file(context)
        info: Info = {"labels": list(labels), "task": self.task.describe()}
        spec = self.task.spec()
        for split, source in self.task.splits.items():
            where = f"{self.task.name}, split {split}"
            rows = functools.partial(self._chunks, source, where)
            first = next(nonempty(source.rows(), where))
            encode = EncodeRows(
                vocabulary=file,
                lowercase=lowercase,
                sequence_length=self.sequence_length,
                pairs=first.text_b is not None,
                encode_label=functools.partial(self.task.encode_label, labels=labels),
            )
            self._write(context, split, rows, encode, spec)
            info[split] = self._finish(context, split, spec)
            info["pairs"] = first.text_b is not None
        return {**info, **self._carry_vocabulary(context)}

    def row(self) -> Info:
        return {**super().row(), "task": self.task.name}

    def _chunks(self, source: Source, where: str) -> Iterator[list[Row]]:
        rows = nonempty(source.rows(), where)
        return chunked(rows, row_size, self.shard_characters)
