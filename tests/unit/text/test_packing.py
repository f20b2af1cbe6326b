import pytest
import tensorflow as tf

from pd_bert.text.packing import pack, pad, truncate_pair

CLS, SEP = 2, 3


def ragged(rows):
    return tf.ragged.constant(rows, ragged_rank=1, dtype=tf.int32)


def truncate_by_loop(length_a, length_b, budget):
    while length_a + length_b > budget:
        if length_a > length_b:
            length_a -= 1
        else:
            length_b -= 1
    return length_a, length_b


def test_truncate_pair_equals_the_loop():
    for budget in range(13):
        pairs = [(a, b) for a in range(15) for b in range(15)]
        keep_a, keep_b = truncate_pair(*tf.transpose(tf.constant(pairs)), budget)
        kept = list(zip(keep_a.numpy(), keep_b.numpy(), strict=True))
        assert kept == [truncate_by_loop(a, b, budget) for a, b in pairs]


def test_one_text():
    rows = [[11, 12, 13, 14], [11], []]
    packed = pack(ragged(rows), None, cls_id=CLS, sep_id=SEP, sequence_length=5)
    assert packed.token_ids.to_list() == [[2, 11, 12, 13, 3], [2, 11, 3], [2, 3]]
    assert packed.segment_ids.to_list() == [[0] * 5, [0] * 3, [0] * 2]
    assert packed.token_ids.dtype == packed.segment_ids.dtype == tf.int32


def test_two_texts():
    first = ragged([[11, 12, 13, 14], [11], [], [11]])
    second = ragged([[21, 22], [21, 22, 23, 24], [], []])
    packed = pack(first, second, cls_id=CLS, sep_id=SEP, sequence_length=7)
    assert packed.token_ids.to_list() == [
        [2, 11, 12, 3, 21, 22, 3],
        [2, 11, 3, 21, 22, 23, 3],
        [2, 3, 3],
        [2, 11, 3, 3],
    ]
    assert packed.segment_ids.to_list() == [
        [0, 0, 0, 0, 1, 1, 1],
        [0, 0, 0, 1, 1, 1, 1],
        [0, 0, 1],
        [0, 0, 0, 1],
    ]


def test_pad():
    packed = pack(ragged([[11], []]), None, cls_id=CLS, sep_id=SEP, sequence_length=9)
    longest = pad(packed, pad_id=7)
    assert longest["token_ids"].numpy().tolist() == [[2, 11, 3], [2, 3, 7]]
    assert longest["segment_ids"].numpy().tolist() == [[0, 0, 0], [0, 0, 0]]
    assert longest["padding_mask"].numpy().tolist() == [[1, 1, 1], [1, 1, 0]]
    fixed = pad(packed, pad_id=7, length=4)
    assert fixed["token_ids"].numpy().tolist() == [[2, 11, 3, 7], [2, 3, 7, 7]]
    assert fixed["padding_mask"].numpy().tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert {tensor.dtype for tensor in fixed.values()} == {tf.int32}


def test_pad_refuses_a_longer_row():
    packed = pack(ragged([[11]]), None, cls_id=CLS, sep_id=SEP, sequence_length=9)
    with pytest.raises(tf.errors.InvalidArgumentError, match="length=2"):
        pad(packed, pad_id=0, length=2)


@pytest.mark.parametrize(("length", "width"), [(None, 0), (8, 8)])
def test_empty_batch(length, width):
    empty = ragged([])
    packed = pack(empty, empty, cls_id=CLS, sep_id=SEP, sequence_length=8)
    for tensor in pad(packed, pad_id=0, length=length).values():
        assert tensor.shape == (0, width)


def test_no_room_for_specials():
    with pytest.raises(ValueError, match=r"must be at least 3, .*; received 2"):
        pack(ragged([[1]]), ragged([[1]]), cls_id=CLS, sep_id=SEP, sequence_length=2)


def test_saved_model_has_core_ops_only(tmp_path):
    row = tf.RaggedTensorSpec([None, None], tf.int32)
    module = tf.Module()

    @tf.function(input_signature=[row, row])
    def run(first, second):
        packed = pack(first, second, cls_id=CLS, sep_id=SEP, sequence_length=6)
        return pad(packed, pad_id=0, length=6)

    module.run = run
    tf.saved_model.save(module, tmp_path)
    ops = {op.type for op in run.get_concrete_function().graph.get_operations()}
    assert not ops & {"PyFunc", "EagerPyFunc", "TFText>RoundRobinTrim"}
    restored = tf.saved_model.load(tmp_path).run(ragged([[11]]), ragged([[21, 22]]))
    assert restored["token_ids"].numpy().tolist() == [[2, 11, 3, 21, 22, 3]]
    assert restored["padding_mask"].shape == (1, 6)
    nothing = tf.saved_model.load(tmp_path).run(ragged([]), ragged([]))
    assert nothing["token_ids"].shape == (0, 6)
