"""A tagger's answers for words, inside the graph."""

import tensorflow as tf


def likeliest(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the likeliest label at each token and its probability.

    Logits [batch, length, labels] -> the number of the label, counted from 1, int32,
    and float32, both [batch, length].
    """
    answer = 1 + tf.argmax(logits, axis=-1, output_type=tf.int32)
    largest = tf.reduce_max(logits, axis=-1)
    return answer, tf.exp(largest - tf.reduce_logsumexp(logits, axis=-1))


def at_words(values: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Returns the values at first pieces of words: [batch, length] -> [batch, words].

    `first` is bool [batch, length]. Shorter rows are filled with 0.

    Example: [[5, 6, 7]] with [[False, True, True]] -> [[6, 7]]
    """
    return tf.ragged.boolean_mask(values, first).to_tensor()


def widened(values: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Returns [batch, words] as [batch, width], filled with 0."""
    return tf.pad(values, [[0, 0], [0, width - tf.shape(values)[1]]])


def split_with_offsets(
    texts: tf.Tensor,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
    """Splits texts, string [batch], at white space, and says where the words are.

    Returns the words, string, and of each the first character and the one after its
    last, int32, all ragged [batch, words]. Characters are Unicode code points, as in a
    Python string. White space is that of ASCII, as `tf.strings.split` takes it.

    Example: [" é  ab"] -> [["é", "ab"]], [[1, 4]], [[2, 6]]
    """
    words = tf.strings.split(texts)
    characters = tf.strings.unicode_decode(texts, "UTF-8")
    code, lengths = characters.flat_values, characters.row_lengths()
    space = (code == 32) | ((code >= 9) & (code <= 13))
    position = tf.ragged.range(lengths)
    at = position.flat_values
    last = tf.gather(lengths, position.value_rowids()) - 1
    before = tf.concat([[True], space[:-1]], axis=0) | (at == 0)
    after = tf.concat([space[1:], [True]], axis=0) | (at == last)
    edges = (
        tf.ragged.boolean_mask(
            position.with_flat_values(tf.cast(where, tf.int32)),
            position.with_flat_values(edge & ~space),
        )
        for where, edge in ((at, before), (at + 1, after))
    )
    return words, *edges
