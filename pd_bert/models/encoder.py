"""The interface between every encoder and the rest of the project."""

import abc
import functools
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.models.outputs import Outputs, SoftTokens, Wanted

PartShapes = tuple[tuple[int, ...], ...]
"""The shapes of a part's weights."""
Shapes = dict[str, PartShapes]
"""The parts of an encoder by name, from input to output."""


class Encoder(tf.Module, abc.ABC):
    """Token ids → hidden states."""

    layers: list[keras.layers.Layer]
    """Every layer that owns weights or dropout, in a fixed order."""
    token_embedding: keras.layers.Layer
    """Ids → vectors; called with `reverse=True` it maps vectors to logits over ids."""
    hidden_dim: int
    vocabulary_size: int
    activation: Callable[[tf.Tensor], tf.Tensor] = staticmethod(
        functools.partial(keras.activations.gelu, approximate=True)
    )
    """The nonlinearity of its layers, which heads over it share."""

    @abc.abstractmethod
    def __call__(
        self,
        inputs: Mapping[str, Any],
        *,
        training: bool = False,
        wanted: Wanted = Wanted(sequence=True, pooled=True),  # noqa: B008 (frozen)
    ) -> Outputs:
        """Encodes a batch; returns what is wanted, without logits.

        `inputs` holds `token_ids`, int [batch, length] or `SoftTokens`; `segment_ids`
        and `padding_mask` (1 token, 0 padding), int [batch, length].
        """

    @abc.abstractmethod
    def parts(self) -> dict[str, list[keras.Variable]]:
        """Returns all weights by named part, from input to output.

        Names are shared by architectures: `token_embedding`, `embeddings` (what else is
        before the first layer), `layer_0` …, and after the last layer `projection` or
        `pooler`.
        """

    @abc.abstractmethod
    def save(self, directory: pathlib.Path) -> None:
        """Writes configuration and weights into `directory`, which exists."""

    @abc.abstractmethod
    def load(self, directory: pathlib.Path) -> None:
        """Reads the weights that `save` wrote; shapes must agree."""


class Architecture(abc.ABC):
    """The settings that an encoder is built from: a frozen, keyword-only value.

    A new student architecture is one subclass of this and of `Encoder`.
    """

    name: str
    hidden_dim: int
    """The width of `sequence` and `pooled`, which heads read."""
    num_layers: int

    @property
    def attention_heads(self) -> int:
        """The heads of each layer's attention; 0 where layers have none."""
        return 0

    def width(self, layer: int) -> int:
        """Returns the width of a layer's output; 0 is the embeddings."""
        return self.hidden_dim

    @abc.abstractmethod
    def build(self, vocabulary_size: int, *, dropout: float | None = None) -> Encoder:
        """Returns an encoder with fresh weights; `dropout` replaces its own rate."""

    @abc.abstractmethod
    def shapes(self, vocabulary_size: int) -> Shapes:
        """Returns the shapes of `Encoder.parts`, without building it."""

    def parameters(self, vocabulary_size: int) -> int:
        """Returns the number of weights of encoder and pooler."""
        shapes = self.shapes(vocabulary_size).values()
        return sum(math.prod(shape) for part in shapes for shape in part)

    @property
    def facts(self) -> dict[str, float]:
        """The figures that results may be drawn over, by name."""
        return {"num_layers": self.num_layers, "hidden_dim": self.hidden_dim}

    def computes_as(self, other: "Architecture") -> bool:
        """Returns whether weights of the same shape mean the same in both."""
        return type(self) is type(other)

    def require(self, wanted: Wanted, where: str) -> None:
        """Raises InputError for outputs that its encoder does not have."""
        for layer in (*wanted.hidden, *wanted.first, *wanted.attention):
            if not 1 <= layer <= self.num_layers:
                raise InputError(
                    f"{where}: layers of {self.name} are numbered 1 to "
                    f"{self.num_layers}; received {layer}"
                )
        if wanted.attention and not self.attention_heads:
            raise InputError(
                f"{where}: {self.name} is a {type(self).__name__}, whose layers have "
                f"no attention; scores of layers {wanted.attention} are asked for"
            )

    def flops(self, vocabulary_size: int, length: int) -> int:
        """Returns the operations of a forward pass over one example of `length`.

        A product and a sum are two. By default 2 · weights · length, which leaves out
        attention and counts the look-up of an embedding as a product.
        """
        return 2 * self.parameters(vocabulary_size) * length


def embed(layer: keras.layers.Layer, token_ids: tf.Tensor | SoftTokens) -> tf.Tensor:
    """Returns the embeddings of tokens, [batch, length, width].

    Of soft tokens it is Σ_j weight_j · row(id_j) (Wu et al. 2020, Section 3.2), in the
    compute dtype of `layer`, a Keras embedding.
    """
    if not isinstance(token_ids, SoftTokens):
        return layer(token_ids)
    if token_ids.ids is not None:
        rows = layer(token_ids.ids)
        return tf.reduce_sum(
            rows * tf.cast(token_ids.weights, rows.dtype)[..., None], 2
        )
    table = tf.cast(tf.convert_to_tensor(layer.embeddings), layer.compute_dtype)
    return tf.einsum("blv,vh->blh", tf.cast(token_ids.weights, table.dtype), table)
