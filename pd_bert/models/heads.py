"""Heads: hidden states → logits."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_nlp
import tensorflow as tf

from pd_bert.models.encoder import Encoder
from pd_bert.models.outputs import Outputs, Wanted

Layers = Sequence[keras.layers.Layer]


def _initializer() -> keras.initializers.Initializer:
    """Returns BERT's: a normal of sd 0.02, truncated at two sd."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


class Head(abc.ABC):
    """A frozen value that makes layers over an encoder and calls them."""

    @property
    @abc.abstractmethod
    def wanted(self) -> Wanted:
        """The outputs of the encoder that it reads."""

    @abc.abstractmethod
    def build(self, encoder: Encoder, *, dropout: float) -> Layers:
        """Returns its layers for this encoder, with weights."""

    @abc.abstractmethod
    def logits(
        self,
        layers: Layers,
        outputs: Outputs,
        inputs: Mapping[str, Any],
        *,
        training: bool,
    ) -> tf.Tensor:
        """Returns the logits, in the compute dtype; `layers` are those of `build`."""

    @abc.abstractmethod
    def output_shape(self, vocabulary_size: int) -> tuple[int | None, ...]:
        """Returns the shape of one example's logits; None is the number of tokens."""

    @abc.abstractmethod
    def parameters(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        embedding_dim: int | None = None,
    ) -> int:
        """Returns the number of weights that it adds to the encoder's.

        `embedding_dim` is the width of the token embeddings, if not `hidden_dim`.
        """

    @abc.abstractmethod
    def flops(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        length: int,
        masked: int,
        embedding_dim: int | None = None,
    ) -> int:
        """Returns the operations of its matrix products for one example.

        The example has `length` tokens, of which `masked` are masked.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLMHead(Head):
    """Logits [batch, positions, vocabulary] over the original tokens.

    The positions are `inputs["masked_positions"]`, int [batch, masked], or all where
    the inputs have none. Dense, GELU, LayerNorm, then the transposed token embedding
    and a bias (Devlin et al. 2019, Section 3.1).
    """

    @property
    def wanted(self) -> Wanted:
        return Wanted(sequence=True)

    def build(self, encoder: Encoder, *, dropout: float) -> Layers:
        layer = keras_nlp.layers.MaskedLMHead(
            token_embedding=encoder.token_embedding,
            intermediate_activation=encoder.activation,
            layer_norm_epsilon=1e-12,
            kernel_initializer=_initializer(),
            name="masked_lm_head",
        )
        layer.build((None, None, encoder.hidden_dim))
        return (layer,)

    def logits(
        self,
        layers: Layers,
        outputs: Outputs,
        inputs: Mapping[str, Any],
        *,
        training: bool,
    ) -> tf.Tensor:
        positions = inputs.get("masked_positions")
        if positions is None:
            batch, length, _ = tf.unstack(tf.shape(outputs.sequence))
            positions = tf.broadcast_to(tf.range(length), [batch, length])
        return layers[0](outputs.sequence, positions)

    def output_shape(self, vocabulary_size: int) -> tuple[int | None, ...]:
        return None, vocabulary_size

    def parameters(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        embedding_dim: int | None = None,
    ) -> int:
        width = embedding_dim or hidden_dim
        # Dense, LayerNorm, and the bias over the vocabulary.
        return hidden_dim * width + width + 2 * width + vocabulary_size

    def flops(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        length: int,
        masked: int,
        embedding_dim: int | None = None,
    ) -> int:
        width = embedding_dim or hidden_dim
        return 2 * masked * width * (hidden_dim + vocabulary_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _DenseHead(Head):
    """Dropout and a dense layer over one output of the encoder."""

    num_outputs: int
    use_dropout: bool = True

    @abc.abstractmethod
    def states(self, outputs: Outputs) -> tf.Tensor:
        """Returns the states [batch, …, hidden_dim] that the dense layer reads."""

    def build(self, encoder: Encoder, *, dropout: float) -> Layers:
        # In this order: each draws a seed from Keras's generator when it is made.
        rate = keras.layers.Dropout(dropout if self.use_dropout else 0.0)
        dense = keras.layers.Dense(
            self.num_outputs, kernel_initializer=_initializer(), name="logits"
        )
        dense.build((None, encoder.hidden_dim))
        return rate, dense

    def logits(
        self,
        layers: Layers,
        outputs: Outputs,
        inputs: Mapping[str, Any],
        *,
        training: bool,
    ) -> tf.Tensor:
        dropout, dense = layers
        return dense(dropout(self.states(outputs), training=training))

    def parameters(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        embedding_dim: int | None = None,
    ) -> int:
        return (hidden_dim + 1) * self.num_outputs


@dataclasses.dataclass(frozen=True, kw_only=True)
class PooledHead(_DenseHead):
    """Logits [batch, num_outputs] from the pooled [CLS] state.

    Serves next-sentence prediction (2 outputs, no dropout), classification and, with
    one output, regression.
    """

    @property
    def wanted(self) -> Wanted:
        return Wanted(pooled=True)

    def states(self, outputs: Outputs) -> tf.Tensor:
        return outputs.pooled

    def output_shape(self, vocabulary_size: int) -> tuple[int | None, ...]:
        return (self.num_outputs,)

    def flops(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        length: int,
        masked: int,
        embedding_dim: int | None = None,
    ) -> int:
        return 2 * hidden_dim * self.num_outputs


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenHead(_DenseHead):
    """Logits [batch, length, num_outputs], one row per token: tags, spans."""

    @property
    def wanted(self) -> Wanted:
        return Wanted(sequence=True)

    def states(self, outputs: Outputs) -> tf.Tensor:
        return outputs.sequence

    def output_shape(self, vocabulary_size: int) -> tuple[int | None, ...]:
        return None, self.num_outputs

    def flops(
        self,
        hidden_dim: int,
        vocabulary_size: int,
        *,
        length: int,
        masked: int,
        embedding_dim: int | None = None,
    ) -> int:
        return 2 * length * hidden_dim * self.num_outputs
