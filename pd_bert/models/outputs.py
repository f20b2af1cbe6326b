"""What encoders and models return."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf


class EncoderOutput(NamedTuple):
    """Everything a distillation loss may want of an encoder.

    `embeddings` [batch, length, hidden] is the input of the first layer;
    `hidden_states` holds one tensor of that shape a layer, first to last;
    `attention_scores` one [batch, heads, length, length] a layer, before masking and
    softmax, or is empty when they were not asked for; `sequence` is the last hidden
    state; `pooled` [batch, hidden] the tanh-projected [CLS] state.
    """

    embeddings: tf.Tensor
    hidden_states: tuple[tf.Tensor, ...]
    attention_scores: tuple[tf.Tensor, ...]
    sequence: tf.Tensor
    pooled: tf.Tensor


class Outputs(NamedTuple):
    """Logits by head name, float32, and the encoder's output where there is one.

    A stored teacher has logits alone.
    """

    logits: Mapping[str, tf.Tensor]
    encoder: EncoderOutput | None = None
