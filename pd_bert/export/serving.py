"""A model that takes raw text, as a tf.Module to save."""

from typing import Any

import tensorflow as tf

from pd_bert.models.model import Model
from pd_bert.text.packing import pack, pad
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece

Outputs = dict[str, tf.Tensor]


class ServedModel(tf.Module):
    """Tokenizer, model and label names in one graph.

    `serving_default` takes `text`, string [batch], and for pairs `text_b`; `token_ids`
    takes int32 [batch, length] `token_ids`, `segment_ids` and `padding_mask`. Both
    return `logits` float32 [batch, labels] and, for a classifier, `probabilities`
    of the same shape and `label`, string [batch]; for a regression `score` [batch].
    """

    def __init__(
        self,
        model: Model,
        vocabulary: Vocabulary,
        *,
        labels: tuple[str, ...],
        pairs: bool,
        sequence_length: int,
    ) -> None:
        super().__init__(name="served_model")
        self.model = model
        self.tokenizer = WordPiece(vocabulary)
        self._labels = labels
        self._specials = {"cls_id": vocabulary.cls_id, "sep_id": vocabulary.sep_id}
        self._pad_id = vocabulary.pad_id
        self._length = sequence_length
        texts = tf.TensorSpec([None], tf.string, name="text")
        second = tf.TensorSpec([None], tf.string, name="text_b")
        ids = [
            tf.TensorSpec([None, None], tf.int32, name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        ]
        self.serve_text = (
            tf.function(self._pair, input_signature=[texts, second])
            if pairs
            else tf.function(self._text, input_signature=[texts])
        )
        self.serve_ids = tf.function(self._ids, input_signature=ids)

    def signatures(self) -> dict[str, Any]:
        """The signatures to save."""
        return {"serving_default": self.serve_text, "token_ids": self.serve_ids}

    def _text(self, text: tf.Tensor) -> Outputs:
        return self._pack(self.tokenizer(text), None)

    def _pair(self, text: tf.Tensor, text_b: tf.Tensor) -> Outputs:
        return self._pack(self.tokenizer(text), self.tokenizer(text_b))

    def _pack(self, a: tf.RaggedTensor, b: tf.RaggedTensor | None) -> Outputs:
        packed = pack(a, b, **self._specials, sequence_length=self._length)
        return self._outputs(pad(packed, pad_id=self._pad_id))

    def _ids(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor, padding_mask: tf.Tensor
    ) -> Outputs:
        return self._outputs(
            {
                "token_ids": token_ids,
                "segment_ids": segment_ids,
                "padding_mask": padding_mask,
            }
        )

    def _outputs(self, inputs: dict[str, tf.Tensor]) -> Outputs:
        logits = self.model(inputs).logits["label"]
        if len(self._labels) == 1:
            return {"logits": logits, "score": logits[:, 0]}
        best = tf.argmax(logits, axis=-1)
        return {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "label": tf.gather(tf.constant(self._labels), best),
        }
