"""The interface between every encoder and the rest of the project."""

import abc
import functools
import math
import pathlib
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from pd_bert.models.outputs import EncoderOutput

Part = tuple[tuple[int, ...], ...]
"""The shapes of a part's weights."""
Shapes = dict[str, Part]
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
        inputs: Mapping[str, tf.Tensor],
        *,
        training: bool = False,
        attention_scores: bool = False,
    ) -> EncoderOutput:
        """Encodes a batch.

        `inputs` holds `token_ids`, int [batch, length] or, for soft tokens, float
        [batch, length, vocabulary] distributions; `segment_ids` and `padding_mask`
        (1 token, 0 padding), int [batch, length].
        """

    @abc.abstractmethod
    def parts(self) -> dict[str, list[keras.Variable]]:
        """All weights, a named part each, from input to output.

        Names are shared by architectures: `token_embedding`, `embeddings` (what else is
        before the first layer), `layer_0` …, `pooler`.
        """

    @abc.abstractmethod
    def save(self, directory: pathlib.Path) -> None:
        """Writes configuration and weights into `directory`, which exists."""

    @abc.abstractmethod
    def load(self, directory: pathlib.Path) -> None:
        """Reads the weights that `save` wrote; shapes must agree."""


class Architecture(abc.ABC):
    """What an encoder is built from: a frozen, keyword-only value.

    A new student architecture is one subclass of this and of `Encoder`.
    """

    name: str

    @abc.abstractmethod
    def build(self, vocabulary_size: int, *, dropout: float | None = None) -> Encoder:
        """A new encoder with fresh weights; `dropout` replaces the value's own."""

    @abc.abstractmethod
    def shapes(self, vocabulary_size: int) -> Shapes:
        """The shapes of what `Encoder.parts` gives, without building it."""

    def parameters(self, vocabulary_size: int) -> int:
        """The number of weights of encoder and pooler."""
        shapes = self.shapes(vocabulary_size).values()
        return sum(math.prod(shape) for part in shapes for shape in part)

    @property
    def facts(self) -> dict[str, float]:
        """What figures may be drawn over, such as the number of layers."""
        return {}

    def computes_as(self, other: "Architecture") -> bool:
        """Whether weights of the same shape mean the same in both."""
        return type(self) is type(other)

    def flops(self, vocabulary_size: int, length: int) -> int:
        """Floating-point operations of a forward pass over one example of `length`.

        A product and a sum are two. By default 2 · weights · length, which leaves out
        attention and takes looking up an embedding for a product.
        """
        return 2 * self.parameters(vocabulary_size) * length
