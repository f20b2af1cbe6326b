"""Stage: take an existing vocabulary."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import ClassVar

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.cost import Cost
from pd_bert.costs.probe import Probe
from pd_bert.data.files import expand
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadVocabulary(Stage):
    """A vocabulary file in BERT's format, a token a line."""

    name: str = "read"
    file: str
    lowercase: bool = True

    kind: ClassVar[str] = "vocabulary"

    def check(self) -> None:
        self._read()

    def input_files(self) -> dict[str, pathlib.Path]:
        return {"file": expand(self.file)[0]}

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        vocabulary = self._read()
        return {**vocabulary_info(vocabulary), "vocabulary_size": len(vocabulary)}

    def run(self, context: Context) -> Info:
        vocabulary = self._read()
        vocabulary.write(context.directory / "vocab.txt")
        return {**vocabulary_info(vocabulary), "vocabulary_size": len(vocabulary)}

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        file = expand(self.file)[0]
        return Cost(seconds=0.1, disk_bytes=file.stat().st_size), {
            "vocabulary_file": file,
            "lowercase": self.lowercase,
            "vocabulary_size": len(self._read()),
        }

    def _read(self) -> Vocabulary:
        return Vocabulary.read(expand(self.file)[0], lowercase=self.lowercase)
