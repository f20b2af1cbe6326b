"""Stage: take a model that others trained."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import ClassVar

from pd_bert.artifact import vocabulary_info
from pd_bert.costs.cost import Cost
from pd_bert.costs.estimate_training import model_bytes
from pd_bert.costs.probe import Probe
from pd_bert.data.files import expand_folder
from pd_bert.formats.artifact import model_info, write_parts
from pd_bert.formats.known import recognize
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.system import memory
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

    def promise(self, inputs: Mapping[str, Info], where: str) -> Info:
        folder = expand_folder(self.folder)
        source = recognize(folder)
        source.check(folder, self.lowercase)
        vocabulary = source.vocabulary(folder, self.lowercase)
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "architecture": to_json(source.architecture(folder)),
            "labels": list(source.labels(folder)),
        }

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

    def estimate(self, inputs: Mapping[str, Info], probe: Probe) -> tuple[Cost, Info]:
        folder = expand_folder(self.folder)
        source = recognize(folder)
        vocabulary = source.vocabulary(folder, self.lowercase)
        file = probe.directory / f"{vocabulary.fingerprint}.txt"
        vocabulary.write(file)
        architecture = source.architecture(folder)
        network = Network(
            architecture=architecture, heads=(), vocabulary_size=len(vocabulary)
        )
        # Read, converted and written.
        seconds = 3.0 + 3 * model_bytes(network) / 2e8
        memory_bytes = memory.peak_bytes() + 3 * model_bytes(network)
        cost = Cost(
            seconds=seconds,
            memory_bytes=memory_bytes,
            disk_bytes=model_bytes(network),
        )
        return cost, {
            "vocabulary_file": file,
            "lowercase": vocabulary.lowercase,
            "vocabulary_size": len(vocabulary),
            "labels": list(source.labels(folder)),
            "architecture": architecture,
            "heads": {},
            "parameters": network.parameters,
        }
