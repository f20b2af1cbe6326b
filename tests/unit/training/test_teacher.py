"""Teachers that run in the step, and those whose outputs are stored."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.example_spec import Feature
from pd_bert.models.bert import Bert
from pd_bert.models.heads import PooledHead, TokenHead
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.outputs import EVERY_HEAD, Outputs, Wanted
from pd_bert.training.teacher import (
    Live,
    Stored,
    feature_values,
    stored_features,
    stored_shapes,
)

HEADS = {"label": PooledHead(num_outputs=3), "tag": TokenHead(num_outputs=2)}
ARCHITECTURE = Bert(
    name="b", num_layers=3, hidden_dim=8, num_heads=2, max_sequence_length=16
)
NETWORK = Network.of(ARCHITECTURE, HEADS, 20)
BATCH = {
    "token_ids": tf.constant([[2, 5, 6, 3], [2, 7, 3, 0]]),
    "segment_ids": tf.zeros((2, 4), tf.int32),
    "padding_mask": tf.constant([[1, 1, 1, 1], [1, 1, 1, 0]]),
}
ALL = Wanted(hidden=(1, 3), embeddings=True, sequence=True, pooled=True, heads=None)


@pytest.fixture(scope="module")
def model() -> Model:
    keras.utils.set_random_seed(0)
    return Model.of(NETWORK)


@pytest.mark.parametrize(
    ("wanted", "features"),
    [
        (
            ALL,
            {
                "big_logits": Feature(dtype="float32", shape=(3,)),
                "big_logits_tag": Feature(dtype="float32", shape=(None, 2)),
                "big_hidden_1": Feature(dtype="float16", shape=(None, 8)),
                "big_hidden_3": Feature(dtype="float16", shape=(None, 8)),
                "big_embeddings": Feature(dtype="float16", shape=(None, 8)),
                "big_sequence": Feature(dtype="float16", shape=(None, 8)),
                "big_pooled": Feature(dtype="float16", shape=(8,)),
            },
        ),
        (
            Wanted(heads=("label",)),
            {"big_logits": Feature(dtype="float32", shape=(3,))},
        ),
        (
            Wanted(hidden=(2,)),
            {"big_hidden_2": Feature(dtype="float16", shape=(None, 8))},
        ),
    ],
)
def test_names_and_shapes_of_features(
    wanted: Wanted, features: dict[str, Feature]
) -> None:
    assert stored_features("big", wanted, NETWORK, "float16") == features


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_stored_is_what_is_read(model: Model, dtype: str) -> None:
    outputs = model(BATCH, wanted=ALL)
    features = stored_features("big", ALL, NETWORK, dtype)
    values = feature_values("big", outputs, features)
    assert values.keys() == features.keys()
    for name, feature in features.items():
        assert values[name].dtype == feature.dtype, name
        shape = [n for n in feature.shape if n is not None]
        assert values[name].shape[-len(shape) :] == shape, name
    others = {"small_logits": tf.zeros((2, 3)), "big_other": tf.zeros((2, 3))}
    found = Stored("big")({**BATCH, **others, **values})
    assert found.logits.keys() == {"label", "tag"}
    assert found.hidden.keys() == {1, 3}
    assert found.attention == {}
    for value in tf.nest.flatten(found):
        assert value is None or value.dtype == tf.float32
    for head, logits in outputs.logits.items():
        np.testing.assert_array_equal(found.logits[head], logits)
    rounded = {"float32": 0.0, "float16": 1e-3, "bfloat16": 1e-2}[dtype]
    for one, other in (
        (found.hidden[1], outputs.hidden[1]),
        (found.hidden[3], outputs.hidden[3]),
        (found.embeddings, outputs.embeddings),
        (found.sequence, outputs.sequence),
        (found.pooled, outputs.pooled),
    ):
        np.testing.assert_allclose(one, other, rtol=rounded, atol=rounded)


def test_records_without_a_teacher_give_nothing() -> None:
    assert Stored("big")({**BATCH, "teacher_logits": tf.zeros((2, 3))}) == Outputs()


def test_attention_that_is_stored_is_read() -> None:
    scores = tf.reshape(tf.range(64.0), (2, 2, 4, 4))
    found = Stored()({"teacher_attention_2": tf.cast(scores, tf.float16)})
    assert list(found.attention) == [2]
    np.testing.assert_array_equal(found.attention[2], scores)


def test_features_that_a_student_reads() -> None:
    """Its logits have the shape of the student's; all else may have any."""
    wanted = Wanted(
        hidden=(2,),
        attention=(1,),
        sequence=True,
        pooled=True,
        heads=("label", "tag", "other"),
    )
    assert stored_shapes("big", wanted, NETWORK) == {
        "big_logits": (3,),
        "big_logits_tag": (None, 2),
        "big_logits_other": None,
        "big_hidden_2": None,
        "big_attention_1": None,
        "big_sequence": None,
        "big_pooled": None,
    }


def test_a_live_teacher_computes_what_is_wanted(model: Model) -> None:
    wanted = Wanted(hidden=(2,), attention=(1,), heads=("tag",))
    found = Live(model, wanted)(BATCH)
    outputs = model(BATCH, wanted=wanted)
    assert list(found.logits) == ["tag"] and found.pooled is None
    np.testing.assert_array_equal(found.logits["tag"], outputs.logits["tag"])
    np.testing.assert_array_equal(found.hidden[2], outputs.hidden[2])
    np.testing.assert_array_equal(found.attention[1], outputs.attention[1])


def test_a_live_teacher_is_frozen(model: Model) -> None:
    teacher = Live(model, EVERY_HEAD)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(teacher(BATCH).logits["label"])
    gradients = tape.gradient(loss, [weight.value for weight in model.weights])
    assert set(gradients) == {None}
    # Without dropout, whose rate is 0.1 here.
    first, second = (teacher(BATCH).logits["label"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
