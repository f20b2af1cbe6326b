"""Stage: unlabeled texts → examples for the teacher to label."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.example_spec import TOKENS, ExampleSpec
from pd_bert.data.shards import chunked
from pd_bert.data.source import Row, Source, inputs_of, nonempty, rows_of
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.stages.base import Context, Info
from pd_bert.stages.outline import Outline, require_known
from pd_bert.stages.prepare import Prepare, row_size
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.text.tokenizer import encode_texts


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareTransfer(Prepare):
    """D_T: one example per row; labels, if the source has some, are dropped.

    Texts and pairs of texts are packed as classifications and regressions take them;
    for another kind of task, `task` makes the examples.
    """

    name: str = "transfer"
    source: Source
    # Small shards: what a killed label stage has to do again is one of them.
    shard_characters: int = 2_000_000
    task: LabeledTask | None = None

    def share_work(self, context: Context) -> None:
        self._share(context)

    def run(self, context: Context) -> Info:
        inputs = self._share(context)
        info = self._finish(context, "", self._spec)
        return {**info, "inputs": list(inputs), **self._carry_vocabulary(context)}

    def _share(self, context: Context) -> tuple[str, ...]:
        """Writes shards; returns the names of the rows' texts."""
        inputs = inputs_of(self.source.rows(), str(self.source))
        encode = self._encode(*self._vocabulary_file(context), inputs)
        self._write(context, "", self._chunks, encode, self._spec)
        return inputs

    @property
    def _spec(self) -> ExampleSpec:
        return TOKENS if self.task is None else self.task.encoded_spec

    def _encode(
        self, file: pathlib.Path, lowercase: bool, inputs: tuple[str, ...]
    ) -> EncodeRows:
        return EncodeRows(
            vocabulary=file,
            lowercase=lowercase,
            sequence_length=self.sequence_length,
            inputs=inputs,
            encode=encode_texts if self.task is None else self.task.encode,
            encoded=self._spec,
        )

    def _chunks(self) -> Iterator[list[Row]]:
        rows = nonempty(self.source.rows(), str(self.source))
        return chunked(rows, row_size, self.shard_characters)

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        encoding = Encoding(
            source=self.source,
            read=rows_of,
            size=row_size,
            encode=self._encode(
                require_known(outline.vocabulary_file, "vocabulary"),
                require_known(outline.lowercase, "vocabulary"),
                require_known(outline.inputs, "its inputs"),
            ),
            spec=self._spec,
            sequence_length=self.sequence_length,
            shard_characters=self.shard_characters,
        )
        return {"": encoding}

    def rows(self, survey: Surveyor) -> Mapping[str, Any]:
        items = survey.first(self.source, rows_of).items
        return {"inputs": inputs_of(items, str(self.source))}
