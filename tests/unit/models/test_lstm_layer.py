"""The LSTM against that of Keras, and compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.models.lstm_layer import LstmLayer

LENGTH, BATCH, WIDTH, UNITS = 7, 3, 4, 5
# The order of the gates here, in columns of Keras's, which are i, f, g, o.
_COLUMNS = np.concatenate([np.arange(UNITS) + UNITS * gate for gate in (0, 1, 3, 2)])


def layer(**kwargs: object) -> LstmLayer:
    made = LstmLayer(UNITS, **kwargs)
    made.build((None, None, WIDTH))
    draw = np.random.default_rng(1)
    for weight in made.weights:
        weight.assign(draw.normal(size=weight.shape))
    return made


@pytest.fixture
def states() -> tf.Tensor:
    draw = np.random.default_rng(0)
    return tf.constant(draw.normal(size=(LENGTH, BATCH, WIDTH)), tf.float32)


def loss(outputs: tf.Tensor) -> tf.Tensor:
    """One that differs for each step and unit."""
    weights = tf.cos(tf.range(tf.size(outputs), dtype=tf.float32))
    return tf.reduce_sum(tf.reshape(weights, tf.shape(outputs)) * outputs)


def gradients(made: LstmLayer, states: tf.Tensor) -> list[tf.Tensor]:
    """The outputs, and the gradients of inputs and weights."""
    with tf.GradientTape() as tape:
        tape.watch(states)
        outputs = made(states, training=True)
        total = loss(outputs)
    sources = [states, *(weight.value for weight in made.weights)]
    return [outputs, *tape.gradient(total, sources)]


def test_it_equals_the_lstm_of_keras(states) -> None:
    made = layer()
    theirs = keras.layers.LSTM(UNITS, return_sequences=True)
    theirs.build((None, None, WIDTH))
    for mine, weight in zip(made.weights, theirs.weights, strict=True):
        weight.assign(np.asarray(mine)[..., np.argsort(_COLUMNS)])
    with tf.GradientTape() as tape:
        tape.watch(states)
        wanted = tf.transpose(theirs(tf.transpose(states, [1, 0, 2])), [1, 0, 2])
        total = loss(wanted)
    sources = [states, *(weight.value for weight in theirs.weights)]
    d_states, *d_weights = tape.gradient(total, sources)
    found = gradients(made, states)
    expected = [wanted, d_states, *(np.asarray(d)[..., _COLUMNS] for d in d_weights)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(made(states), found[0])


@pytest.mark.parametrize("jit", [False, True])
def test_compiled_for_every_length(states, jit: bool) -> None:
    made = layer()
    compiled = tf.function(
        lambda values: gradients(made, values),
        input_signature=[tf.TensorSpec([None, None, WIDTH])],
        jit_compile=jit,
    )
    for length in (1, 2, LENGTH):
        expected = gradients(made, states[:length])
        for one, other in zip(compiled(states[:length]), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_in_half_precision_sums_are_float32(states) -> None:
    half, single = layer(dtype="mixed_bfloat16"), layer()
    found, expected = gradients(half, states), gradients(single, states)
    assert found[0].dtype == tf.float32
    assert all(each.dtype == tf.float32 for each in found[2:])
    for one, other in zip(found, expected, strict=True):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, rtol=0, atol=0.05 * scale)
        assert np.abs(one - other).max() > 0


def test_the_gate_that_forgets_begins_open() -> None:
    made = LstmLayer(2)
    made.build((None, None, 3))
    assert np.asarray(made.bias).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    recurrent = np.asarray(made.recurrent)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(2), atol=1e-5)
