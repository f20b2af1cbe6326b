"""Stage: unlabeled texts → examples for the teacher to label."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.source import Source, inputs_of, rows_of
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.stages.base import Info
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

    def of_rows(self, survey: Surveyor | None) -> Mapping[str, Any]:
        return {"inputs": inputs_of(self.source.rows(), str(self.source))}

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        spec = TOKENS if self.task is None else self.task.encoded_spec
        encoding = Encoding(
            key=self,
            source=self.source,
            where=str(self.source),
            read=rows_of,
            size=row_size,
            encode=EncodeRows(
                vocabulary=require_known(outline.vocabulary_file, "vocabulary"),
                lowercase=require_known(outline.lowercase, "vocabulary"),
                sequence_length=self.sequence_length,
                inputs=require_known(outline.inputs, "its inputs"),
                encode=encode_texts if self.task is None else self.task.encode,
                encoded=spec,
            ),
            spec=spec,
            sequence_length=self.sequence_length,
            shard_characters=self.shard_characters,
        )
        return {"": encoding}

    def described(self, outline: Outline, counts: Mapping[str, Info]) -> Info:
        return {**counts[""], "inputs": list(outline.inputs or ())}
