"""A BiLSTM student."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import keras_nlp
import numpy as np
import tensorflow as tf

from pd_bert import api as pd


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiLstm(pd.Architecture):
    """Word-piece embeddings of width E, one BiLSTM of H units in each direction."""

    name: str
    embedding_dim: int
    units: int
    num_layers = 1

    @property
    def hidden_dim(self) -> int:
        return 2 * self.units

    def build(
        self, vocabulary_size: int, *, dropout: float | None = None
    ) -> "BiLstmEncoder":
        return BiLstmEncoder(self, vocabulary_size)

    def shapes(self, vocabulary_size: int) -> dict[str, tuple[tuple[int, ...], ...]]:
        e, h = self.embedding_dim, self.units
        direction = ((e, 4 * h), (h, 4 * h), (4 * h,))
        return {
            "token_embedding": ((vocabulary_size, e),),
            "layer_0": direction * 2,
            "pooler": ((2 * h, 2 * h), (2 * h,)),
        }


class BiLstmEncoder(pd.Encoder):
    """The pooled state is a dense layer over the mean of the tokens' states."""

    def __init__(self, architecture: BiLstm, vocabulary_size: int) -> None:
        super().__init__(name="bilstm")
        self.hidden_dim = architecture.hidden_dim
        self.vocabulary_size = vocabulary_size
        self.token_embedding = keras_nlp.layers.ReversibleEmbedding(
            vocabulary_size, architecture.embedding_dim, name="embedding"
        )
        self.token_embedding.build()
        self.lstm = keras.layers.Bidirectional(
            keras.layers.LSTM(architecture.units, return_sequences=True)
        )
        self.lstm.build((None, None, architecture.embedding_dim))
        self.pooler = keras.layers.Dense(self.hidden_dim, activation="tanh")
        self.pooler.build((None, self.hidden_dim))
        self.layers = [self.token_embedding, self.lstm, self.pooler]

    def __call__(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool = False,
        wanted: pd.Wanted = pd.Wanted(sequence=True, pooled=True),  # noqa: B008
    ) -> pd.Outputs:
        x = embeddings = pd.embed(self.token_embedding, inputs["token_ids"])
        mask = tf.cast(inputs["padding_mask"], tf.bool)
        x = self.lstm(x, mask=mask, training=training)
        weight = tf.cast(mask, x.dtype)[..., None]
        mean = tf.reduce_sum(x * weight, 1) / tf.reduce_sum(weight, 1)
        return pd.Outputs(
            hidden=dict.fromkeys(wanted.hidden, x),
            embeddings=embeddings if wanted.embeddings else None,
            sequence=x if wanted.sequence else None,
            pooled=self.pooler(mean) if wanted.pooled else None,
        )

    def parts(self) -> dict[str, list[keras.Variable]]:
        return {
            "token_embedding": self.token_embedding.trainable_weights,
            "layer_0": self.lstm.trainable_weights,
            "pooler": self.pooler.trainable_weights,
        }

    def _weights(self) -> list[keras.Variable]:
        return [weight for part in self.parts().values() for weight in part]

    def save(self, directory: pathlib.Path) -> None:
        arrays = {str(i): np.asarray(w) for i, w in enumerate(self._weights())}
        np.savez(directory / "weights.npz", **arrays)

    def load(self, directory: pathlib.Path) -> None:
        with np.load(directory / "weights.npz", allow_pickle=False) as arrays:
            for index, weight in enumerate(self._weights()):
                weight.assign(arrays[str(index)])
