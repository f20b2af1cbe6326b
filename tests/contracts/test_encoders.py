"""What objectives and stages rely on, for every architecture in pd_bert.models."""

import importlib
import pkgutil

import keras
import keras_nlp
import numpy as np
import pytest
import tensorflow as tf

import pd_bert.models
from pd_bert.models.bert import Bert
from pd_bert.models.encoder import Architecture
from pd_bert.models.heads import MaskedLMHead, PooledHead
from pd_bert.models.initialization import Whole
from pd_bert.models.model import Model

VOCABULARY, BATCH, LENGTH, HIDDEN = 23, 2, 6, 8

# An architecture that is new here needs an instance to test.
INSTANCES = {
    "Bert": Bert(
        name="b", num_layers=2, hidden_dim=HIDDEN, num_heads=2, max_sequence_length=16
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


@pytest.fixture(params=_classes())
def architecture(request: pytest.FixtureRequest) -> Architecture:
    keras.utils.set_random_seed(3)
    return INSTANCES[request.param]


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
    """Weights that no initialiser gives: biases are not 0, LayerNorm is not 1."""
    generator = np.random.default_rng(7)
    for layer in encoder.layers:  # type: ignore[attr-defined]
        for weight in layer.weights:
            if np.issubdtype(weight.dtype, np.floating):
                noise = generator.normal(size=weight.shape) * 0.2
                weight.assign(np.asarray(weight) + noise)


def close(one: tf.Tensor, other: tf.Tensor, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_shapes(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    output = encoder(inputs(), attention_scores=True)
    state = (BATCH, LENGTH, encoder.hidden_dim)
    assert encoder.vocabulary_size == VOCABULARY
    assert output.embeddings.shape == output.sequence.shape == state
    assert all(hidden.shape == state for hidden in output.hidden_states)
    close(output.hidden_states[-1], output.sequence, 0)
    assert output.pooled.shape == (BATCH, encoder.hidden_dim)
    assert encoder(inputs()).attention_scores == ()
    for scores in output.attention_scores:
        assert scores.shape[0] == BATCH and scores.shape[2:] == (LENGTH, LENGTH)


def test_number_of_parameters(architecture: Architecture) -> None:
    model = Model(architecture, {}, VOCABULARY)
    assert model.parameters == architecture.parameters(VOCABULARY)
    parts = model.encoder.parts()
    shapes = {n: tuple(tuple(w.shape) for w in part) for n, part in parts.items()}
    assert shapes == architecture.shapes(VOCABULARY)
    every = {id(weight) for part in parts.values() for weight in part}
    assert every == {id(weight) for weight in model.weights}


def test_soft_tokens_that_are_hard(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    hard = inputs()
    soft = {**hard, "token_ids": tf.one_hot(hard["token_ids"], VOCABULARY)}
    close(encoder(hard).sequence, encoder(soft).sequence)
    close(encoder(hard).pooled, encoder(soft).pooled)


def test_padding_changes_nothing(architecture: Architecture) -> None:
    encoder = architecture.build(VOCABULARY)
    scrambled(encoder)
    short, long = encoder(inputs()), encoder(inputs(padding=4))
    for one, other in zip(short.hidden_states, long.hidden_states, strict=True):
        close(one, other[:, :LENGTH])
    close(short.pooled, long.pooled)


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
    initialized = Whole().apply(student, loaded, "here")
    assert initialized["random"] == ["label"]  # another number of outputs
    close(student(batch).encoder.sequence, one.encoder.sequence, 0)


def test_logits_are_float32_in_half_precision(architecture: Architecture) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = Model(architecture, {"label": PooledHead(num_outputs=3)}, VOCABULARY)
        assert model(inputs()).logits["label"].dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


def test_bert_equals_the_backbone_called_whole() -> None:
    encoder = INSTANCES["Bert"].build(VOCABULARY)
    scrambled(encoder)
    batch = inputs(padding=2)
    assert isinstance(encoder.backbone, keras_nlp.models.BertBackbone)
    whole = encoder.backbone(batch)
    output = encoder(batch)
    close(output.sequence, whole["sequence_output"], 0)
    close(output.pooled, whole["pooled_output"], 0)


def test_bert_attention_scores_are_those_before_softmax() -> None:
    encoder = INSTANCES["Bert"].build(VOCABULARY)
    scrambled(encoder)
    batch = inputs(padding=2)
    output = encoder(batch, attention_scores=True)
    states = (output.embeddings, *output.hidden_states)
    hidden = batch["padding_mask"][:, None, None, :] == 0
    assert len(output.attention_scores) == 2
    for index, layer in enumerate(encoder.backbone.transformer_layers):
        mask = tf.cast(batch["padding_mask"], tf.bool)[:, None, :]
        _, wanted = layer._self_attention_layer(
            states[index],
            states[index],
            attention_mask=tf.tile(mask, [1, LENGTH + 2, 1]),
            return_attention_scores=True,
        )
        scores = tf.where(hidden, -1e9, output.attention_scores[index])
        close(tf.nn.softmax(scores), wanted)
