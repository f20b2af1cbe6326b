"""Stage: train a WordPiece vocabulary."""

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.work import LearnVocabulary, Works
from pd_bert.data.source import Source, nonempty
from pd_bert.data.surveyor import Surveyor
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.text.train_vocabulary import train_vocabulary
from pd_bert.training.runtime import Runtime


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

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        if survey is None:
            return Outline(vocabulary_size=self.size, lowercase=self.lowercase)
        found = survey.vocabulary(self.source, size=self.size, lowercase=self.lowercase)
        return Outline(
            # A sample may have too few words for so many pieces.
            vocabulary_size=len(found.vocabulary) if found.whole else self.size,
            vocabulary_file=found.file,
            lowercase=self.lowercase,
        )

    def run(self, context: Context) -> Info:
        vocabulary = train_vocabulary(
            self._texts(), size=self.size, lowercase=self.lowercase
        )
        vocabulary.write(context.directory / "vocab.txt")
        return {**vocabulary_info(vocabulary), "vocabulary_size": len(vocabulary)}

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        learn = LearnVocabulary(
            source=self.source,
            size=self.size,
            lowercase=self.lowercase,
            max_characters=self.max_characters,
        )
        return (learn,)

    def _texts(self) -> Iterator[str]:
        taken = 0
        for document in nonempty(self.source.documents(), str(self.source)):
            for text in document:
                if taken >= self.max_characters:
                    return
                taken += len(text)
                yield text
