"""Stage: a SavedModel that takes raw text."""

import dataclasses
import pathlib
from typing import Any, ClassVar

import keras
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.costs.work import CopyModel, Works
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.export.serving import ServedModel
from pd_bert.models.model import Model
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.system.atomic import write_json
from pd_bert.tasks.labeled_task import task_over
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.training.runtime import Runtime

DESCRIPTION = "assets.extra/pd_bert.json"
"""Beside saved_model.pb, where SavedModel keeps room for files of its users."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SavedModel(Stage):
    """Writes `saved_model/`, which needs only tensorflow and tensorflow-text."""

    name: str = ""
    model: Stage

    kind: ClassVar[str] = "export"
    named_after: ClassVar[str] = "model"

    def result_columns(self) -> Info:
        return self.model.result_columns()

    def run(self, context: Context) -> Info:
        artifact = context.artifact(self.model)
        directory = context.directory / "saved_model"
        export(artifact, directory)
        size = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file())
        return {
            "labels": list(artifact.labels),
            "parameters": artifact["parameters"],
            "size_bytes": size,
        }

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        outline = super().outline(inputs, survey)
        return dataclasses.replace(outline, network=inputs["model"].network)

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        network = outline.require_network()
        # Layers, not weights, are what takes time to trace and write.
        layers = getattr(network.architecture, "num_layers", 12)
        # The tokenizer's table, and the graph of every signature.
        added = 32 * network.vocabulary_size + (1 << 19)
        export = CopyModel(
            network=network, passes=2, seconds=2.0 + 0.5 * layers, added_bytes=added
        )
        return (export,)


def served(artifact: Artifact) -> ServedModel:
    """The model of an artifact, with its tokenizer, in float32."""
    if not artifact.labels:
        raise InputError(
            f"only a model with a task's head can be served; {artifact.directory} has "
            "no labels"
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = Model.load(artifact.directory)
    finally:
        keras.config.set_dtype_policy(policy)
    return ServedModel(
        model,
        Tokenizer(artifact.vocabulary(), sequence_length=artifact["sequence_length"]),
        task_over(artifact["task"]),
        labels=artifact.labels,
        inputs=tuple(artifact["inputs"]),
    )


def describe(artifact: Artifact) -> dict[str, Any]:
    """Returns what a user of the exported model must know: labels in order, inputs …"""
    keys = ("labels", "inputs", "task", "sequence_length", "lowercase", "vocabulary")
    return {
        "model": f"{artifact['kind']}-{artifact['name']}",
        "fingerprint": artifact["fingerprint"],
        **{key: artifact[key] for key in keys},
    }


def export(artifact: Artifact, directory: pathlib.Path) -> None:
    """Writes the SavedModel; a plain tf.Module stores every weight once."""
    module = served(artifact)
    tf.saved_model.save(module, str(directory), signatures=module.signatures())
    path = directory / DESCRIPTION
    path.parent.mkdir(exist_ok=True)
    write_json(path, describe(artifact))
