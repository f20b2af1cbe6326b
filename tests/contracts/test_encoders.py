"""What objectives and stages rely on, for every architecture in pd_bert.models."""

import importlib
import pkgutil

import keras
import keras_nlp
import numpy as np
import pytest
import tensorflow as tf

import pd_bert.models
from pd_bert.errors import InputError
from pd_bert.models.bert import Bert
from pd_bert.models.bilstm import BiLstm
from pd_bert.models.dropout import dropout_seed
from pd_bert.models.encoder import Architecture, Encoder, embed
from pd_bert.models.heads import MaskedLMHead, PooledHead, TokenHead
from pd_bert.models.initialization import Whole
from pd_bert.models.model import Model
from pd_bert.models.outputs import Outputs, SoftTokens, Wanted

VOCABULARY, BATCH, LENGTH, HIDDEN = 23, 2, 6, 8

BERT = Bert(
    name="b", num_layers=2, hidden_dim=HIDDEN, num_heads=2, max_sequence_length=16
)
# An architecture that is new here needs instances to test.
INSTANCES: dict[str, tuple[Architecture, ...]] = {
    "Bert": (BERT,),
    "BiLstm": (
        BiLstm(name="plain", embedding_dim=5, units=3),
        BiLstm(name="kept", embedding_dim=5, units=3, projection_dim=4, kept=14),
    ),
}


def _classes() -> list[str]:
    for module in pkgutil.iter_modules(pd_bert.models.__path__):
        importlib.import_module(f"pd_bert.models.{module.name}")
    found, classes = [], [Architecture]
    while classes:
        for cls in classes.pop().__subclasses__():
            classes.append(cls)
            if cls.__module__.startswith("pd_bert.") and not cls.__abstractmethods__:
                found.append(cls.__name__)
    return found


_EVERY = [(name, each) for name in _classes() for each in INSTANCES[name]]


@pytest.fixture(params=_EVERY, ids=[f"{name}-{each.name}" for name, each in _EVERY])
def architecture(request: pytest.FixtureRequest) -> Architecture:
    keras.utils.set_random_seed(3)
    return request.param[1]


def inputs(length: int = LENGTH, padding: int = 0) -> dict[str, tf.Tensor]:
    generator = np.random.default_rng(0)
    ids = generator.integers(5, VOCABULARY, (BATCH, length))
    mask = np.ones((BATCH, length))
    ids = np.pad(ids, ((0, 0), (0, padding)))
    return {
        "token_ids": tf.constant(ids, tf.int32),
        "segment_ids": tf.constant([[0] * 3 + [1] * (length - 3 + padding)] * BATCH),
        "padding_mask": tf.constant(np.pad(mask, ((0, 0), (0, padding))), tf.int32),
    }


def scrambled(encoder: object) -> None:
    """Weights that no initializer gives: biases are not 0, LayerNorm is not 1."""
    generator = np.random.default_rng(7)
    for layer in encoder.layers:  # type: ignore[attr-defined]
        for weight in layer.weights:
            if np.issubdtype(weight.dtype, np.floating):
                noise = generator.normal(size=weight.shape) * 0.2
                weight.assign(np.asarray(weight) + noise)


def close(one: tf.Tensor, other: tf.Tensor, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def everything(architecture: Architecture) -> Wanted:
    """All that an encoder of this architecture computes."""
    layers = tuple(range(1, architecture.num_layers + 1))
    return Wanted(
        hidden=layers,
        attention=layers if architecture.attention_heads else (),
        embeddings=True,
        sequence=True,
        pooled=True,
    )


def test_shapes(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    output = encoder(inputs(), wanted=everything(architecture))
    assert encoder.hidden_dim == architecture.hidden_dim
    assert encoder.vocabulary_size == VOCABULARY
    assert output.sequence.shape == (BATCH, LENGTH, architecture.hidden_dim)
    layers = list(range(1, architecture.num_layers + 1))
    assert list(output.hidden) == layers
    for layer, states in {0: output.embeddings, **output.hidden}.items():
        assert states.shape == (BATCH, LENGTH, architecture.width(layer))
    if "projection" not in encoder.parts():
        close(output.hidden[layers[-1]], output.sequence, 0)
    assert output.pooled.shape == (BATCH, encoder.hidden_dim)
    scores = (BATCH, architecture.attention_heads, LENGTH, LENGTH)
    assert list(output.attention) == (layers if architecture.attention_heads else [])
    assert all(value.shape == scores for value in output.attention.values())


def kinds(architecture: Architecture) -> list[Wanted]:
    """Each output by itself, and several."""
    top = architecture.num_layers
    some = [
        Wanted(hidden=(1,)),
        Wanted(hidden=(top,)),
        Wanted(embeddings=True),
        Wanted(sequence=True),
        Wanted(pooled=True),
        Wanted(hidden=tuple({1, top}), embeddings=True, pooled=True),
        Wanted(),
    ]
    if architecture.attention_heads:
        some += [Wanted(attention=(1,)), Wanted(attention=(top,), hidden=(1,))]
    return some


def test_outputs_are_those_that_are_wanted_and_no_others(
    architecture: Architecture,
) -> None:
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    every = encoder(inputs(), wanted=everything(architecture))
    for wanted in kinds(architecture):
        output = encoder(inputs(), wanted=wanted)
        assert isinstance(output, Outputs) and output.logits == {}
        assert tuple(output.hidden) == wanted.hidden
        assert tuple(output.attention) == wanted.attention
        for layer, value in output.hidden.items():
            close(value, every.hidden[layer], 0)
        for layer, value in output.attention.items():
            close(value, every.attention[layer], 0)
        for name in ("embeddings", "sequence", "pooled"):
            value = getattr(output, name)
            assert (value is not None) == getattr(wanted, name), (wanted, name)
            if value is not None:
                close(value, getattr(every, name), 0)


def test_layers_above_the_highest_wanted_are_not_computed(
    architecture: Architecture,
) -> None:
    """Weights that no wanted output depends on get no gradient."""
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    parts = list(encoder.parts())
    for layer in range(1, architecture.num_layers + 1):
        below = parts[: parts.index(f"layer_{layer - 1}") + 1]
        assert touched(encoder, Wanted(hidden=(layer,))) == set(below)
    assert touched(encoder, Wanted(pooled=True)) == set(parts)
    assert touched(encoder, Wanted(sequence=True)) == set(parts) - {"pooler"}
    embeddings = set(parts[: parts.index("layer_0")])
    assert touched(encoder, Wanted(embeddings=True)) == embeddings


def touched(encoder: Encoder, wanted: Wanted) -> set[str]:
    """The parts with a weight that a traced call of the encoder reads."""

    @tf.function
    def call(batch):
        return tf.nest.flatten(encoder(batch, wanted=wanted))

    captured = {
        id(tensor) for tensor, _ in call.get_concrete_function(inputs()).graph.captures
    }
    return {
        name
        for name, weights in encoder.parts().items()
        if any(id(weight.value.handle) in captured for weight in weights)
    }


def test_layers_that_it_does_not_have_are_refused(architecture: Architecture) -> None:
    top = architecture.num_layers
    architecture.require(everything(architecture), "here")
    for layer in (0, top + 1):
        says = f"here: layers of .* numbered 1 to {top}; received {layer}"
        with pytest.raises(InputError, match=says):
            architecture.require(Wanted(hidden=(layer,)), "here")
        with pytest.raises(InputError, match=says):
            architecture.require(Wanted(attention=(layer,)), "here")


def test_number_of_parameters(architecture: Architecture) -> None:
    model = Model(architecture, {}, VOCABULARY)
    assert model.parameters == architecture.parameters(VOCABULARY)
    parts = model.encoder.parts()
    shapes = {n: tuple(tuple(w.shape) for w in part) for n, part in parts.items()}
    assert shapes == architecture.shapes(VOCABULARY)
    every = {id(w) for part in parts.values() for w in part if w.trainable}
    assert every == {id(weight) for weight in model.weights}
    heads = {"masked_lm": MaskedLMHead(), "label": PooledHead(num_outputs=3)}
    model = Model(architecture, heads, VOCABULARY)
    assert model.parameters == model.network.parameters


def test_dropout_follows_the_seed_of_the_step(architecture: Architecture) -> None:
    model = Model(architecture, {"label": PooledHead(num_outputs=3)}, VOCABULARY)

    def logits(seed: int) -> np.ndarray:
        with dropout_seed(tf.constant([seed, 1])):
            return model(inputs(), training=True).logits["label"].numpy()

    one = logits(5)
    np.testing.assert_array_equal(logits(5), one)
    assert np.abs(logits(6) - one).max() > 1e-4
    model = Model(architecture, {}, VOCABULARY, dropout=0.0)
    sequence = Wanted(sequence=True)
    close(
        model(inputs(), training=True, wanted=sequence).sequence,
        model(inputs(), wanted=sequence).sequence,
        1e-6,
    )


def test_soft_tokens_that_are_hard(architecture: Architecture) -> None:
    """One weight of 1 per position: to the bit with ids, whatever the other ids are."""
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    hard = inputs()
    ids = hard["token_ids"]
    wanted = encoder(hard)
    dense = SoftTokens(weights=tf.one_hot(ids, VOCABULARY))
    output = encoder({**hard, "token_ids": dense})
    close(output.sequence, wanted.sequence)
    close(output.pooled, wanted.pooled)
    one = SoftTokens(ids=ids[..., None], weights=tf.ones((BATCH, LENGTH, 1)))
    output = encoder({**hard, "token_ids": one})
    close(output.sequence, wanted.sequence, 0)
    close(output.pooled, wanted.pooled, 0)
    several = SoftTokens(
        ids=tf.stack([ids, (ids + 1) % VOCABULARY, ids * 0], -1),
        weights=tf.constant([[[1.0, 0.0, 0.0]] * LENGTH] * BATCH),
    )
    close(encoder({**hard, "token_ids": several}).sequence, wanted.sequence)


def test_soft_tokens_are_weighted_sums(architecture: Architecture) -> None:
    """The same weights, given densely and by ids, of which one occurs twice."""
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    hard = inputs()
    sparse = SoftTokens(
        ids=tf.constant([[[4, 9, 4]] * LENGTH] * BATCH),
        weights=tf.constant([[[0.5, 0.3, 0.2]] * LENGTH] * BATCH),
    )
    row = np.zeros(VOCABULARY, np.float32)
    row[4], row[9] = 0.7, 0.3
    dense = SoftTokens(weights=tf.constant(np.tile(row, (BATCH, LENGTH, 1))))
    one, other = (encoder({**hard, "token_ids": soft}) for soft in (sparse, dense))
    close(one.sequence, other.sequence)
    assert np.abs(one.sequence - encoder(hard).sequence).max() > 0.01
    table = np.asarray(encoder.parts()["token_embedding"][0])
    wanted = 0.7 * table[4] + 0.3 * table[9]
    close(embed(encoder.token_embedding, sparse)[1, 2], wanted)
    close(embed(encoder.token_embedding, dense)[1, 2], wanted)


def test_soft_tokens_give_their_weights_a_gradient(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    for ids, size in ((None, VOCABULARY), (tf.constant([[[1, 2]] * 6] * BATCH), 2)):
        weights = tf.fill((BATCH, LENGTH, size), 1 / size)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            soft = {**inputs(), "token_ids": SoftTokens(ids=ids, weights=weights)}
            loss = tf.reduce_sum(tf.square(encoder(soft).pooled))
        assert np.abs(tape.gradient(loss, weights)).min() > 0


def test_padding_changes_nothing(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    wanted = everything(architecture)
    short, long = (encoder(inputs(padding=n), wanted=wanted) for n in (0, 4))
    for layer, value in short.hidden.items():
        close(value, long.hidden[layer][:, :LENGTH])
    close(short.pooled, long.pooled)


# ---- heads


def test_a_token_head_has_logits_at_every_position(architecture: Architecture) -> None:
    head = TokenHead(num_outputs=5)
    model = Model(architecture, {"tag": head}, VOCABULARY)
    scrambled(model)
    output = model(inputs(), wanted=Wanted(sequence=True, heads=("tag",)))
    assert head.output_shape(VOCABULARY) == (None, 5)
    kernel, bias = (np.asarray(weight) for weight in model.head_weights("tag"))
    close(output.logits["tag"], output.sequence @ kernel + bias)
    assert head.parameters(architecture.hidden_dim, VOCABULARY) == 5 + kernel.size
    # A padded batch has the same logits at the same tokens.
    close(model(inputs(padding=3)).logits["tag"][:, :LENGTH], output.logits["tag"])


def test_a_masked_lm_head_without_positions_is_at_all(
    architecture: Architecture,
) -> None:
    model = Model(architecture, {"masked_lm": MaskedLMHead()}, VOCABULARY)
    scrambled(model)
    positions = tf.constant([[4, 1, 1], [0, 5, 2]])
    some = model({**inputs(), "masked_positions": positions}).logits["masked_lm"]
    every = model(inputs()).logits["masked_lm"]
    assert some.shape == (BATCH, 3, VOCABULARY)
    assert every.shape == (BATCH, LENGTH, VOCABULARY)
    close(some, tf.gather(every, positions, batch_dims=1))


def test_heads_that_are_not_wanted_are_not_computed(architecture: Architecture) -> None:
    heads = {"one": PooledHead(num_outputs=2), "other": TokenHead(num_outputs=3)}
    model = Model(architecture, heads, VOCABULARY)
    scrambled(model)
    every = model(inputs())
    assert every.logits.keys() == {"one", "other"}
    for name in heads:
        output = model(inputs(), wanted=Wanted(heads=(name,)))
        assert list(output.logits) == [name]
        close(output.logits[name], every.logits[name], 0)
    output = model(inputs(), wanted=Wanted(embeddings=True))
    assert output.logits == {} and output.embeddings is not None


def test_save_and_load(architecture: Architecture, tmp_path) -> None:
    heads = {"masked_lm": MaskedLMHead(), "label": PooledHead(num_outputs=3)}
    model = Model(architecture, heads, VOCABULARY)
    scrambled(model)
    model.save(tmp_path)
    model.save(tmp_path)  # again, as after a kill
    loaded = Model.load(tmp_path)
    assert loaded.architecture == architecture
    batch = {**inputs(), "masked_positions": tf.constant([[1, 2]] * BATCH)}
    one, other = model(batch), loaded(batch)
    for name in heads:
        close(one.logits[name], other.logits[name], 0)
    student = Model(architecture, {"label": PooledHead(num_outputs=2)}, VOCABULARY)
    taken = Whole().apply(student, loaded, "here")
    assert taken == tuple(model.encoder.parts())  # the head has other outputs
    sequence = Wanted(sequence=True)
    close(
        student(batch, wanted=sequence).sequence,
        model(batch, wanted=sequence).sequence,
        0,
    )


def test_logits_are_float32_in_half_precision(architecture: Architecture) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = Model(architecture, {"label": PooledHead(num_outputs=3)}, VOCABULARY)
        assert model(inputs()).logits["label"].dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


def test_bert_equals_the_backbone_called_whole() -> None:
    encoder = BERT.build(VOCABULARY)
    scrambled(encoder)
    batch = inputs(padding=2)
    assert isinstance(encoder.backbone, keras_nlp.models.BertBackbone)
    whole = encoder.backbone(batch)
    output = encoder(batch)
    close(output.sequence, whole["sequence_output"], 0)
    close(output.pooled, whole["pooled_output"], 0)


def test_bert_attention_scores_are_those_before_softmax() -> None:
    encoder = BERT.build(VOCABULARY)
    scrambled(encoder)
    batch = inputs(padding=2)
    output = encoder(batch, wanted=everything(BERT))
    states = (output.embeddings, *output.hidden.values())
    hidden = batch["padding_mask"][:, None, None, :] == 0
    assert len(output.attention) == 2
    for index, layer in enumerate(encoder.backbone.transformer_layers):
        mask = tf.cast(batch["padding_mask"], tf.bool)[:, None, :]
        _, wanted = layer._self_attention_layer(
            states[index],
            states[index],
            attention_mask=tf.tile(mask, [1, LENGTH + 2, 1]),
            return_attention_scores=True,
        )
        scores = tf.where(hidden, -1e9, output.attention[index + 1])
        close(tf.nn.softmax(scores), wanted)
