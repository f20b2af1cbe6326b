"""Token embeddings with rows for some word pieces alone."""

import dataclasses
from typing import Any, Self

import keras
import tensorflow as tf

from pd_bert.models.encoder import Architecture


class KeptEmbedding(keras.layers.Layer):
    """Ids of the whole vocabulary → vectors, of which there are `kept`.

    `map`, int32 [vocabulary_size], gives the row of each id; it is no parameter. Until
    somebody sets it, the first `kept` − 1 ids have rows of their own and all others
    share the last row. With `reverse=True` states [batch, length, width] become logits
    over all ids; ids that share a row have the same one.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        kept: int,
        initializer: keras.initializers.Initializer,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        # The names of Keras's own embeddings, for heads that are tied to one.
        self.input_dim, self.output_dim = vocabulary_size, width
        self._kept, self._initializer = kept, initializer

    def build(self, input_shape: Any = None) -> None:
        self.rows = self.add_weight(
            name="rows",
            shape=(self._kept, self.output_dim),
            initializer=self._initializer,
            autocast=False,  # rows are cast when they are taken
        )
        self.map = self.add_weight(
            name="map",
            shape=(self.input_dim,),
            dtype="int32",
            initializer=lambda shape, dtype: tf.minimum(
                tf.range(shape[0], dtype=dtype), self._kept - 1
            ),
            trainable=False,
        )
        self.built = True

    @property
    def embeddings(self) -> tf.Tensor:
        """The vector of each id, [vocabulary_size, width]."""
        return tf.gather(self.rows.value, self.map.value)

    def call(self, inputs: tf.Tensor, reverse: bool = False) -> tf.Tensor:
        if not reverse:
            rows = tf.gather(self.map.value, inputs)
            return tf.cast(tf.gather(self.rows.value, rows), self.compute_dtype)
        table = tf.cast(self.rows.value, self.compute_dtype)
        states = tf.cast(inputs, self.compute_dtype)
        logits = tf.einsum("...e,re->...r", states, table)
        return tf.gather(logits, self.map.value, axis=-1)


class CutVocabulary(Architecture):
    """An architecture whose encoder may own rows for some word pieces alone.

    Tokenizer and ids are those of the whole vocabulary. With `kept` rows, the part
    `token_embedding` holds two weights, those of a `KeptEmbedding`: the rows
    [kept, width], and the map from ids to rows, int32 [vocabulary_size].
    """

    kept: int | None
    """The number of rows; None: one for each word piece."""

    def keeping(self, kept: int) -> Self:
        """Returns the same with so many rows."""
        return dataclasses.replace(self, kept=kept)  # type: ignore[type-var]

    def parameters(self, vocabulary_size: int) -> int:
        """Returns the number of weights; the map is none."""
        found = super().parameters(vocabulary_size)
        return found if self.kept is None else found - vocabulary_size
