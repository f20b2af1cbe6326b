"""Texts → word pieces → BERT's input: one way for preparation and serving."""

from collections.abc import Mapping

import tensorflow as tf

from pd_bert.text.packing import PackedRagged, pack, pad
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece


class Tokenizer(tf.Module):
    """A vocabulary, its word pieces, and the length that examples are cut to.

    `wordpiece` may be shared: building one takes half a second.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        sequence_length: int,
        wordpiece: WordPiece | None = None,
    ) -> None:
        super().__init__(name="tokenizer")
        self.wordpiece = wordpiece or WordPiece(vocabulary)
        self._vocabulary = vocabulary
        self._sequence_length = sequence_length

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def sequence_length(self) -> int:
        """The most ids of an example, special tokens included."""
        return self._sequence_length

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the word pieces of string [batch], int32 [batch, pieces]."""
        return self.wordpiece(texts)

    def pack(
        self, pieces_a: tf.RaggedTensor, pieces_b: tf.RaggedTensor | None = None
    ) -> dict[str, tf.RaggedTensor]:
        """Returns `token_ids` and `segment_ids`, int32 [batch, <= sequence_length].

        See `packing.pack`: [CLS] a [SEP] or [CLS] a [SEP] b [SEP], cut to fit.
        """
        packed = pack(
            pieces_a,
            pieces_b,
            cls_id=self._vocabulary.cls_id,
            sep_id=self._vocabulary.sep_id,
            sequence_length=self._sequence_length,
        )
        return packed._asdict()

    def pad(
        self, encoded: Mapping[str, tf.RaggedTensor | tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns what `LabeledTask.encode` returned as dense tensors [batch, …].

        `token_ids` are padded with [PAD] to the longest example, other ragged tensors
        with 0 or "", and there is a `padding_mask`: 1 where there is a token.
        """
        tokens = {name: encoded[name] for name in ("token_ids", "segment_ids")}
        return {
            **{
                name: value.to_tensor() if isinstance(value, tf.RaggedTensor) else value
                for name, value in encoded.items()
                if name not in tokens
            },
            **pad(PackedRagged(**tokens), pad_id=self._vocabulary.pad_id),
        }


def encode_texts(
    texts: Mapping[str, tf.Tensor], tokenizer: Tokenizer
) -> dict[str, tf.RaggedTensor]:
    """Returns `text`, or the pair of `text` and `text_b`, packed for a model.

    Both are string [batch]; see `Tokenizer.pack`.
    """
    second = texts.get("text_b")
    return tokenizer.pack(
        tokenizer(texts["text"]), None if second is None else tokenizer(second)
    )
