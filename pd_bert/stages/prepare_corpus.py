"""Stage: documents → windows for masked-LM pre-training."""

import dataclasses
from collections.abc import Mapping

from pd_bert.data.encode_corpus import Document, EncodeCorpus
from pd_bert.data.source import Source, documents_of
from pd_bert.data.surveyor import Encoding
from pd_bert.stages.base import Info
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

    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        encoding = Encoding(
            key=self,
            source=self.source,
            where=str(self.source),
            read=documents_of,
            size=_size,
            encode=EncodeCorpus(
                vocabulary=require_known(outline.vocabulary_file, "vocabulary"),
                lowercase=require_known(outline.lowercase, "vocabulary"),
                sequence_length=self.sequence_length,
                next_sentence=self.next_sentence,
                short_probability=self.short_probability,
                seed=self.seed,
            ),
            spec=corpus_spec(self.next_sentence),
            sequence_length=self.sequence_length,
            shard_characters=self.shard_characters,
            numbered=True,
        )
        return {"": encoding}

    def described(self, outline: Outline, counts: Mapping[str, Info]) -> Info:
        return counts[""]


def _size(document: Document) -> int:
    return sum(map(len, document))
