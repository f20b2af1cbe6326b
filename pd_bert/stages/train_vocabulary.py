"""Stage: train a WordPiece vocabulary."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pd_bert.data.source import Source, nonempty
from pd_bert.stages.artifact import vocabulary_info
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.text.train_vocabulary import train_vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainVocabulary(Stage):
    """A vocabulary of `size` pieces, trained on the first `max_characters` of text.

    The bound keeps the table of words, and with it the memory, from growing with the
    corpus; 200 million characters hold every word that matters.
    """

    name: str = "trained"
    source: Source
    size: int = 30522
    lowercase: bool = True
    max_characters: int = 200_000_000

    kind: ClassVar[str] = "vocabulary"

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        return {"vocabulary_size": self.size}

    def run(self, context: Context) -> Info:
        vocabulary = train_vocabulary(
            self._texts(), size=self.size, lowercase=self.lowercase
        )
        vocabulary.write(context.directory / "vocab.txt")
        return {**vocabulary_info(vocabulary), "vocabulary_size": len(vocabulary)}

    def _texts(self) -> Iterator[str]:
        taken = 0
        for document in nonempty(self.source.documents(), str(self.source)):
            for text in document:
                if taken >= self.max_characters:
                    return
                taken += len(text)
                yield text
