"""BERT encoders of any size, over the layers of `keras_nlp.models.BertBackbone`."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import keras_nlp
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture, Encoder, Shapes, embed
from pd_bert.models.outputs import Outputs, Wanted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bert(Architecture):
    """The shape of a BERT encoder (Devlin et al. 2019; Turc et al. 2019, Table 1).

    `num_heads` defaults to hidden_dim / 64 and `intermediate_dim` to 4 · hidden_dim.
    `exact_gelu` takes x · P(X ≤ x) by the error function (Hendrycks and Gimpel 2016,
    Section 2), as checkpoints in PyTorch mostly do, instead of its tanh approximation,
    which BERT's reference code and keras-nlp have.
    """

    name: str
    num_layers: int
    hidden_dim: int
    num_heads: int | None = None
    intermediate_dim: int | None = None
    dropout: float = 0.1
    max_sequence_length: int = 512
    exact_gelu: bool = False

    def __post_init__(self) -> None:
        if self.hidden_dim % self.attention_heads:
            raise InputError(
                f"hidden_dim must be a multiple of num_heads; {self.name} has "
                f"hidden_dim = {self.hidden_dim}, num_heads = {self.attention_heads}"
            )

    @property
    def attention_heads(self) -> int:
        return self.num_heads or max(1, self.hidden_dim // 64)

    @property
    def feed_forward(self) -> int:
        return self.intermediate_dim or 4 * self.hidden_dim

    def build(
        self, vocabulary_size: int, *, dropout: float | None = None
    ) -> "BertEncoder":
        return BertEncoder(
            keras_nlp.models.BertBackbone(
                vocabulary_size=vocabulary_size,
                num_layers=self.num_layers,
                num_heads=self.attention_heads,
                hidden_dim=self.hidden_dim,
                intermediate_dim=self.feed_forward,
                dropout=self.dropout if dropout is None else dropout,
                max_sequence_length=self.max_sequence_length,
                # Keras would number it, and artifacts differ from run to run.
                name="bert_backbone",
            ),
            exact_gelu=self.exact_gelu,
        )

    def shapes(self, vocabulary_size: int) -> Shapes:
        h, f, heads = self.hidden_dim, self.feed_forward, self.attention_heads
        size = h // heads
        norm = ((h,), (h,))
        projection = ((h, heads, size), (heads, size))
        attention = (*projection * 3, (heads, size, h), (h,))
        layer = (*attention, *norm, *norm, (h, f), (f,), (f, h), (h,))
        return {
            "token_embedding": ((vocabulary_size, h),),
            "embeddings": ((self.max_sequence_length, h), (2, h), *norm),
            **{f"layer_{index}": layer for index in range(self.num_layers)},
            "pooler": ((h, h), (h,)),
        }

    def computes_as(self, other: Architecture) -> bool:
        return (
            isinstance(other, Bert)
            and self.attention_heads == other.attention_heads
            and self.exact_gelu == other.exact_gelu
        )

    def flops(self, vocabulary_size: int, length: int) -> int:
        """The matrix products: n · (8Lh² + 4L²h + 4Lhf) + 2h² (n layers, length L).

        Those are queries, keys, values and output; attention scores and their sum;
        the feed-forward layer; the pooler. The rest is a few operations a state.
        """
        h, f = self.hidden_dim, self.feed_forward
        layer = 8 * length * h * h + 4 * length * length * h + 4 * length * h * f
        return self.num_layers * layer + 2 * h * h


def resized(
    architecture: Bert, *, num_layers: int | None = None, dropout: float | None = None
) -> Bert:
    """The same width with another depth or dropout.

    Such as the deeper model that a student is cut from, or the student as it is when it
    is pre-trained for so few steps that dropout only slows it down.

    >>> resized(Bert(name="tiny", num_layers=2, hidden_dim=128), num_layers=12).name
    'l12_h128'
    """
    if num_layers not in (None, architecture.num_layers):
        name = f"l{num_layers}_h{architecture.hidden_dim}"
        architecture = dataclasses.replace(
            architecture, name=name, num_layers=num_layers
        )
    if dropout is not None:
        architecture = dataclasses.replace(architecture, dropout=dropout)
    return architecture


class BertEncoder(Encoder):
    """A `BertBackbone`, called layer by layer.

    The result equals the backbone's own; going through the layers gives every hidden
    state, the attention scores before softmax, and takes soft token ids.
    """

    def __init__(
        self, backbone: keras_nlp.models.BertBackbone, *, exact_gelu: bool = False
    ) -> None:
        super().__init__(name="bert")
        self.activation = functools.partial(
            keras.activations.gelu, approximate=not exact_gelu
        )
        # The backbone has no setting for it, so its saved configuration is silent: it
        # is the architecture of the model that knows.
        for layer in backbone.transformer_layers:
            layer._feedforward_intermediate_dense.activation = self.activation
        self.backbone = backbone
        self.layers = [backbone]
        self.token_embedding = backbone.token_embedding
        self.hidden_dim = backbone.hidden_dim
        self.vocabulary_size = backbone.vocabulary_size

    def __call__(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool = False,
        wanted: Wanted = Wanted(sequence=True, pooled=True),  # noqa: B008 (frozen)
    ) -> Outputs:
        backbone = self.backbone
        tokens = embed(self.token_embedding, inputs["token_ids"])
        positions = backbone.position_embedding(tokens)
        segments = backbone.segment_embedding(inputs["segment_ids"])
        x = backbone.embeddings_add((tokens, positions, segments))
        x = backbone.embeddings_layer_norm(x)
        x = embeddings = backbone.embeddings_dropout(x, training=training)
        hidden, attention = {}, {}
        last = wanted.highest_layer
        for number, layer in enumerate(backbone.transformer_layers, 1):
            if number in wanted.attention:
                attention[number] = _attention_scores(layer, x)
            if last is None or number <= last:
                x = layer(x, padding_mask=inputs["padding_mask"], training=training)
            if number in wanted.hidden:
                hidden[number] = x
        return Outputs(
            hidden=hidden,
            attention=attention,
            embeddings=embeddings if wanted.embeddings else None,
            sequence=x if wanted.sequence else None,
            pooled=backbone.pooled_dense(x[:, 0, :]) if wanted.pooled else None,
        )

    def parts(self) -> dict[str, list[keras.Variable]]:
        backbone = self.backbone
        embeddings = (
            backbone.position_embedding,
            backbone.segment_embedding,
            backbone.embeddings_layer_norm,
        )
        return {
            "token_embedding": self.token_embedding.trainable_weights,
            "embeddings": [w for layer in embeddings for w in layer.trainable_weights],
            **{
                f"layer_{index}": layer.trainable_weights
                for index, layer in enumerate(backbone.transformer_layers)
            },
            "pooler": backbone.pooled_dense.trainable_weights,
        }

    def save(self, directory: pathlib.Path) -> None:
        self.backbone.save_to_preset(str(directory))

    def load(self, directory: pathlib.Path) -> None:
        self.backbone.load_weights(str(directory / "model.weights.h5"))


def _attention_scores(layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
    """Q·Kᵀ/√d of a layer's self-attention for its input x: [batch, heads, to, from]."""
    attention = layer._self_attention_layer
    query, key = attention.query_dense(x), attention.key_dense(x)
    scale = tf.cast(query.shape[-1], query.dtype) ** -0.5
    return tf.einsum("btnh,bsnh->bnts", query * scale, key)
