"""BiLSTM encoders over word embeddings."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import keras_nlp
import numpy as np
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.encoder import Encoder, PartShapes, Shapes, embed
from pd_bert.models.kept_embedding import CutVocabulary, KeptEmbedding
from pd_bert.models.lstm_layer import LstmLayer
from pd_bert.models.outputs import Outputs, Wanted

_WEIGHTS = "weights.npz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiLstm(CutVocabulary):
    """The student of Mukherjee and Awadallah (2020, Section 3.1).

    Word embeddings of width `embedding_dim`, dropout, one LSTM of `units` in each
    direction, dropout and, with `projection_dim`, a projection to that width with GELU.
    With `kept` the embeddings have so many rows; see `CutVocabulary`.
    """

    name: str
    embedding_dim: int
    units: int
    projection_dim: int | None = None
    dropout: float = 0.2
    kept: int | None = None

    num_layers = 1

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "units", "projection_dim", "kept"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(
                    f"{name} must be at least 1; {self.name} has {name} = {value}"
                )

    @property
    def hidden_dim(self) -> int:  # type: ignore[override]
        """The width of `sequence` and `pooled`."""
        return self.projection_dim or 2 * self.units

    def width(self, layer: int) -> int:
        return 2 * self.units if layer else self.embedding_dim

    @property
    def facts(self) -> dict[str, float]:
        return {
            **super().facts,
            "embedding_dim": self.embedding_dim,
            "units": self.units,
        }

    def build(
        self, vocabulary_size: int, *, dropout: float | None = None
    ) -> "BiLstmEncoder":
        if self.kept is not None and self.kept > vocabulary_size:
            raise InputError(
                f"an encoder has at most one row for each word piece; {self.name} has "
                f"kept = {self.kept}, the vocabulary {vocabulary_size} pieces"
            )
        rate = self.dropout if dropout is None else dropout
        return BiLstmEncoder(self, vocabulary_size, dropout=rate)

    def shapes(self, vocabulary_size: int) -> Shapes:
        e, h, p = self.embedding_dim, self.units, self.projection_dim
        table: PartShapes = ((vocabulary_size, e),)
        if self.kept is not None:
            table = ((self.kept, e), (vocabulary_size,))
        direction = ((e, 4 * h), (h, 4 * h), (4 * h,))
        found: Shapes = {"token_embedding": table, "layer_0": direction * 2}
        return found | ({"projection": ((2 * h, p), (p,))} if p else {})

    def flops(self, vocabulary_size: int, length: int) -> int:
        """The matrix products: L · (16h(e + h) + 4hp), L the length.

        The products of both directions with inputs and states, and the projection. The
        rest is a few operations for each state.
        """
        e, h, p = self.embedding_dim, self.units, self.projection_dim or 0
        return length * (16 * h * (e + h) + 4 * h * p)


class BiLstmEncoder(Encoder):
    """Embeddings, an LSTM in each direction, and the projection.

    Padding is on the right: the second direction runs over sequences that are reversed
    up to their own lengths, so padding comes after the tokens in both. `pooled` is the
    state of the first direction at the last token beside that of the second at the
    first one, projected.
    """

    def __init__(
        self, architecture: BiLstm, vocabulary_size: int, *, dropout: float
    ) -> None:
        super().__init__(name="bilstm")
        self.hidden_dim = architecture.hidden_dim
        self.vocabulary_size = vocabulary_size
        self._units = architecture.units
        width = architecture.embedding_dim
        uniform = keras.initializers.RandomUniform(-0.1, 0.1)
        self.token_embedding = (
            keras_nlp.layers.ReversibleEmbedding(
                vocabulary_size, width, embeddings_initializer=uniform, name="tokens"
            )
            if architecture.kept is None
            else KeptEmbedding(
                vocabulary_size,
                width,
                kept=architecture.kept,
                initializer=uniform,
                name="tokens",
            )
        )
        self.token_embedding.build()
        self.embeddings_dropout = keras.layers.Dropout(dropout)
        self.directions = [
            LstmLayer(architecture.units, name=name) for name in ("forward", "backward")
        ]
        for layer in self.directions:
            layer.build((None, None, width))
        self.states_dropout = keras.layers.Dropout(dropout)
        self.projection = None
        self.layers = [
            self.token_embedding,
            self.embeddings_dropout,
            *self.directions,
            self.states_dropout,
        ]
        if architecture.projection_dim is not None:
            self.projection = keras.layers.Dense(
                architecture.projection_dim,
                activation=self.activation,
                name="projection",
            )
            self.projection.build((None, 2 * architecture.units))
            self.layers.append(self.projection)

    def __call__(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool = False,
        wanted: Wanted = Wanted(sequence=True, pooled=True),  # noqa: B008 (frozen)
    ) -> Outputs:
        tokens = embed(self.token_embedding, inputs["token_ids"])
        embeddings = self.embeddings_dropout(tokens, training=training)
        found = Outputs(embeddings=embeddings if wanted.embeddings else None)
        if wanted.highest_layer == 0:
            return found
        lengths = tf.reduce_sum(tf.cast(inputs["padding_mask"], tf.int32), 1)
        states = self._states(embeddings, lengths, training=training)
        return found._replace(
            hidden=dict.fromkeys(wanted.hidden, states),
            sequence=self._projected(states) if wanted.sequence else None,
            pooled=self._projected(self._ends(states, lengths))
            if wanted.pooled
            else None,
        )

    def _states(
        self, embeddings: tf.Tensor, lengths: tf.Tensor, *, training: bool
    ) -> tf.Tensor:
        """Both directions side by side, [batch, length, 2 · units]."""
        one, other = self.directions
        x = tf.transpose(embeddings, [1, 0, 2])
        ahead = one(x, training=training)
        back = _reversed(other(_reversed(x, lengths), training=training), lengths)
        states = tf.transpose(tf.concat([ahead, back], -1), [1, 0, 2])
        states = tf.cast(states, embeddings.dtype)
        return self.states_dropout(states, training=training)

    def _ends(self, states: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The last state of each direction, [batch, 2 · units]."""
        last = tf.gather(states, tf.maximum(lengths - 1, 0), batch_dims=1)
        return tf.concat([last[:, : self._units], states[:, 0, self._units :]], -1)

    def _projected(self, states: tf.Tensor) -> tf.Tensor:
        return states if self.projection is None else self.projection(states)

    def parts(self) -> dict[str, list[keras.Variable]]:
        found = {
            "token_embedding": self.token_embedding.weights,
            "layer_0": [w for each in self.directions for w in each.trainable_weights],
        }
        if self.projection is not None:
            found["projection"] = self.projection.trainable_weights
        return found

    def save(self, directory: pathlib.Path) -> None:
        arrays: dict[str, Any] = {
            name: np.asarray(weight) for name, weight in self._named_weights().items()
        }
        np.savez(directory / _WEIGHTS, **arrays)

    def load(self, directory: pathlib.Path) -> None:
        """Reads the weights that `save` wrote.

        Raises InputError for other names, shapes, or rows that do not exist.
        """
        path = directory / _WEIGHTS
        weights = self._named_weights()
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        mine = {name: tuple(weight.shape) for name, weight in weights.items()}
        its = {name: array.shape for name, array in arrays.items()}
        if mine != its:
            raise InputError(
                f"an encoder's weights must have its shapes, {mine}; {path} holds {its}"
            )
        rows = arrays.get("token_embedding/1")
        if rows is not None and not 0 <= rows.min() <= rows.max() < len(
            arrays["token_embedding/0"]
        ):
            raise InputError(
                "word pieces must have rows that exist, 0 to "
                f"{len(arrays['token_embedding/0']) - 1}; {path} holds rows "
                f"{rows.min()} to {rows.max()}"
            )
        for name, weight in weights.items():
            weight.assign(arrays[name])

    def _named_weights(self) -> dict[str, keras.Variable]:
        return {
            f"{part}/{index}": weight
            for part, weights in self.parts().items()
            for index, weight in enumerate(weights)
        }


def _reversed(states: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """[length, batch, width], with the tokens of each example in reverse order."""
    return tf.reverse_sequence(states, lengths, seq_axis=0, batch_axis=1)
