"""Stage: unlabeled texts → examples for the teacher to label."""

import dataclasses
from collections.abc import Iterator, Mapping

from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.shards import chunked
from pd_bert.data.source import Row, Source, nonempty, rows_of
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.stages.base import Context, Info
from pd_bert.stages.outline import Outline, Outlines, input_names, require_known
from pd_bert.stages.prepare import Prepare, row_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareTransfer(Prepare):
    """D_T: an example a row; labels, if the source has some, are dropped."""

    name: str = "transfer"
    source: Source
    # Small shards: what a killed label stage has to do again is one of them.
    shard_characters: int = 2_000_000
    pairs: bool = False

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = super().outline(inputs, survey)
        return dataclasses.replace(outline, inputs=input_names(self.pairs))

    def share_work(self, context: Context) -> None:
        file, lowercase = self._vocabulary_file(context)
        encode = EncodeRows(
            vocabulary=file,
            lowercase=lowercase,
            sequence_length=self.sequence_length,
            pairs=self.pairs,
        )
        self._write(context, "", self._chunks, encode, TOKENS)

    def run(self, context: Context) -> Info:
        self.share_work(context)
        info = self._finish(context, "", TOKENS)
        return {**info, "pairs": self.pairs, **self._carry_vocabulary(context)}

    def _chunks(self) -> Iterator[list[Row]]:
        rows = nonempty(self.source.rows(), str(self.source))
        return chunked(rows, row_size, self.shard_characters)

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        encoding = Encoding(
            source=self.source,
            read=rows_of,
            size=row_size,
            encode=EncodeRows(
                vocabulary=require_known(outline.vocabulary_file, "vocabulary"),
                lowercase=require_known(outline.lowercase, "vocabulary"),
                sequence_length=self.sequence_length,
                pairs=self.pairs,
            ),
            spec=TOKENS,
            sequence_length=self.sequence_length,
            shard_characters=self.shard_characters,
        )
        return {"": encoding}
