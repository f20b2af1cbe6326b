"""Stage: take a model that others trained."""

import dataclasses
import pathlib
from typing import ClassVar

from pd_bert.costs.work import CopyModel, Works
from pd_bert.data.files import expand_folder
from pd_bert.data.surveyor import Surveyor
from pd_bert.formats.artifact import model_info, write_parts
from pd_bert.formats.known import recognize
from pd_bert.models.heads import PooledHead
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.training.runtime import Runtime
from pd_bert.training.teacher import LABEL_HEAD
from pd_bert.values import to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoadEncoder(Stage):
    """A BERT encoder from a local folder, with the heads that lie in it.

    The folder is of any kind in `formats.known`: Hugging Face (config.json,
    model.safetensors, vocab.txt), a keras-nlp preset, a TensorFlow 1 checkpoint of
    BERT's reference code or an artifact. Masked-LM pre-training goes on from its heads;
    a classifier among them can be a teacher. `lowercase` None means as the folder says,
    and True where it says nothing.
    """

    folder: str
    lowercase: bool | None = None

    kind: ClassVar[str] = "load"

    def check(self) -> None:
        folder = expand_folder(self.folder)
        recognize(folder).check(folder, self.lowercase)

    def input_files(self) -> dict[str, pathlib.Path]:
        return {"folder": expand_folder(self.folder)}

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        folder = expand_folder(self.folder)
        source = recognize(folder)
        source.check(folder, self.lowercase)
        vocabulary = source.vocabulary(folder, self.lowercase)
        labels = tuple(source.labels(folder))
        return Outline(
            vocabulary=vocabulary.fingerprint,
            vocabulary_size=len(vocabulary),
            vocabulary_file=survey.write(vocabulary) if survey else None,
            lowercase=vocabulary.lowercase,
            labels=labels,
            network=Network.of(
                source.architecture(folder),
                {LABEL_HEAD: PooledHead(num_outputs=len(labels))} if labels else {},
                len(vocabulary),
            ),
            every_head=False,  # only reading the weights shows those of pre-training
        )

    def run(self, context: Context) -> Info:
        folder = expand_folder(self.folder)
        source = recognize(folder)
        checkpoint = source.read(folder, self.lowercase)
        print(f"{context.where}: {source.name}; {checkpoint.summary()}", flush=True)
        write_parts(checkpoint, context.directory)
        return {
            **model_info(checkpoint),
            "source": source.name,
            "architecture": to_json(checkpoint.model.architecture),
        }

    def result_columns(self) -> Info:
        return {**super().result_columns(), "size": self.name}

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        # Read, converted and written.
        network = outline.require_network()
        return (CopyModel(network=network, passes=3, seconds=3.0),)
