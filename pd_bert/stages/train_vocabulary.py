"""Stage: train a WordPiece vocabulary."""

import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.cost import Cost
from pd_bert.costs.probe import Probe
from pd_bert.data.source import Source, documents_of, nonempty
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.system import memory
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

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        """Trains one on a sample, with which the readers' texts are encoded."""
        memory.reset_peak()
        found = probe.survey(self.source, documents_of)
        texts = [text for document in found.items for text in document]
        begin = time.perf_counter()
        vocabulary = train_vocabulary(texts, size=self.size, lowercase=self.lowercase)
        seconds = time.perf_counter() - begin
        kept = sum(map(len, texts))
        characters = kept * found.count / len(found.items)
        share = min(1.0, self.max_characters / characters)
        file = probe.directory / f"{vocabulary.fingerprint}.txt"
        vocabulary.write(file)
        cost = Cost(
            seconds=share * (found.seconds + seconds * characters / kept),
            memory_bytes=memory.peak_bytes(),
            disk_bytes=file.stat().st_size,
            exact=found.exact,
        )
        return cost, {
            "vocabulary_file": file,
            "lowercase": self.lowercase,
            # A sample may have too few words for so many pieces.
            "vocabulary_size": len(vocabulary) if found.whole else self.size,
        }

    def _texts(self) -> Iterator[str]:
        taken = 0
        for document in nonempty(self.source.documents(), str(self.source)):
            for text in document:
                if taken >= self.max_characters:
                    return
                taken += len(text)
                yield text
