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
from pd_bert.models.network import Network
from pd_bert.models.outputs import EVERY_HEAD, Outputs, Wanted
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
        self._network = Network.of(architecture, heads, vocabulary_size)
        self._head_values = dict(heads)
        rate = getattr(architecture, "dropout", 0.0) if dropout is None else dropout
        self.encoder = architecture.build(vocabulary_size, dropout=dropout)
        self.head_layers = {
            name: tuple(head.build(self.encoder, dropout=rate))
            for name, head in heads.items()
        }
        make_stateless(self.layers)

    @classmethod
    def of(cls, network: Network, *, dropout: float | None = None) -> "Model":
        """Returns a model of this network, with random weights."""
        heads = dict(network.heads)
        size = network.vocabulary_size
        return cls(network.architecture, heads, size, dropout=dropout)

    @property
    def architecture(self) -> Architecture:
        return self._network.architecture

    @property
    def network(self) -> Network:
        return self._network

    @property
    def head_values(self) -> dict[str, Head]:
        """The heads by name."""
        return dict(self._head_values)

    @property
    def layers(self) -> list[keras.layers.Layer]:
        heads = (layer for layers in self.head_layers.values() for layer in layers)
        return [*self.encoder.layers, *heads]

    @property
    def weights(self) -> list[keras.Variable]:
        """Trainable weights in a fixed order; tied ones once."""
        every = [w for layer in self.layers for w in layer.trainable_weights]
        return list({id(weight): weight for weight in every}.values())

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(weight.shape)) for weight in self.weights)

    def parts(self) -> dict[str, list[keras.Variable]]:
        """Returns all weights by named part: those of the encoder, then the heads."""
        heads = {name: self.head_weights(name) for name in self.head_layers}
        return {**self.encoder.parts(), **heads}

    def head_weights(self, name: str) -> list[keras.Variable]:
        """Returns a head's weights without those that it shares with the encoder."""
        shared = {id(w) for layer in self.encoder.layers for w in layer.weights}
        return [
            weight
            for layer in self.head_layers[name]
            for weight in layer.trainable_weights
            if id(weight) not in shared
        ]

    def __call__(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool = False,
        wanted: Wanted = EVERY_HEAD,
    ) -> Outputs:
        """Runs encoder and heads; logits are cast to float32 for a stable softmax."""
        outputs = self.encoder(
            inputs, training=training, wanted=self._network.encoder_outputs(wanted)
        )
        logits = {
            name: tf.cast(
                head.logits(self.head_layers[name], outputs, inputs, training=training),
                tf.float32,
            )
            for name, head in self._head_values.items()
            if wanted.heads is None or name in wanted.heads
        }
        first = {layer: outputs.hidden[layer][:, 0] for layer in wanted.first}
        return outputs._replace(logits=logits, first=first)

    def save(self, directory: pathlib.Path) -> None:
        """Writes `encoder/`, `heads.npz` and `model.json` into `directory`."""
        folder = directory / "encoder"
        folder.mkdir(exist_ok=True)  # from a run that was killed here
        self.encoder.save(folder)
        arrays: dict[str, Any] = {
            f"{name}/{index}": np.asarray(weight)
            for name in self.head_layers
            for index, weight in enumerate(self.head_weights(name))
        }
        np.savez(directory / "heads.npz", **arrays)
        described = {
            "architecture": to_json(self.architecture),
            "heads": {name: to_json(head) for name, head in self._head_values.items()},
            "vocabulary_size": self.encoder.vocabulary_size,
        }
        (directory / "model.json").write_text(json.dumps(described, indent=2) + "\n")

    @classmethod
    def load(cls, directory: pathlib.Path, *, dropout: float | None = 0.0) -> "Model":
        """Reads what `save` wrote."""
        model = cls.of(saved_network(directory), dropout=dropout)
        model.encoder.load(directory / "encoder")
        with np.load(directory / "heads.npz", allow_pickle=False) as arrays:
            for name in model.head_layers:
                for index, weight in enumerate(model.head_weights(name)):
                    weight.assign(arrays[f"{name}/{index}"])
        return model


def saved_network(directory: pathlib.Path) -> Network:
    """Returns the network of a saved model; InputError if the folder holds none."""
    path = directory / "model.json"
    if not path.is_file():
        raise InputError(f"a model's folder holds model.json; {directory} does not")
    described = json.loads(path.read_text())
    return Network.of(
        from_json(described["architecture"], Architecture, where=str(path)),
        from_json(described["heads"], Mapping[str, Head], where=str(path)),
        described["vocabulary_size"],
    )
