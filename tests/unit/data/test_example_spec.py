import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import (
    TOKENS,
    Feature,
    parse,
    serialize,
    spec_from_json,
    spec_to_json,
)
from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.data.to_dataset import to_dataset
from pd_bert.errors import InputError

SPEC = {
    **TOKENS,
    "hidden": Feature(dtype="bfloat16", shape=(None, 3), fill=-1),
    "scores": Feature(dtype="float16", shape=(None,), fill=0.5),
    "pooled": Feature(dtype="bfloat16", shape=(2, 2)),
    "half": Feature(dtype="float16"),
    "logits": Feature(dtype="float32", shape=(None, 2)),
    "tags": Feature(dtype="int64", shape=(None,), fill=-100),
    "spans": Feature(dtype="int32", shape=(None, 2), fill=7),
    "label": Feature(dtype="int32"),
}


def example(number: int) -> dict[str, np.ndarray | int]:
    """`number` tokens, of which one less has tags and half have spans."""
    draw = np.random.default_rng(number)
    return {
        "token_ids": np.arange(number, dtype=np.int32),
        "segment_start": number,
        "hidden": draw.normal(size=(number, 3)).astype(ml_dtypes.bfloat16),
        "scores": draw.normal(size=number).astype(np.float16),
        "pooled": draw.normal(size=(2, 2)).astype(ml_dtypes.bfloat16),
        "half": np.float16(number / 3),
        "logits": draw.normal(size=(number, 2)).astype(np.float32),
        "tags": draw.integers(-5, 5, number - 1),
        "spans": draw.integers(-(2**31), 2**31, (number // 2, 2)),
        "label": -number,
    }


LENGTHS = (4, 2, 7, 1, 5)


@pytest.fixture
def records(tmp_path) -> Records:
    shards = [LENGTHS[:2], LENGTHS[2:]]
    write_shards(
        lambda: shards, lambda s: map(example, s), spec=SPEC, directory=tmp_path
    )
    write_manifest(tmp_path, spec=SPEC, description={"vocabulary": "v"})
    return Records(tmp_path)


def test_every_dtype_and_shape_comes_back_to_the_bit(records) -> None:
    assert records.spec == SPEC
    columns = records.columns([0, 1])
    for row, number in enumerate(LENGTHS):
        for name, value in example(number).items():
            found = columns[name][row]
            wanted = np.asarray(value).astype(SPEC[name].in_memory)
            assert found.dtype == SPEC[name].in_memory
            assert found.shape == wanted.shape
            assert found.tobytes() == wanted.tobytes(), name


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_every_sequence_is_padded_by_its_own_fill(records, block_bytes) -> None:
    batches = Batches(
        records,
        batch_size=2,
        buckets=(8,),
        pad_id=9,
        shuffle=False,
        block_bytes=block_bytes,
    )
    fills = {"token_ids": 9, "hidden": -1, "scores": 0.5, "logits": 0}
    fills |= {"tags": -100, "spans": 7}
    seen = []
    for batch in batches.epoch():
        for row, number in enumerate(LENGTHS[i] for i in batch["example_id"]):
            seen.append(number)
            assert batch["padding_mask"][row].tolist() == [1] * number + [0] * (
                8 - number
            )
            for name, value in example(number).items():
                if name not in fills:
                    continue
                padded, size = batch[name][row], len(np.atleast_1d(value))
                assert padded.dtype == SPEC[name].in_memory
                assert padded.shape == (8, *SPEC[name].row_shape)
                wanted = np.asarray(value).astype(padded.dtype)
                assert padded[:size].tobytes() == wanted.tobytes()
                assert (padded[size:].astype(np.float32) == fills[name]).all()
        assert batch["pooled"].shape == (2, 2, 2)
        assert batch["label"].dtype == batch["tags"].dtype == np.int32
    assert set(seen) == set(LENGTHS)


def test_tensors_keep_dtypes_and_shapes(records) -> None:
    batches = Batches(records, batch_size=2, buckets=(4, 8), pad_id=9)
    dataset = to_dataset(batches, replicas=2, local=range(1, 2))
    assert dataset.element_spec["hidden"] == tf.TensorSpec((1, None, 3), tf.bfloat16)
    assert dataset.element_spec["scores"] == tf.TensorSpec((1, None), tf.float16)
    assert dataset.element_spec["pooled"] == tf.TensorSpec((1, 2, 2), tf.bfloat16)
    for found, batch in zip(dataset, batches.epoch(), strict=True):
        for name, value in batch.items():
            assert found[name].numpy().tobytes() == value[1:].tobytes()


def test_what_is_stored() -> None:
    """Integers and float32 as lists of numbers, 16 bits as little-endian bytes."""
    spec = {
        "ids": Feature(dtype="int64", shape=(None,)),
        "logits": Feature(dtype="float32", shape=(2,)),
        "half": Feature(dtype="float16", shape=(None, 1)),
        "brain": Feature(dtype="bfloat16", shape=(2,)),
    }
    values = {"ids": [3, 1], "logits": [0.5, 2.0], "half": [[1.0]], "brain": [1.0, -2]}
    proto = tf.train.Example.FromString(serialize(values, spec))
    features = proto.features.feature
    assert features["ids"].int64_list.value == [3, 1]
    assert features["logits"].float_list.value == [0.5, 2.0]
    assert features["half"].bytes_list.value == [b"\x00\x3c"]
    assert features["brain"].bytes_list.value == [b"\x80\x3f\x00\xc0"]


def test_no_sequence_element_at_all() -> None:
    spec = {"spans": Feature(dtype="bfloat16", shape=(None, 2))}
    empty = serialize({"spans": np.zeros((0, 2))}, spec)
    full = serialize({"spans": np.ones((3, 2))}, spec)
    parsed = parse([empty, full, empty], spec)["spans"]
    assert parsed.values.shape == (3, 2)
    assert parsed.lengths is not None and parsed.lengths.tolist() == [0, 3, 0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tags": [1, 2, 3, 4, 5]}, "as long as token_ids, 4; received tags"),
        ({"label": 2**31}, "32 bits; received label"),
        ({"tags": np.array([-(2**31) - 1])}, "32 bits; received tags"),
        ({"hidden": np.zeros((4, 2))}, "hidden has shape"),
        ({"pooled": np.zeros(4)}, "pooled has shape"),
        ({"more": 1}, "has the features"),
    ],
)
def test_other_values_are_refused(changed, message) -> None:
    with pytest.raises(ValueError, match=message):
        serialize({**example(4), **changed}, SPEC)


def test_features_are_checked() -> None:
    with pytest.raises(InputError, match="float64"):
        Feature(dtype="float64")
    with pytest.raises(InputError, match="first dimension"):
        Feature(dtype="int64", shape=(2, None))


def test_json_is_read_strictly() -> None:
    data = spec_to_json(SPEC)
    assert data["token_ids"]["fill"] is None and data["scores"]["fill"] == 0.5
    assert spec_from_json(data) == SPEC
    with pytest.raises(InputError, match=r"tags has dtype, shape"):
        spec_from_json({"tags": {"dtype": "int64", "shape": [None]}})
