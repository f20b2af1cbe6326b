"""A model that takes raw text, as a tf.Module to save."""

from typing import Any

import tensorflow as tf

from pd_bert.data.example_spec import TOKENS
from pd_bert.models.model import Model
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.text.tokenizer import Tokenizer

Outputs = dict[str, tf.Tensor]


class ServedModel(tf.Module):
    """Tokenizer, model and label names in one graph, between a task's two ends.

    `serving_default` takes the texts named in `inputs`, string [batch] each;
    `token_ids`, which tasks have that decode nothing else, takes int32 [batch, length]
    `token_ids`, `segment_ids` and `padding_mask`. Both return what the task decodes: of
    a classification `logits` and `probabilities`, float32 [batch, labels], and `label`,
    string [batch]; of a regression `logits` [batch, 1] and `score` [batch].
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        task: LabeledTask,
        *,
        labels: tuple[str, ...],
        inputs: tuple[str, ...],
    ) -> None:
        super().__init__(name="served_model")
        self.model = model
        self.tokenizer = tokenizer
        self._task = task
        self._labels = labels
        self._inputs = inputs
        texts = [tf.TensorSpec([None], tf.string, name=name) for name in inputs]
        self.serve_text = tf.function(
            self._texts, input_signature=texts, autograph=False
        )
        if task.encoded_spec == TOKENS:
            ids = [
                tf.TensorSpec([None, None], tf.int32, name=name)
                for name in ("token_ids", "segment_ids", "padding_mask")
            ]
            self.serve_ids = tf.function(
                self._ids, input_signature=ids, autograph=False
            )

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures to save."""
        signatures = {"serving_default": self.serve_text}
        if hasattr(self, "serve_ids"):
            signatures["token_ids"] = self.serve_ids
        return signatures

    def _texts(self, *texts: tf.Tensor) -> Outputs:
        named = dict(zip(self._inputs, texts, strict=True))
        encoded = self._task.encode(named, self.tokenizer)
        return self._decoded(self.tokenizer.pad(encoded))

    def _ids(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor, padding_mask: tf.Tensor
    ) -> Outputs:
        return self._decoded(
            {
                "token_ids": token_ids,
                "segment_ids": segment_ids,
                "padding_mask": padding_mask,
            }
        )

    def _decoded(self, batch: dict[str, tf.Tensor]) -> Outputs:
        return self._task.decode(self.model(batch), batch, self._labels)
