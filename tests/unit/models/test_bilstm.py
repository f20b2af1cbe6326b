"""BiLSTM encoders: directions, padding, pieces that are kept, and files."""

import dataclasses
import importlib.util  # noqa: F401  # gin uses it without importing it

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from pd_bert import config
from pd_bert.errors import InputError
from pd_bert.models.bilstm import BiLstm
from pd_bert.models.initialization import Whole
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.outputs import Wanted

VOCABULARY = 20
SMALL = BiLstm(name="small", embedding_dim=6, units=5)
KEPT = dataclasses.replace(SMALL, kept=4)
LENGTHS = (7, 4, 1)
EVERYTHING = Wanted(hidden=(1,), embeddings=True, sequence=True, pooled=True)

# (E, H): the table's millions of parameters (Mukherjee and Awadallah 2020, Table 8).
TABLE = {(300, 600): 31.8, (100, 400): 11.1, (50, 200): 5.1, (50, 100): 4.7}


@pytest.fixture
def batch() -> dict[str, tf.Tensor]:
    keras.utils.set_random_seed(0)
    draw = np.random.default_rng(0)
    mask = np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]
    ids = draw.integers(5, VOCABULARY, mask.shape)
    return {
        "token_ids": tf.constant(ids, tf.int32),
        "segment_ids": tf.zeros(mask.shape, tf.int32),
        "padding_mask": tf.constant(mask, tf.int32),
    }


def test_it_equals_bidirectional_of_keras_at_every_token(batch) -> None:
    encoder = SMALL.build(VOCABULARY)
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))
    theirs.build((None, None, 6))
    for mine, weight in zip(encoder.parts()["layer_0"], theirs.weights, strict=True):
        # Keras has the gates in the order i, f, g, o.
        i, f, o, g = np.split(np.asarray(mine), 4, axis=-1)
        weight.assign(np.concatenate([i, f, g, o], axis=-1))
    found = encoder(batch, wanted=EVERYTHING)
    mask = tf.cast(batch["padding_mask"], tf.bool)
    expected = theirs(found.embeddings, mask=mask).numpy()
    for row, length in enumerate(LENGTHS):
        states = found.sequence[row, :length]
        np.testing.assert_allclose(states, expected[row, :length], atol=1e-6)
        ends = np.concatenate([expected[row, length - 1, :5], expected[row, 0, 5:]])
        np.testing.assert_allclose(found.pooled[row], ends, atol=1e-6)


def test_padding_never_reaches_a_token(batch) -> None:
    encoder = dataclasses.replace(SMALL, projection_dim=3).build(VOCABULARY)
    ids = batch["token_ids"]
    padding = 1 - batch["padding_mask"]
    other = {**batch, "token_ids": ids * (1 - padding) + 3 * padding}
    mask = batch["padding_mask"].numpy().astype(bool)
    for training in (False, True):
        encoder.embeddings_dropout.rate = encoder.states_dropout.rate = 0.0
        one, two = (
            encoder(each, training=training, wanted=EVERYTHING)
            for each in (batch, other)
        )
        np.testing.assert_array_equal(one.pooled, two.pooled)
        for name in ("sequence", "hidden"):
            states = [getattr(each, name) for each in (one, two)]
            a, b = (each[1] if name == "hidden" else each for each in states)
            np.testing.assert_array_equal(a.numpy()[mask], b.numpy()[mask])
    with tf.GradientTape() as tape:
        output = encoder(other, training=True)
        at_tokens = tf.boolean_mask(output.sequence, mask)
        total = tf.reduce_sum(at_tokens**2) + tf.reduce_sum(output.pooled**2)
    table = encoder.parts()["token_embedding"][0]
    gradient = tf.convert_to_tensor(tape.gradient(total, table.value)).numpy()
    assert not gradient[3].any()
    assert gradient[np.unique(ids.numpy()[mask])].any(1).all()


def test_pieces_without_a_row_share_one(batch) -> None:
    model = Model(KEPT, {}, VOCABULARY)
    rows, row_of = model.encoder.parts()["token_embedding"]
    assert rows.shape == (4, 6) and row_of.dtype == "int32" and not row_of.trainable
    assert model.parameters == KEPT.parameters(VOCABULARY) == 4 * 6 + 2 * 20 * 12
    assert Network.of(KEPT, {}, VOCABULARY).parameters == model.parameters
    assert np.asarray(row_of).tolist() == [0, 1, 2] + [3] * 17
    row_of.assign([1] * 10 + [0] * 8 + [2, 3])
    wanted = Wanted(embeddings=True)
    ids = tf.constant([[0, 9, 10, 17, 18, 19]])
    inputs = {**batch, "token_ids": ids}
    found = model.encoder(inputs, wanted=wanted).embeddings[0]
    table = np.asarray(rows)
    np.testing.assert_array_equal(found, table[[1, 1, 0, 0, 2, 3]])
    states = tf.random.stateless_normal([2, 3, 6], [1, 2])
    logits = model.encoder.token_embedding(states, reverse=True)
    expected = np.einsum("ble,ve->blv", states, table[np.asarray(row_of)])
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_the_map_goes_with_the_model(tmp_path) -> None:
    model = Model(KEPT, {}, VOCABULARY)
    row_of = model.encoder.parts()["token_embedding"][1]
    row_of.assign(np.arange(VOCABULARY) % 4)
    model.save(tmp_path)
    student = Model(KEPT, {}, VOCABULARY)
    Whole().apply(student, Model.load(tmp_path), "here")
    taken = np.asarray(student.encoder.parts()["token_embedding"][1])
    np.testing.assert_array_equal(taken, np.asarray(row_of))


def test_weights_of_another_shape_are_refused(tmp_path) -> None:
    SMALL.build(VOCABULARY).save(tmp_path)
    says = r"its shapes, .*\(21, 6\).*weights\.npz holds .*\(20, 6\)"
    with pytest.raises(InputError, match=says):
        SMALL.build(VOCABULARY + 1).load(tmp_path)
    with pytest.raises(InputError, match=r"its shapes, .*projection"):
        dataclasses.replace(SMALL, projection_dim=2).build(VOCABULARY).load(tmp_path)


def test_rows_that_do_not_exist_are_refused(tmp_path) -> None:
    encoder = KEPT.build(VOCABULARY)
    encoder.save(tmp_path)
    with np.load(tmp_path / "weights.npz") as file:
        arrays = dict(file)
    arrays["token_embedding/1"][7] = 4
    np.savez(tmp_path / "weights.npz", **arrays)
    says = r"rows that exist, 0 to 3; .*weights\.npz holds rows 0 to 4"
    with pytest.raises(InputError, match=says):
        encoder.load(tmp_path)


def test_sizes_that_make_no_encoder_are_refused() -> None:
    with pytest.raises(InputError, match="units must be at least 1; b has units = 0"):
        BiLstm(name="b", embedding_dim=1, units=0)
    with pytest.raises(InputError, match="kept = 4, the vocabulary 3 pieces"):
        KEPT.build(3)


def test_a_step_in_parts_and_compiled(batch) -> None:
    """The gradient of every weight, whole, compiled by XLA, and for each example."""
    model = Model(dataclasses.replace(SMALL, projection_dim=3), {}, VOCABULARY)
    weights = [weight.value for weight in model.weights]

    def gradients(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            output = model(batch, wanted=Wanted(pooled=True), training=True)
            loss = tf.reduce_sum(output.pooled**2)
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    for layer in (model.encoder.embeddings_dropout, model.encoder.states_dropout):
        layer.rate = 0.0
    whole = gradients(batch)
    compiled = tf.function(gradients, jit_compile=True)(batch)
    rows = [{k: v[row : row + 1] for k, v in batch.items()} for row in range(3)]
    parts = [tf.add_n(each) for each in zip(*map(gradients, rows), strict=True)]
    for one, two, three in zip(whole, compiled, parts, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
        np.testing.assert_allclose(one, three, atol=1e-5)
        assert np.abs(one).max() > 0


@pytest.mark.parametrize(("embedding", "units"), TABLE)
def test_size_file(embedding: int, units: int) -> None:
    name = f"bilstm_{embedding}_{units}"
    gin.clear_config()
    gin.parse_config_file(str(config.gin_folder() / "sizes" / f"{name}.gin"))
    with gin.config_scope(name):
        size = gin.get_configurable(BiLstm)()
    assert (size.name, size.embedding_dim, size.units) == (name, embedding, units)
    # With as many of the 119,547 pieces as the table's figures leave for embeddings.
    count = size.keeping(88_200).parameters(119_547)
    assert abs(count / 1e6 - TABLE[embedding, units]) < 0.11


def test_operations(batch) -> None:
    e, h, p = 6, 5, 3
    size = dataclasses.replace(SMALL, projection_dim=p)
    inputs_and_states = 2 * (2 * e * 4 * h + 2 * h * 4 * h)
    assert size.flops(VOCABULARY, 9) == 9 * (inputs_and_states + 2 * 2 * h * p)
