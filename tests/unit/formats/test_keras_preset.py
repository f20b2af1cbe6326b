"""Presets give what keras-nlp gives, and keras-nlp reads what is written."""

import pathlib

import keras
import keras_nlp
import numpy as np
import pytest
import tensorflow as tf

from pd_bert.formats.base import LoadedModel
from pd_bert.formats.keras_preset import KerasPreset
from pd_bert.formats.notes import info_of
from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece


def bert(*, exact_gelu: bool = False) -> Bert:
    return Bert(
        name="L2-H16",
        num_layers=2,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=24,
        max_sequence_length=12,
        exact_gelu=exact_gelu,
    )


def checkpoint(
    architecture: Bert, heads: dict[str, Head], vocabulary: Vocabulary
) -> LoadedModel:
    keras.utils.set_random_seed(1)
    model = Model(architecture, heads, len(vocabulary), dropout=0.0)
    draw = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + 0.2 * draw.normal(size=weight.shape))
    labels = ("no", "yes") if "label" in heads else ()
    info = info_of({"inputs": ["text", "text_b"]}, labels, name="b", sequence_length=9)
    return LoadedModel(model=model, vocabulary=vocabulary, info=info)


def inputs(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {n: v for n, v in batch.items() if n != "masked_positions"}


def same(one: Model, other: Model) -> None:
    for mine, theirs in zip(one.weights, other.weights, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("lowercase", [True, False])
def test_encoder(lowercase, vocabulary, batch, tmp_path):
    vocabulary = Vocabulary(tokens=vocabulary.tokens, lowercase=lowercase)
    made = checkpoint(bert(), {"masked_lm": MaskedLMHead()}, vocabulary)
    (line,) = KerasPreset().write(made, tmp_path)
    assert line == "keras-nlp has no equal head for masked_lm: left out"
    backbone = keras_nlp.models.BertBackbone.from_preset(str(tmp_path))
    output = backbone(inputs(batch))
    ours = made.model.encoder(batch)
    np.testing.assert_allclose(ours.sequence, output["sequence_output"], atol=1e-5)
    np.testing.assert_allclose(ours.pooled, output["pooled_output"], atol=1e-5)
    assert backbone.dropout == 0.1
    tokenizer = keras_nlp.models.BertTokenizer.from_preset(str(tmp_path))
    texts = ["The film was unaffable!", "the中film"]
    ids = [np.asarray(tokenizer(text)).tolist() for text in texts]
    assert ids == WordPiece(vocabulary)(tf.constant(texts)).to_list()
    assert tokenizer.lowercase is lowercase
    assert KerasPreset().recognizes(tmp_path)
    back = KerasPreset().read(tmp_path)
    assert back.vocabulary == vocabulary and back.model.head_layers == {}
    assert back.model.architecture == bert()
    np.testing.assert_array_equal(back.model.encoder(batch).pooled, ours.pooled)


def test_classifier(vocabulary, batch, tmp_path):
    heads: dict[str, Head] = {"label": PooledHead(num_outputs=2)}
    made = checkpoint(bert(), heads, vocabulary)
    assert KerasPreset().write(made, tmp_path) == ()
    classifier = keras_nlp.models.BertTextClassifier.from_preset(str(tmp_path))
    logits = classifier(inputs(batch))
    ours = made.model(batch).logits["label"]
    np.testing.assert_allclose(ours, logits, rtol=0, atol=1e-5)
    assert np.ptp(logits) > 0.1
    assert classifier.preprocessor.sequence_length == 9
    KerasPreset().check(tmp_path)
    back = KerasPreset().read(tmp_path)
    same(made.model, back.model)
    assert back.info == made.info
    (tmp_path / "pd_bert.json").unlink()
    assert KerasPreset().read(tmp_path).info["labels"] == ["0", "1"]


def test_exact_gelu_is_told_and_measured(vocabulary, batch, tmp_path):
    made = checkpoint(bert(exact_gelu=True), {}, vocabulary)
    (line,) = KerasPreset().write(made, tmp_path)
    printed = float(line.rpartition(" ")[2])
    backbone = keras_nlp.models.BertBackbone.from_preset(str(tmp_path))
    difference = np.abs(
        backbone(inputs(batch))["sequence_output"] - made.model.encoder(batch).sequence
    ).max()
    assert 1e-5 < difference < 0.1 and printed / 10 < difference < 10 * printed


def test_a_preset_of_keras_nlp(vocabulary, batch, tmp_path: pathlib.Path):
    backbone = checkpoint(bert(), {}, vocabulary).model.encoder.backbone
    masked = keras_nlp.models.BertMaskedLM(backbone=backbone)
    masked.save_to_preset(str(tmp_path))
    vocabulary.write(tmp_path / "vocab.txt")
    read = KerasPreset().read(tmp_path)
    assert read.unused == ("BertMaskedLM",) and read.taken == ("encoder",)
    np.testing.assert_allclose(
        read.model.encoder(batch).sequence,
        backbone(inputs(batch))["sequence_output"],
        atol=1e-5,
    )
