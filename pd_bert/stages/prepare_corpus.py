"""Stage: documents → windows for masked-LM pre-training."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

from pd_bert.data.encode_corpus import Document, EncodeCorpus
from pd_bert.data.shards import chunked
from pd_bert.data.source import Source, documents_of, nonempty
from pd_bert.data.surveyor import Encoding
from pd_bert.stages.base import Context, Info
from pd_bert.stages.outline import Outline, require_known
from pd_bert.stages.prepare import Prepare
from pd_bert.tasks.masked_lm import corpus_spec


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareCorpus(Prepare):
    """D_LM. With `next_sentence`, pairs as BERT draws them; else full windows."""

    name: str = "corpus"
    source: Source
    next_sentence: bool = True
    short_probability: float = 0.1
    seed: int = 0

    def share_work(self, context: Context) -> None:
        encode = self._encode(*self._vocabulary_file(context))
        spec = corpus_spec(self.next_sentence)
        self._write(context, "", self._chunks, encode, spec)

    def run(self, context: Context) -> Info:
        self.share_work(context)
        info = self._finish(context, "", corpus_spec(self.next_sentence))
        return {**info, **self._carry_vocabulary(context)}

    def _chunks(self) -> Iterator[tuple[int, list[Document]]]:
        documents = nonempty(self.source.documents(), str(self.source))
        sized = chunked(documents, _size, self.shard_characters)
        return enumerate(sized)

    def _encode(self, file: pathlib.Path, lowercase: bool) -> EncodeCorpus:
        return EncodeCorpus(
            vocabulary=file,
            lowercase=lowercase,
            sequence_length=self.sequence_length,
            next_sentence=self.next_sentence,
            short_probability=self.short_probability,
            seed=self.seed,
        )

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        file = require_known(outline.vocabulary_file, "vocabulary")
        lowercase = require_known(outline.lowercase, "vocabulary")
        encoding = Encoding(
            source=self.source,
            read=documents_of,
            size=_size,
            encode=self._encode(file, lowercase),
            spec=corpus_spec(self.next_sentence),
            sequence_length=self.sequence_length,
            shard_characters=self.shard_characters,
            chunk=_numbered,
        )
        return {"": encoding}


def _numbered(number: int, documents: list[Document]) -> tuple[int, list[Document]]:
    return number, documents


def _size(document: Document) -> int:
    return sum(map(len, document))
