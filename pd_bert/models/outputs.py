"""Requests to a model, and its outputs."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """The outputs that somebody reads of a model; it computes no others.

    Layers are numbered from 1. `hidden` are those whose output is read, `first` those
    whose output is read at the first token alone, which is [CLS], and `attention` those
    whose attention scores are read. `embeddings` is the input of layer 1, `sequence`
    the output of the last layer, `pooled` the projected state of [CLS]. `heads` names
    the heads whose logits are read; None: all of them.
    """

    hidden: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    attention: tuple[int, ...] = ()
    embeddings: bool = False
    sequence: bool = False
    pooled: bool = False
    heads: tuple[str, ...] | None = ()

    def __or__(self, other: "Wanted") -> "Wanted":
        """Returns what either of the two wants."""
        every = self.heads is None or other.heads is None
        return Wanted(
            hidden=tuple(sorted({*self.hidden, *other.hidden})),
            first=tuple(sorted({*self.first, *other.first})),
            attention=tuple(sorted({*self.attention, *other.attention})),
            embeddings=self.embeddings or other.embeddings,
            sequence=self.sequence or other.sequence,
            pooled=self.pooled or other.pooled,
            heads=None
            if every
            else tuple(
                {**dict.fromkeys(self.heads or ()), **dict.fromkeys(other.heads or ())}
            ),
        )

    @property
    def highest_layer(self) -> int | None:
        """The last layer that has to be computed; None: all of them."""
        if self.sequence or self.pooled:
            return None
        # Scores of a layer need its input alone.
        below = (layer - 1 for layer in self.attention)
        return max((*self.hidden, *self.first, *below), default=0)


EVERY_HEAD = Wanted(heads=None)


def joined(wanted: Iterable[Wanted]) -> Wanted:
    """Returns all that is wanted by anybody."""
    found = Wanted()
    for each in wanted:
        found |= each
    return found


class Outputs(NamedTuple):
    """The outputs of an encoder or a model; what was not asked for is absent.

    `logits` by name of the head, float32; `hidden`, by number of the layer, its output
    [batch, length, width], and `first` the same at the first token, [batch, width];
    `attention`, by number of the layer, the scores Q·Kᵀ/√d [batch, heads, length,
    length] before masking and softmax; `embeddings` [batch, length, width]; `sequence`
    [batch, length, hidden_dim]; `pooled` [batch, hidden_dim]. Widths are those of
    `Architecture.width`.
    """

    logits: Mapping[str, tf.Tensor] = {}
    hidden: Mapping[int, tf.Tensor] = {}
    first: Mapping[int, tf.Tensor] = {}
    attention: Mapping[int, tf.Tensor] = {}
    embeddings: tf.Tensor | None = None
    sequence: tf.Tensor | None = None
    pooled: tf.Tensor | None = None


EMPTY = Outputs()


class SoftTokens(NamedTuple):
    """Token ids in doubt: a weighted sum of rows of the embedding at each position.

    `weights` is float [batch, length, k], `ids` int [batch, length, k]. Without ids, k
    is the size of the vocabulary and weight j is that of id j.
    """

    weights: tf.Tensor
    ids: tf.Tensor | None = None
