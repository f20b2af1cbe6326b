"""The base of the stages that turn text into TFRecords."""

import abc
import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import tqdm

from pd_bert.artifact import Artifact, vocabulary_info
from pd_bert.costs.work import Encode, Works
from pd_bert.data.example_spec import ExampleSpec
from pd_bert.data.shards import require_examples, write_manifest, write_shards
from pd_bert.data.source import Row
from pd_bert.data.surveyor import Encoding, Surveyor
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.system import interrupt
from pd_bert.training.runtime import Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepare(Stage):
    """Text → shards of examples, `shard_characters` of text each.

    The vocabulary is that of the artifact of `vocabulary`: a vocabulary stage, or an
    encoder that brings its own.
    """

    vocabulary: Stage
    sequence_length: int = 128
    shard_characters: int = 8_000_000

    kind: ClassVar[str] = "prepare"

    @abc.abstractmethod
    def encodings(self, outline: Outline) -> Mapping[str, Encoding]:
        """The data sets that it makes, by folder; `outline` is the stage's own.

        Raises NotKnownError where the vocabulary or the inputs are not known.
        """

    @abc.abstractmethod
    def described(self, outline: Outline, counts: Mapping[str, Info]) -> Info:
        """The artifact's entries on its data; `counts` is examples, bytes by folder."""

    def of_rows(self, survey: Surveyor | None) -> Mapping[str, Any]:
        """The fields of the outline that the source's rows decide, or samples do."""
        return {}

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = dataclasses.replace(
            super().outline(inputs, survey), sequence_length=self.sequence_length
        )
        if survey is None or outline.vocabulary_file is None:
            return outline
        outline = dataclasses.replace(outline, **self.of_rows(survey))
        splits = {
            folder: survey.encoded(encoding).expected
            for folder, encoding in self.encodings(outline).items()
        }
        return dataclasses.replace(outline, splits=splits)

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        encodings = self.encodings(outline).values()
        return tuple(Encode(encoding=encoding) for encoding in encodings)

    def share_work(self, context: Context) -> None:
        for folder, encoding in self.encodings(self._own(context)).items():
            self._write(context, folder, encoding)

    def run(self, context: Context) -> Info:
        outline = self._own(context)
        encodings = self.encodings(outline)
        for folder, encoding in encodings.items():
            self._write(context, folder, encoding)
        counts = {
            folder: self._finish(context, folder, encoding.spec)
            for folder, encoding in encodings.items()
        }
        described = self.described(outline, counts)
        return {**described, **self._carry_vocabulary(context)}

    def _own(self, context: Context) -> Outline:
        """The outline when the vocabulary is there and all rows can be read."""
        vocabulary = Outline.of(context.artifact(self.vocabulary))
        return dataclasses.replace(vocabulary, **self.of_rows(None))

    def _write(self, context: Context, folder: str, encoding: Encoding) -> None:
        """The shards of one data set; several processes may call it at once."""
        if folder:
            (context.directory / folder).mkdir(exist_ok=True)
        with tqdm.tqdm(
            desc=f"{context.where} {folder}".strip(), unit=" examples", mininterval=1
        ) as bar:
            write_shards(
                encoding.chunks,
                encoding.encode,
                spec=encoding.spec,
                directory=context.directory / folder,
                processes=context.runtime.workers if _several(encoding) else 0,
                progress=bar.update,
                stop=interrupt.check,
            )

    def _finish(self, context: Context, folder: str, spec: ExampleSpec) -> Info:
        """The manifest of a data set whose shards are all written."""
        vocabulary = context.artifact(self.vocabulary)
        directory = context.directory / folder
        manifest = write_manifest(
            directory,
            spec=spec,
            description={
                "vocabulary": vocabulary["vocabulary"],
                "sequence_length": self.sequence_length,
                "settings": self.settings(context.runtime),
            },
        )
        require_examples(manifest, f"{context.where} {folder}".strip())
        return {"count": manifest["count"], "bytes": manifest["bytes"]}

    def _carry_vocabulary(self, context: Context) -> Info:
        """Copies the vocabulary into the artifact, so that it stands alone."""
        artifact: Artifact = context.artifact(self.vocabulary)
        vocabulary = artifact.vocabulary()
        vocabulary.write(context.directory / "vocab.txt")
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "sequence_length": self.sequence_length,
        }


def _several(encoding: Encoding) -> bool:
    """Returns if there is more than one chunk, so that workers are worth starting."""
    return len(list(itertools.islice(encoding.chunks(), 2))) > 1


def row_size(row: Row) -> int:
    """The characters of a row's texts."""
    return row.size
