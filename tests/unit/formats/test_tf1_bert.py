"""Checkpoints in the layout of BERT's reference code, against its formulas in NumPy."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.errors import InputError
from pd_bert.formats.tf1_bert import TF1Bert
from pd_bert.models.outputs import Wanted
from pd_bert.text.vocabulary import Vocabulary

LAYERS, HIDDEN, HEADS, WIDE, POSITIONS = 2, 32, 4, 48, 24
Arrays = dict[str, np.ndarray]


def tensors(vocabulary_size: int) -> Arrays:
    """Every weight, as modeling.py and run_pretraining.py name and shape it."""
    draw = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return draw.normal(scale=0.3, size=shape).astype(np.float32)

    found: Arrays = {}

    def dense(name: str, inputs: int, outputs: int) -> None:
        found[f"{name}/kernel"] = normal(inputs, outputs)
        found[f"{name}/bias"] = normal(outputs)

    def norm(name: str) -> None:
        found[f"{name}/LayerNorm/gamma"] = 1 + normal(HIDDEN)
        found[f"{name}/LayerNorm/beta"] = normal(HIDDEN)

    found["bert/embeddings/word_embeddings"] = normal(vocabulary_size, HIDDEN)
    found["bert/embeddings/position_embeddings"] = normal(POSITIONS, HIDDEN)
    found["bert/embeddings/token_type_embeddings"] = normal(2, HIDDEN)
    norm("bert/embeddings")
    for index in range(LAYERS):
        layer = f"bert/encoder/layer_{index}"
        for part in ("query", "key", "value"):
            dense(f"{layer}/attention/self/{part}", HIDDEN, HIDDEN)
        dense(f"{layer}/attention/output/dense", HIDDEN, HIDDEN)
        norm(f"{layer}/attention/output")
        dense(f"{layer}/intermediate/dense", HIDDEN, WIDE)
        dense(f"{layer}/output/dense", WIDE, HIDDEN)
        norm(f"{layer}/output")
    dense("bert/pooler/dense", HIDDEN, HIDDEN)
    dense("cls/predictions/transform/dense", HIDDEN, HIDDEN)
    norm("cls/predictions/transform")
    found["cls/predictions/output_bias"] = normal(vocabulary_size)
    found["cls/seq_relationship/output_weights"] = normal(2, HIDDEN)
    found["cls/seq_relationship/output_bias"] = normal(2)
    return found


def write(
    folder: pathlib.Path,
    found: Arrays,
    vocabulary: Vocabulary,
    prefix="bert_model.ckpt",
) -> None:
    """As TensorFlow 1 saved it, with what the optimiser kept."""
    slots = {f"{name}/adam_m": np.zeros_like(a) for name, a in found.items()}
    slots |= {f"{name}/adam_v": np.zeros_like(a) for name, a in found.items()}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in {**found, **slots}.items():
            tf.compat.v1.get_variable(name, initializer=array)
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(folder / prefix), write_meta_graph=False)
    config = {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": WIDE,
        "max_position_embeddings": POSITIONS,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
    }
    (folder / "bert_config.json").write_text(json.dumps(config))
    vocabulary.write(folder / "vocab.txt")


@pytest.fixture(scope="module")
def folder(vocabulary, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("tf1")
    write(folder, tensors(len(vocabulary)), vocabulary)
    return folder


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def reference(folder: pathlib.Path, batch: dict[str, tf.Tensor]) -> Arrays:
    """modeling.py's BertModel and run_pretraining.py's heads, in float64."""
    reader = tf.train.load_checkpoint(str(folder / "bert_model.ckpt"))

    def get(name: str) -> np.ndarray:
        return reader.get_tensor(name).astype(np.float64)

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ get(f"{name}/kernel") + get(f"{name}/bias")

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        mean = x.mean(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        beta = get(f"{name}/LayerNorm/beta")
        return scaled * get(f"{name}/LayerNorm/gamma") + beta

    def split(x: np.ndarray) -> np.ndarray:
        count, length, _ = x.shape
        return x.reshape(count, length, HEADS, HIDDEN // HEADS).transpose(0, 2, 1, 3)

    ids, types, mask = (
        batch[name].numpy() for name in ("token_ids", "segment_ids", "padding_mask")
    )
    words = get("bert/embeddings/word_embeddings")
    x = words[ids] + get("bert/embeddings/token_type_embeddings")[types]
    x = x + get("bert/embeddings/position_embeddings")[: ids.shape[1]]
    x = norm(x, "bert/embeddings")
    for index in range(LAYERS):
        layer = f"bert/encoder/layer_{index}"
        query, key, value = (
            split(dense(x, f"{layer}/attention/self/{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(HIDDEN // HEADS)
        scores = scores - 10000.0 * (1 - mask[:, None, None, :])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        context = (weights / weights.sum(-1, keepdims=True)) @ value
        context = context.transpose(0, 2, 1, 3).reshape(x.shape)
        attended = dense(context, f"{layer}/attention/output/dense")
        attended = norm(attended + x, f"{layer}/attention/output")
        wide = gelu(dense(attended, f"{layer}/intermediate/dense"))
        x = norm(dense(wide, f"{layer}/output/dense") + attended, f"{layer}/output")
    pooled = np.tanh(dense(x[:, 0], "bert/pooler/dense"))
    at = batch["masked_positions"].numpy()[..., None]
    masked = np.take_along_axis(x, at, axis=1)
    masked = gelu(dense(masked, "cls/predictions/transform/dense"))
    masked = norm(masked, "cls/predictions/transform")
    relation = pooled @ get("cls/seq_relationship/output_weights").T
    return {
        "sequence": x,
        "pooled": pooled,
        "masked_lm": masked @ words.T + get("cls/predictions/output_bias"),
        "next_sentence": relation + get("cls/seq_relationship/output_bias"),
    }


def test_read(folder, batch):
    names = [name for name, _ in tf.train.list_variables(str(folder))]
    assert "bert/encoder/layer_0/attention/self/query/kernel" in names
    assert "bert/pooler/dense/bias/adam_m" in names and "global_step" in names
    assert TF1Bert().recognizes(folder)
    TF1Bert().check(folder)
    read = TF1Bert().read(folder)
    assert read.taken == ("encoder", "masked_lm", "next_sentence")
    assert not (read.unused or read.missing)
    assert not read.model.architecture.exact_gelu
    wanted = Wanted(sequence=True, pooled=True, heads=None)
    output = read.model(batch, wanted=wanted)
    ours = {
        "sequence": output.sequence,
        "pooled": output.pooled,
        **output.logits,
    }
    for name, value in reference(folder, batch).items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-5, err_msg=name)
        assert np.ptp(value) > 0.1


def test_lower_casing_is_the_users_word(folder):
    assert TF1Bert().vocabulary(folder).lowercase
    assert not TF1Bert().read(folder, lowercase=False).vocabulary.lowercase


def test_capitals_tell_that_texts_are_not_lower_cased(folder, tmp_path):
    cased = shutil.copytree(folder, tmp_path / "cased")
    tokens = (cased / "vocab.txt").read_text().split("\n")
    tokens[-2] = tokens[-2].upper() if tokens[-2].upper() != tokens[-2] else "The"
    (cased / "vocab.txt").write_text("\n".join(tokens))
    assert not TF1Bert().vocabulary(cased).lowercase
    assert TF1Bert().vocabulary(cased, lowercase=True).lowercase


def test_a_classifier_of_another_name(vocabulary, tmp_path):
    """As run_classifier.py leaves it: numbered, and without heads of pre-training."""
    found = {n: a for n, a in tensors(len(vocabulary)).items() if n[:4] != "cls/"}
    found["output_weights"] = np.ones([3, HIDDEN], np.float32)
    found["output_bias"] = np.array([1, 2, 3], np.float32)
    write(tmp_path, found, vocabulary, prefix="model.ckpt-100")
    read = TF1Bert().read(tmp_path)
    assert read.taken == ("encoder", "label")
    assert read.info["labels"] == ["0", "1", "2"]
    assert np.asarray(read.model.head_layers["label"][-1].bias).tolist() == [1, 2, 3]


def test_lacking_and_other_variables(vocabulary, tmp_path):
    found = tensors(len(vocabulary))
    lacking, other = tmp_path / "lacking", tmp_path / "other"
    lacking.mkdir()
    other.mkdir()
    name = "bert/encoder/layer_1/attention/self/key/bias"
    write(lacking, {n: a for n, a in found.items() if n != name}, vocabulary)
    with pytest.raises(InputError, match=f"lacks {name}$"):
        TF1Bert().check(lacking)
    write(other, {**found, name: np.zeros([7], np.float32)}, vocabulary)
    with pytest.raises(InputError, match=rf"{name} is \[7\] instead of \[32\]$"):
        TF1Bert().read(other)


def test_broken_files(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (data,) = copy.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cannot be read|not a readable checkpoint"):
        TF1Bert().read(copy)
    data.unlink()
    with pytest.raises(InputError, match=r"cannot be read|not a readable checkpoint"):
        TF1Bert().read(copy)
    (copy / "bert_model.ckpt.index").rename(copy / "a.ckpt-1.index")
    shutil.copy(copy / "a.ckpt-1.index", copy / "a.ckpt-2.index")
    with pytest.raises(InputError, match=r"one .* has a\.ckpt-1, a\.ckpt-2"):
        TF1Bert().read(copy)
