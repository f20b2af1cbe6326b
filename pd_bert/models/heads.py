"""Heads: hidden states → logits."""

import abc
import dataclasses
from collections.abc import Mapping

import keras
import keras_nlp
import tensorflow as tf

from pd_bert.models.encoder import Encoder
from pd_bert.models.outputs import EncoderOutput


def _initializer() -> keras.initializers.Initializer:
    """BERT's: a normal of sd 0.02, truncated at two sd."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


class Head(abc.ABC):
    """A frozen value; `build` makes the layers, which a `BuiltHead` calls."""

    @abc.abstractmethod
    def build(self, encoder: Encoder, *, dropout: float) -> "BuiltHead":
        """Makes the layers for this encoder, with weights."""

    def parameters(self, hidden_dim: int, vocabulary_size: int) -> int:
        """The number of weights that it adds to the encoder's; 0 if it is not told."""
        return 0

    def flops(self, hidden_dim: int, vocabulary_size: int, masked: int) -> int:
        """Operations of its matrix products for one example with `masked` masks."""
        return 0


class BuiltHead(tf.Module, abc.ABC):
    """The layers of a head."""

    layers: list[keras.layers.Layer]

    @abc.abstractmethod
    def __call__(
        self,
        output: EncoderOutput,
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool,
    ) -> tf.Tensor:
        """The logits, in the compute dtype."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLMHead(Head):
    """Logits [batch, masked, vocabulary] at `inputs["masked_positions"]`.

    Dense, gelu, LayerNorm, then the transposed token embedding and a bias
    (Devlin et al. 2019, Section 3.1).
    """

    def build(self, encoder: Encoder, *, dropout: float) -> BuiltHead:
        return _BuiltMaskedLM(encoder)

    def parameters(self, hidden_dim: int, vocabulary_size: int) -> int:
        # Dense, LayerNorm, and the bias over the vocabulary.
        return hidden_dim * hidden_dim + hidden_dim + 2 * hidden_dim + vocabulary_size

    def flops(self, hidden_dim: int, vocabulary_size: int, masked: int) -> int:
        return 2 * masked * hidden_dim * (hidden_dim + vocabulary_size)


class _BuiltMaskedLM(BuiltHead):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__(name="masked_lm")
        self.layer = keras_nlp.layers.MaskedLMHead(
            token_embedding=encoder.token_embedding,
            intermediate_activation=encoder.activation,
            layer_norm_epsilon=1e-12,
            kernel_initializer=_initializer(),
            name="masked_lm_head",
        )
        self.layer.build((None, None, encoder.hidden_dim))
        self.layers = [self.layer]

    def __call__(
        self,
        output: EncoderOutput,
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool,
    ) -> tf.Tensor:
        return self.layer(output.sequence, inputs["masked_positions"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenHead(Head):
    """Logits [batch, length, num_outputs] from the last hidden state of each token."""

    num_outputs: int

    def build(self, encoder: Encoder, *, dropout: float) -> BuiltHead:
        return _BuiltToken(encoder, self.num_outputs, dropout)

    def parameters(self, hidden_dim: int, vocabulary_size: int) -> int:
        return (hidden_dim + 1) * self.num_outputs


class _BuiltToken(BuiltHead):
    def __init__(self, encoder: Encoder, num_outputs: int, dropout: float) -> None:
        super().__init__(name="token")
        self.dropout = keras.layers.Dropout(dropout)
        self.dense = keras.layers.Dense(
            num_outputs, kernel_initializer=_initializer(), name="logits"
        )
        self.dense.build((None, None, encoder.hidden_dim))
        self.layers = [self.dropout, self.dense]

    def __call__(
        self,
        output: EncoderOutput,
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool,
    ) -> tf.Tensor:
        return self.dense(self.dropout(output.sequence, training=training))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PooledHead(Head):
    """Logits [batch, num_outputs] from the pooled [CLS] state.

    Serves next-sentence prediction (2 outputs, no dropout), classification and, with
    one output, regression.
    """

    num_outputs: int
    use_dropout: bool = True

    def build(self, encoder: Encoder, *, dropout: float) -> BuiltHead:
        rate = dropout if self.use_dropout else 0.0
        return _BuiltPooled(encoder, self.num_outputs, rate)

    def parameters(self, hidden_dim: int, vocabulary_size: int) -> int:
        return (hidden_dim + 1) * self.num_outputs

    def flops(self, hidden_dim: int, vocabulary_size: int, masked: int) -> int:
        return 2 * hidden_dim * self.num_outputs


class _BuiltPooled(BuiltHead):
    def __init__(self, encoder: Encoder, num_outputs: int, dropout: float) -> None:
        super().__init__(name="pooled")
        self.dropout = keras.layers.Dropout(dropout)
        self.dense = keras.layers.Dense(
            num_outputs, kernel_initializer=_initializer(), name="logits"
        )
        self.dense.build((None, encoder.hidden_dim))
        self.layers = [self.dropout, self.dense]

    def __call__(
        self,
        output: EncoderOutput,
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool,
    ) -> tf.Tensor:
        return self.dense(self.dropout(output.pooled, training=training))
