"""Packing of one or two texts into BERT's input, inside the graph."""

from typing import NamedTuple

import tensorflow as tf


class PackedRagged(NamedTuple):
    """Packed rows, not yet padded; both int32 [batch, <= sequence_length]."""

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor


def truncate_pair(
    length_a: tf.Tensor, length_b: tf.Tensor, budget: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how many pieces of each text to keep, `budget` of both together.

    The longer text loses its last piece until both fit; if they are equal, the second
    one does (`truncate_seq_pair` of BERT's reference code). In closed form:

        keep_a = min(a, max(n - b, ceil(n / 2)))
        keep_b = min(b, max(n - a, floor(n / 2)))

    Example: lengths 8 and 3 within 7 -> 4 and 3; lengths 8 and 8 within 7 -> 4 and 3.

    Args:
        length_a, length_b: integer tensors of the same shape and type.
        budget: the maximum number of pieces of both texts together, at least 0.
    """
    keep_a = tf.minimum(length_a, tf.maximum(budget - length_b, (budget + 1) // 2))
    keep_b = tf.minimum(length_b, tf.maximum(budget - length_a, budget // 2))
    return keep_a, keep_b


def pack(
    pieces_a: tf.RaggedTensor,
    pieces_b: tf.RaggedTensor | None,
    *,
    cls_id: int,
    sep_id: int,
    sequence_length: int,
) -> PackedRagged:
    """Joins texts to [CLS] a [SEP] or [CLS] a [SEP] b [SEP], truncated to fit.

    Segment ids are 0 up to and including the first [SEP], then 1 (Devlin et al. 2019,
    Figure 2 and Section A.2). An empty text still has its [SEP]: a row without any
    piece is [CLS] [SEP].

    Example, cls_id=2, sep_id=3, sequence_length=7:
        a = [[11, 12, 13, 14]], b = [[21, 22]]
        -> token_ids [[2, 11, 12, 3, 21, 22, 3]], segment_ids [[0, 0, 0, 0, 1, 1, 1]]

    Args:
        pieces_a: integer ids [batch, pieces].
        pieces_b: integer ids [batch, pieces] of the second texts, or None.
        sequence_length: the maximum number of ids per row, with special tokens.

    Raises:
        ValueError: `sequence_length` is too short for the special tokens.
    """
    specials = 2 if pieces_b is None else 3
    if sequence_length < specials:
        raise ValueError(
            f"sequence_length must be at least {specials}, the number of special "
            f"tokens; received {sequence_length}"
        )
    budget = sequence_length - specials
    length_a = pieces_a.row_lengths()
    column = tf.ones([pieces_a.nrows(), 1], tf.int32)
    if pieces_b is None:
        keep_a = tf.minimum(length_a, budget)
        first = [cls_id * column, _keep_first(pieces_a, keep_a), sep_id * column]
        second = []
    else:
        keep_a, keep_b = truncate_pair(length_a, pieces_b.row_lengths(), budget)
        first = [cls_id * column, _keep_first(pieces_a, keep_a), sep_id * column]
        second = [_keep_first(pieces_b, keep_b), sep_id * column]
    token_ids = tf.concat([*first, *second], axis=1)
    positions = tf.ragged.range(token_ids.row_lengths())
    first_lengths = tf.gather(keep_a + 2, positions.value_rowids())
    in_second = tf.cast(positions.flat_values >= first_lengths, tf.int32)
    return PackedRagged(token_ids, token_ids.with_flat_values(in_second))


def pad(
    packed: PackedRagged, *, pad_id: int, length: int | None = None
) -> dict[str, tf.Tensor]:
    """Returns dense int32 tensors [batch, length], or [batch, longest row].

    Example, pad_id=0, length=4:
        token_ids [[2, 11, 3]], segment_ids [[0, 0, 0]]
        -> token_ids [[2, 11, 3, 0]], segment_ids [[0, 0, 0, 0]],
           padding_mask [[1, 1, 1, 0]]

    Returns:
        token_ids, segment_ids, and padding_mask: 1 where there is a token.

    Raises:
        tf.errors.InvalidArgumentError: a row is longer than `length`.
    """
    row_lengths = packed.token_ids.row_lengths()
    if length is not None:
        # to_tensor() would cut a longer row, with its [SEP], without an error.
        tf.debugging.assert_less_equal(
            row_lengths,
            tf.constant(length, row_lengths.dtype),
            message=f"a packed row is longer than length={length}",
        )
    shape = [None, length]
    token_ids = packed.token_ids.to_tensor(pad_id, shape=shape)
    segment_ids = packed.segment_ids.to_tensor(0, shape=shape)
    width = tf.shape(token_ids)[1] if length is None else length
    padding_mask = tf.sequence_mask(row_lengths, width, dtype=tf.int32)
    return {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        "padding_mask": padding_mask,
    }


def _keep_first(pieces: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """Returns the first `lengths[i]` ids of each row, int32."""
    starts = pieces.row_starts()
    index = tf.ragged.range(starts, starts + tf.cast(lengths, starts.dtype))
    return tf.cast(tf.gather(pieces.flat_values, index), tf.int32)
