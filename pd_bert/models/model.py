"""An encoder with its heads."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.dropout import make_stateless
from pd_bert.models.encoder import Architecture
from pd_bert.models.heads import Head
from pd_bert.models.initialization import Initialization
from pd_bert.models.outputs import Outputs
from pd_bert.values import from_json, to_json


class Model(tf.Module):
    """An encoder and named heads over it; weights are made on construction.

    With `dropout` 0 the model has no random state at all, as a server wants it.
    """

    def __init__(
        self,
        architecture: Architecture,
        heads: Mapping[str, Head],
        vocabulary_size: int,
        *,
        dropout: float | None = None,
    ) -> None:
        super().__init__(name="model")
        self._architecture = architecture
        self._head_values = dict(heads)
        rate = getattr(architecture, "dropout", 0.0) if dropout is None else dropout
        self.encoder = architecture.build(vocabulary_size, dropout=dropout)
        self.heads = {
            name: head.build(self.encoder, dropout=rate)
            for name, head in self._head_values.items()
        }
        make_stateless(self.layers)

    @property
    def architecture(self) -> Architecture:
        return self._architecture

    @property
    def head_values(self) -> dict[str, Head]:
        """What the heads were built from, by name."""
        return dict(self._head_values)

    @property
    def layers(self) -> list[keras.layers.Layer]:
        heads = (layer for head in self.heads.values() for layer in head.layers)
        return [*self.encoder.layers, *heads]

    @property
    def weights(self) -> list[keras.Variable]:
        """Trainable weights in a fixed order; tied ones once."""
        every = [w for layer in self.layers for w in layer.trainable_weights]
        return list({id(weight): weight for weight in every}.values())

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(weight.shape)) for weight in self.weights)

    def __call__(
        self,
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool = False,
        attention_scores: bool = False,
    ) -> Outputs:
        """Runs encoder and heads; logits are cast to float32 for stable softmax."""
        output = self.encoder(
            inputs, training=training, attention_scores=attention_scores
        )
        logits = {
            name: tf.cast(head(output, inputs, training=training), tf.float32)
            for name, head in self.heads.items()
        }
        return Outputs(logits=logits, encoder=output)

    def save(self, directory: pathlib.Path) -> None:
        """Writes `encoder/`, `heads.npz` and `model.json` into `directory`."""
        folder = directory / "encoder"
        folder.mkdir(exist_ok=True)  # from a run that was killed here
        self.encoder.save(folder)
        arrays: dict[str, Any] = {
            f"{name}/{index}": np.asarray(weight)
            for name in self.heads
            for index, weight in enumerate(self._own_weights(name))
        }
        np.savez(directory / "heads.npz", **arrays)
        described = {
            "architecture": to_json(self._architecture),
            "heads": {name: to_json(head) for name, head in self._head_values.items()},
            "vocabulary_size": self.encoder.vocabulary_size,
        }
        (directory / "model.json").write_text(json.dumps(described, indent=2) + "\n")

    def _own_weights(self, name: str) -> list[keras.Variable]:
        """A head's weights without those it shares with the encoder."""
        shared = {id(w) for layer in self.encoder.layers for w in layer.weights}
        return [
            weight
            for layer in self.heads[name].layers
            for weight in layer.trainable_weights
            if id(weight) not in shared
        ]

    @classmethod
    def load(cls, directory: pathlib.Path, *, dropout: float | None = 0.0) -> "Model":
        """Reads what `save` wrote."""
        model = cls(
            saved_architecture(directory),
            saved_heads(directory),
            describe(directory)["vocabulary_size"],
            dropout=dropout,
        )
        model.encoder.load(directory / "encoder")
        model.load_heads(directory, tuple(model.heads))
        return model

    def load_heads(self, directory: pathlib.Path, names: tuple[str, ...]) -> None:
        """Reads the named heads' weights from a saved model with the same heads."""
        with np.load(directory / "heads.npz", allow_pickle=False) as arrays:
            for name in names:
                for index, weight in enumerate(self._own_weights(name)):
                    weight.assign(arrays[f"{name}/{index}"])

    def initialize(
        self, initial: "Model", initialization: Initialization, where: str
    ) -> dict[str, list[str]]:
        """Takes what `initialization` chooses of an initial model.

        Returns the names of the parts and heads that were `taken` and of those that are
        left `random`. Raises InputError where a shape differs.
        """
        chosen = initialization.check(
            (self._architecture, self.encoder.vocabulary_size),
            (initial.architecture, initial.encoder.vocabulary_size),
            where,
        )
        mine, its = self.encoder.parts(), initial.encoder.parts()
        for name in chosen:
            _copy(mine[name], its[name])
        heads = [
            name
            for name, head in self._head_values.items()
            if initialization.heads and initial.head_values.get(name) == head
        ]
        for name in heads:
            _copy(self._own_weights(name), initial._own_weights(name))
        taken = [*chosen, *heads]
        every = [*mine, *self.heads]
        return {"taken": taken, "random": [name for name in every if name not in taken]}


def _copy(mine: list[keras.Variable], its: list[keras.Variable]) -> None:
    for weight, value in zip(mine, its, strict=True):
        weight.assign(np.asarray(value))


def saved_architecture(directory: pathlib.Path) -> Architecture:
    """Returns the architecture of a saved model."""
    where = str(directory / "model.json")
    return from_json(describe(directory)["architecture"], Architecture, where=where)


def saved_heads(directory: pathlib.Path) -> dict[str, Head]:
    """Returns the heads of a saved model by name."""
    where = str(directory / "model.json")
    return from_json(describe(directory)["heads"], Mapping[str, Head], where=where)


def describe(directory: pathlib.Path) -> dict[str, Any]:
    """The `model.json` of a saved model."""
    path = directory / "model.json"
    if not path.is_file():
        raise InputError(f"a model's folder holds model.json; {directory} does not")
    return json.loads(path.read_text())
