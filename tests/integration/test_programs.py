"""The programs on a finished run, and the models that they read and write."""

import gzip
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import keras_nlp
import numpy as np
import programs
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.contrib.docstrings import Docstrings
from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.source import TextRow
from pd_bert.errors import InputError
from pd_bert.export.measure import measure
from pd_bert.export.predictor import load_predictor
from pd_bert.models.model import Model
from pd_bert.sources.any_file import open_file

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_ODD_TEXTS = (
    "",
    " \t\n",
    "the film was great. " * 5000,  # 100,000 characters
    "x" * 100_000,
    "the\x00film\x07was\x1b[31mfine\x7f",
    "ያለም ሰላም ᚠᛇᚻ 𐎀𐎁 སྐད་ཡིག",
    "a lovely 🎬 film 👩‍👩‍👧 \ufffd\u202e\ue000",
    "[CLS] [MASK] the [SEP] film [PAD]",
)


def json_lines(text: str) -> list[dict]:
    # Not splitlines(): it would also split at U+2028 within a string.
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory) -> pathlib.Path:
    """The SavedModel of the classifier, by the program."""
    output = tmp_path_factory.mktemp("exported") / "model"
    done = programs.run("export", f"--model={tiny_run.model}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Outputs: bad, good\n")
    return output


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Real prose, and what nobody would write."""
    rows = Docstrings(packages=("absl",), limit=40).rows()
    return [*(row.text for row in rows), *_ODD_TEXTS]


def trained_logits(folder: pathlib.Path, rows: Sequence[TextRow]) -> np.ndarray:
    """The model's logits as in training, in batches padded to one length."""
    artifact = Artifact(folder)
    encode = EncodeRows(
        vocabulary=folder / "vocab.txt",
        lowercase=artifact["lowercase"],
        sequence_length=artifact["sequence_length"],
        inputs=tuple(artifact["inputs"]),
    )
    length = artifact["sequence_length"]
    arrays = {
        name: np.zeros([len(rows), length], np.int32)
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    for index, example in enumerate(encode(rows)):
        count = len(example["token_ids"])
        arrays["token_ids"][index, :count] = example["token_ids"]
        arrays["segment_ids"][index, example["segment_start"] : count] = 1
        arrays["padding_mask"][index, :count] = 1
    inputs = {name: tf.constant(array) for name, array in arrays.items()}
    return Model.load(folder)(inputs).logits["label"].numpy()


def test_saved_model_equals_the_model_that_was_trained(tiny_run, exported, texts):
    rows = [TextRow(text=text, where="here") for text in texts]
    expected = trained_logits(tiny_run.model, rows)
    served = tf.saved_model.load(str(exported)).signatures["serving_default"]
    outputs = served(text=tf.constant(texts))
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-5)
    assert np.ptp(expected[:, 0]) > 0.1, "all texts alike would prove nothing"
    shifted = np.exp(expected - expected.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-5)
    names = np.array([b"bad", b"good"])[expected.argmax(axis=1)]
    assert outputs["label"].numpy().tolist() == names.tolist()


def test_saved_model_needs_tensorflow_and_tensorflow_text_alone(exported):
    program = """
import sys
import tensorflow as tf
import tensorflow_text
model = tf.saved_model.load(sys.argv[1])
outputs = model.signatures["serving_default"](text=tf.constant(["It was awful.", ""]))
# (tensorflow itself imports keras.)
assert {"keras_nlp", "keras_hub", "pd_bert"}.isdisjoint(sys.modules)
print(outputs["label"].numpy()[0].decode(), outputs["logits"].shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(exported)],
        cwd=exported.parent,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "bad (2, 2)\n", done.stderr


def test_saved_model_holds_every_weight_once(tiny_run, exported):
    stored = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    shapes = stored.get_variable_to_shape_map()
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]  # names, of the size of the graph
    numbers = sum(int(np.prod(shape)) for shape in shapes.values())
    assert numbers == Artifact(tiny_run.model)["parameters"]


def test_signature_of_ids_gives_the_same_logits(tiny_run, exported):
    vocabulary = (tiny_run.model / "vocab.txt").read_text().split("\n")
    words = ["[CLS]", *["the", "film", "was", "great", "."], "[SEP]"]
    ids = [vocabulary.index(word) for word in words]
    loaded = tf.saved_model.load(str(exported))
    by_ids = loaded.signatures["token_ids"](
        token_ids=tf.constant([[*ids, 0, 0]]),
        segment_ids=tf.zeros([1, 9], tf.int32),
        padding_mask=tf.constant([[1] * 7 + [0] * 2]),
    )
    by_text = loaded.signatures["serving_default"](tf.constant(["The film was great."]))
    np.testing.assert_allclose(by_ids["logits"], by_text["logits"], atol=1e-5)


def test_pairs_and_scores(tiny_run):
    first, second = "the film was dull.", "the actor was great and funny."
    rows = [
        TextRow(text=first, text_b=second, where="1"),
        TextRow(text=second, text_b=first, where="2"),
    ]
    rows += [
        TextRow(text="", text_b="", where="3"),
        TextRow(text=first, text_b="", where="4"),
    ]
    found = list(load_predictor(tiny_run.pairs).predict(rows))
    expected = trained_logits(tiny_run.pairs, rows)[:, 0]
    np.testing.assert_allclose([each["score"] for each in found], expected, atol=1e-5)
    assert [(each["text"], each["text_b"]) for each in found] == [
        (row.text, row.text_b) for row in rows
    ]
    assert len(set(expected.tolist())) == 4, "the second text must matter"
    with pytest.raises(InputError, match="takes text and text_b, received text: 5"):
        list(load_predictor(tiny_run.pairs).predict([TextRow(text=first, where="5")]))


def test_encoder_is_a_preset_of_keras_nlp(tiny_run):
    folder = tiny_run.model
    backbone = keras_nlp.models.BertBackbone.from_preset(str(folder / "encoder"))
    inputs = {
        "token_ids": np.array([[2, 9, 12, 30, 3, 0], [2, 7, 8, 11, 40, 3]]),
        "segment_ids": np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]),
        "padding_mask": np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]),
    }
    theirs = backbone(inputs)
    ours = Model.load(folder).encoder({k: tf.constant(v) for k, v in inputs.items()})
    np.testing.assert_allclose(theirs["pooled_output"], ours.pooled, atol=1e-6)
    np.testing.assert_allclose(theirs["sequence_output"], ours.sequence, atol=1e-6)


def test_predict_gives_a_line_a_row_for_artifact_and_saved_model(
    tiny_run, exported, tmp_path
):
    lines = [
        f"the film was {'dull' if i % 3 else 'great'} {'and ' * i}" for i in range(70)
    ]
    lines[5] = lines[69] = ""
    file = tmp_path / "texts.txt.gz"
    file.write_bytes(gzip.compress("\r\n".join([*lines, ""]).encode()))
    output = tmp_path / "predictions.jsonl"
    done = programs.run(
        "predict",
        f"--model={tiny_run.model}",
        f"--input={file}",
        f"--output={output}",
        "--batch_size=2",
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "examples/s" in done.stderr and "Traceback" not in done.stderr
    of_artifact = json_lines(output.read_text())
    assert [each["text"] for each in of_artifact] == [line.strip() for line in lines]
    assert {each.name for each in tmp_path.iterdir()} == {file.name, output.name}
    source = open_file(str(file), text="text")
    of_saved_model = list(load_predictor(exported).predict(source.rows()))
    for a, b in zip(of_artifact, of_saved_model, strict=True):
        assert a["label"] == b["label"]
        assert a["probability"] == a["probabilities"][a["label"]]
        assert a["probability"] == pytest.approx(b["probability"], abs=1e-5)
        assert list(a["probabilities"]) == ["bad", "good"]
        assert sum(a["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert of_artifact[0]["label"] == "good" and of_artifact[1]["label"] == "bad"


def test_predict_reads_every_kind_of_file(tiny_run, tmp_path):
    texts = ["the plot was weak.", "", 'a "lovely" film, fine\u2028music']
    csv, tsv = tmp_path / "a.csv", tmp_path / "a.tsv"
    jsonl = tmp_path / "a.jsonl"
    csv.write_text(
        'n,said\n1,the plot was weak.\n2,\n3,"a ""lovely"" film, fine\u2028music"'
    )
    tsv.write_text(f"said\n{texts[0]}\n\n{texts[2]}\n")
    jsonl.write_text("".join(json.dumps({"said": text}) + "\n" for text in texts))
    for file in (csv, tsv, jsonl):
        rows = list(open_file(str(file), text="said").rows())
        assert [row.text for row in rows] == texts, file
    (tmp_path / "a.txt").write_text("\n".join(texts) + "\n")
    done = programs.run(
        "predict", f"--model={tiny_run.model}", f"--input={tmp_path}/a.txt"
    )
    assert [each["text"] for each in json_lines(done.stdout)] == texts


def test_evaluate_agrees_with_the_run(tiny_run, tmp_path):
    data = tmp_path / "dev.tsv"
    rows = (tiny_run.data / "dev.tsv").read_text().split("\n")[1:]
    rows = [row.replace("\tgood", "\t1").replace("\tbad", "\t0") for row in rows]
    data.write_text("\n".join(["sentence\tlabel", *rows]))
    done = programs.run(
        "evaluate",
        f"--model={tiny_run.model}",
        f"--input={data}",
        "--text_column=sentence",
        "--label_value=1=good",
        "--label_value=0=bad",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    metrics = Artifact(tiny_run.model)["metrics"]["dev"]
    assert found["metrics"] == metrics and metrics["accuracy"] > 0.9
    assert (found["task"], found["primary_metric"]) == ("mood", "accuracy")
    assert found["examples"] == 24 and found["examples_per_second"] > 0


def test_evaluate_measures_scores_of_pairs(tiny_run):
    source = open_file(
        str(tiny_run.data / "pairs.csv"), text="first", text_b="second", label="score"
    )
    found = measure(load_predictor(tiny_run.pairs), source)
    metrics = Artifact(tiny_run.pairs)["metrics"]["dev"]
    assert found["metrics"] == pytest.approx(metrics, abs=1e-4)
    assert set(metrics) == {"pearson", "spearman"}


def test_prepare_makes_a_data_set(tiny_run, tmp_path):
    done = programs.run(
        "prepare",
        f"--input={tiny_run.data}/corp*.txt",
        f"--vocabulary={tiny_run.model}/vocab.txt",
        f"--output={tmp_path}/out",
        "--sequence_length=32",
        "--nonext_sentence",
    )
    assert done.returncode == 0, done.stderr
    artifact = Artifact(tmp_path / "out" / "latest" / "prepare-corpus")
    count = artifact["count"]
    assert count > 10
    assert done.stdout.split("\n")[-2] == (
        f"Data set: {artifact.directory}, {count} examples, 0.0 MB"
    )
    files = map(str, artifact.directory.glob("*.tfrecord"))
    assert sum(1 for _ in tf.data.TFRecordDataset(list(files))) == count


def test_help_of_a_console_script():
    code = "import sys; from pd_bert.bin.predict import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=_REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("Predicts labels or scores for texts; writes JSON")
    assert "--text_column: The column of the text." in done.stdout
