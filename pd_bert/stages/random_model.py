"""Stage: a model that was never trained."""

import dataclasses
from typing import ClassVar

import keras

from pd_bert.artifact import save_model, vocabulary_info
from pd_bert.costs.work import CopyModel, Works
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.training.runtime import Runtime
from pd_bert.values import to_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomModel(Stage):
    """A model of a task with random weights, to measure size and speed.

    It can be exported and evaluated like a trained one; its answers mean nothing. Of
    the task's sources only the labels are read, and only if the task does not give
    them. `texts` names the texts of a row.
    """

    architecture: Architecture
    task: LabeledTask
    vocabulary: Stage
    sequence_length: int = 128
    texts: tuple[str, ...] = ("text",)
    seed: int = 0

    kind: ClassVar[str] = "random"
    is_method: ClassVar[bool] = True

    def check(self) -> None:
        super().check()
        self.task.check()
        if not self.texts:
            raise InputError(
                f"{self.where}: texts names the texts of a row; received none"
            )

    def result_columns(self) -> Info:
        return {
            "size": self.architecture.name,
            "task": self.task.name,
            "seed": self.seed,
        }

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = dataclasses.replace(
            super().outline(inputs, survey),
            inputs=self.texts,
            sequence_length=self.sequence_length,
        )
        if survey is None or outline.vocabulary_size is None:
            return outline  # labels may have to be read
        labels = self.task.find_labels()
        network = Network.of(
            self.architecture, self.task.heads(labels), outline.vocabulary_size
        )
        return dataclasses.replace(outline, labels=labels, network=network)

    def run(self, context: Context) -> Info:
        vocabulary = context.artifact(self.vocabulary).vocabulary()
        labels = self.task.find_labels()
        # Keras draws initial weights from the global generator.
        keras.utils.set_random_seed(self.seed)
        model = Model(self.architecture, self.task.heads(labels), len(vocabulary))
        save_model(model, context.directory)
        vocabulary.write(context.directory / "vocab.txt")
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "architecture": to_json(model.architecture),
            "facts": model.architecture.facts,
            "labels": list(labels),
            "inputs": list(self.texts),
            "task": self.task.describe(),
            "sequence_length": self.sequence_length,
            "parameters": model.parameters,
        }

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        return (CopyModel(network=outline.require_network(), passes=1, seconds=2.0),)
