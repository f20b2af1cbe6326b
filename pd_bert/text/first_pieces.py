"""Texts → BERT's input, with a mark at the first piece of each word."""

import tensorflow as tf

from pd_bert.text.tokenizer import Tokenizer


def pack_words(texts: tf.Tensor, tokenizer: Tokenizer) -> dict[str, tf.RaggedTensor]:
    """Packs texts, string [batch], whose words are separated by ASCII white space.

    Returns `token_ids` and `segment_ids`, int32, and `first`, float32, 1 at the first
    piece of each word and 0 elsewhere; all ragged [batch, <= sequence_length]. Every
    word that fits has one: a word that BERT drops as a whole, such as a control
    character, is [UNK].

    Example: ["a \\x01 unable"] -> [CLS] a [UNK] un ##able [SEP] with 0 1 1 1 0 0
    """
    words = tf.strings.split(texts)
    pieces = tokenizer(words.flat_values)
    empty = tf.cast(pieces.row_lengths() == 0, tf.int64)
    unknown = tf.fill([tf.reduce_sum(empty)], tokenizer.vocabulary.unk_id)
    unknown = tf.RaggedTensor.from_row_lengths(unknown, empty)
    pieces = tf.concat([pieces, unknown], axis=1)
    first = tf.ragged.range(pieces.row_lengths()) == 0
    by_text = words.with_flat_values(pieces).merge_dims(1, 2)
    packed = tokenizer.pack(by_text)
    # All of the packed row but [CLS] and [SEP].
    starts = by_text.row_starts()
    kept = tf.ragged.range(starts, starts + packed["token_ids"].row_lengths() - 2)
    marks = tf.gather(tf.cast(first.flat_values, tf.float32), kept)
    ends = tf.zeros([words.nrows(), 1])
    return {**packed, "first": tf.concat([ends, marks, ends], axis=1)}
