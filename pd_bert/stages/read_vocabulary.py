"""Stage: take an existing vocabulary."""

import dataclasses
import pathlib
from typing import ClassVar

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.work import Fixed, Works
from pd_bert.data.files import expand
from pd_bert.data.surveyor import Surveyor
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadVocabulary(Stage):
    """A vocabulary file in BERT's format, one token per line."""

    name: str = "read"
    file: str
    lowercase: bool = True

    kind: ClassVar[str] = "vocabulary"

    def check(self) -> None:
        self._read()

    def input_files(self) -> dict[str, pathlib.Path]:
        return {"file": expand(self.file)[0]}

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        vocabulary = self._read()
        return Outline(
            vocabulary=vocabulary.fingerprint,
            vocabulary_size=len(vocabulary),
            vocabulary_file=expand(self.file)[0],
            lowercase=self.lowercase,
        )

    def run(self, context: Context) -> Info:
        vocabulary = self._read()
        vocabulary.write(context.directory / "vocab.txt")
        return {**vocabulary_info(vocabulary), "vocabulary_size": len(vocabulary)}

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        size = expand(self.file)[0].stat().st_size
        return (Fixed(seconds=0.1, disk_bytes=size),)

    def _read(self) -> Vocabulary:
        return Vocabulary.read(expand(self.file)[0], lowercase=self.lowercase)
