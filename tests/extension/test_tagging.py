"""A task that lives outside the package: one Python file, one gin file, no edit.

`tagging.py` is trained, evaluated, predicted and exported by the ordinary programs.
"""

import itertools
import json
import os
import pathlib
import sys

import numpy as np
import programs
import pytest
import tagging
import tensorflow as tf
from tagging import Conll, TaggedWords, Tagging

from pd_bert.errors import InputError
from pd_bert.export.predictor import load_predictor
from pd_bert.formats.known import FORMATS
from pd_bert.models.outputs import Outputs
from pd_bert.sources.any_file import rows_of
from pd_bert.text.tokenizer import Tokenizer
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from pd_bert.values import trust

_HERE = pathlib.Path(__file__).parent
_NAMES = ("ada", "bert", "carla", "dora", "emil")
_CITIES = ("oslo", "paris", "rome")
_PIECES = ("ber", "##t", "car", "##la", "ada", "dor", "##a", "emi", "##l", "os", "##lo")
_PIECES += ("paris", "rome", "lives", "in", "and", "smith", "works", ".", "not")
VOCABULARY = Vocabulary(tokens=(*SPECIAL_TOKENS, *_PIECES))
LABELS = ("B-LOC", "B-PER", "I-PER", "O")


def sentence(number: int) -> list[tuple[str, str]]:
    """The words of a sentence, with their tags."""
    name, city = _NAMES[number % 5], _CITIES[number % 3]
    words = [(name.capitalize(), "B-PER")]
    if number % 2:
        words.append(("Smith", "I-PER"))
    words += [("lives" if number % 4 < 2 else "works", "O"), ("in", "O")]
    words.append((city.capitalize(), "B-LOC"))
    if number % 6 == 5:
        words += [("and", "O"), (_CITIES[(number + 1) % 3].capitalize(), "B-LOC")]
    return [*words, (".", "O")]


SENTENCES = [sentence(number) for number in range(30)]


def conll(sentences: list[list[tuple[str, str]]], *, tags: bool = True) -> str:
    lines = (
        [f"{word}\t{tag}" if tags else word for word, tag in each] for each in sentences
    )
    return "\n\n".join("\n".join(each) for each in lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """30 sentences in CoNLL format, three without tags, and a vocabulary."""
    folder = tmp_path_factory.mktemp("tagged")
    (folder / "train.conll").write_text(conll(SENTENCES))
    (folder / "new.conll").write_text(conll(SENTENCES[:3], tags=False))
    VOCABULARY.write(folder / "vocab.txt")
    return folder


def run(program: str, folder: pathlib.Path, *arguments: str) -> str:
    """Returns the output of a program, which finds `tagging.py` on its path."""
    # A recipe's own classes need no such word.
    trusted = [] if program == "run" else ["--trust=tagging"]
    path = os.pathsep.join([str(_HERE), *map(str, filter(None, sys.path))])
    environment = {"PYTHONPATH": path, "TAGGED": str(folder)}
    done = programs.run(program, *trusted, *arguments, environment=environment)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def latest(folder: pathlib.Path) -> pathlib.Path:
    """The artifacts of a finished run of the recipe, by name."""
    recipe = f"--gin_file={_HERE / 'tagging.gin'}"
    run("run", folder, recipe, f"--workdir={folder / 'run'}")
    return folder / "run" / "latest"


def test_is_trained_and_evaluated(latest: pathlib.Path) -> None:
    model = json.loads((latest / "finetune-tagger" / "artifact.json").read_text())
    assert model["labels"] == list(LABELS) and model["inputs"] == ["text"]
    evaluation = latest / "evaluate-tagger"
    info = json.loads((evaluation / "artifact.json").read_text())
    # Three of seven words are O: what is learned is seen in all.
    assert info["metrics"]["dev"]["accuracy"] > 0.95
    with np.load(evaluation / "predictions" / "dev.npz") as arrays:
        found = dict(arrays)
    assert found["logits"].shape == (30, 8, 4)
    gold = [[1 + LABELS.index(tag) for _, tag in each] for each in SENTENCES]
    stored = [[number for number in row if number] for row in found["label"].tolist()]
    assert stored == gold
    answered = [[n for n in row if n] for row in found["answer"].tolist()]
    assert [len(each) for each in answered] == [len(each) for each in gold]


def test_is_predicted_by_the_stage(latest: pathlib.Path) -> None:
    lines = (latest / "predict-tagger" / "new.tsv").read_text().splitlines()
    assert lines[0] == "index\tprediction"
    tags = [line.split("\t")[1].split() for line in lines[1:]]
    assert [len(each) for each in tags] == [len(each) for each in SENTENCES[:3]]
    assert set(itertools.chain(*tags)) <= set(LABELS)


def test_programs_predict_and_measure_artifact_and_saved_model(
    folder: pathlib.Path, latest: pathlib.Path
) -> None:
    model = str(latest / "finetune-tagger")
    by_program = folder / "exported"
    printed = run("export", folder, f"--model={model}", f"--output={by_program}")
    assert f"Outputs: {', '.join(LABELS)}" in printed
    file = f"--input={folder / 'train.conll'}"
    expected = [[word for word, _ in each] for each in SENTENCES]
    predictions, metrics = [], []
    for place in (model, str(by_program)):
        lines = run("predict", folder, f"--model={place}", file).splitlines()
        found = [json.loads(line) for line in lines]
        assert [each["words"] for each in found] == expected
        assert [each["text"].split() for each in found] == expected
        assert all(len(each["tags"]) == len(each["words"]) for each in found)
        predictions.append(found)
        measured = json.loads(run("evaluate", folder, f"--model={place}", file))
        assert measured["examples"] == 30 and measured["task"] == "names"
        metrics.append(measured["metrics"])
    assert predictions[0] == predictions[1]
    info = json.loads((latest / "evaluate-tagger" / "artifact.json").read_text())
    assert metrics == [info["metrics"]["dev"]] * 2
    right = np.mean(
        [
            tag == answer
            for each, prediction in zip(SENTENCES, predictions[0], strict=True)
            for (_, tag), answer in zip(each, prediction["tags"], strict=True)
        ]
    )
    assert metrics[0]["accuracy"] == pytest.approx(right)
    trust("tagging")
    by_stage = load_predictor(latest / "export-tagger")
    one, none = by_stage.predict(rows_of(["Ada lives in Oslo", ""]))
    assert one["words"] == ["Ada", "lives", "in", "Oslo"] and len(one["tags"]) == 4
    assert (none["words"], none["tags"]) == ([], [])


def test_the_served_model_needs_no_tokens_signature(latest: pathlib.Path) -> None:
    loaded = tf.saved_model.load(str(latest / "export-tagger" / "saved_model"))
    assert list(loaded.signatures) == ["serving_default"]
    found = loaded.signatures["serving_default"](
        text=tf.constant(["Ada lives", "Rome"])
    )
    assert found["words"].numpy().tolist() == [[b"Ada", b"lives"], [b"Rome", b""]]
    assert found["tag"].shape == (2, 2) and found["tag"].numpy()[1, 1] == b""
    assert found["logits"].shape == (2, 2, 4)


@pytest.mark.parametrize("name", ["huggingface", "keras"])
def test_formats_without_such_a_head_leave_it_out(
    latest: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    trust("tagging")
    checkpoint = FORMATS["artifact"].read(latest / "finetune-tagger")
    *_, line = FORMATS[name].write(checkpoint, tmp_path)
    assert "label" in line
    assert set(FORMATS[name].read(tmp_path).model.head_values) <= {"masked_lm"}


def test_first_pieces_are_labeled_and_the_rest_is_not(folder: pathlib.Path) -> None:
    source = Conll(file=str(folder / "train.conll"))
    task = Tagging(name="t", train=source, dev=source)
    assert task.find_labels() == LABELS
    rows = list(source.rows())[:2]
    assert rows[1].where.endswith("train.conll:7")
    encoded = task.encode(
        {"text": tf.constant([row.texts["text"] for row in rows])},
        Tokenizer(VOCABULARY, sequence_length=8),
    )
    pieces = [
        [VOCABULARY.tokens[index] for index in row]
        for row in encoded["token_ids"].to_list()
    ]
    assert pieces == [
        ["[CLS]", "ada", "lives", "in", "os", "##lo", ".", "[SEP]"],
        ["[CLS]", "ber", "##t", "smith", "lives", "in", "paris", "[SEP]"],
    ]
    assert encoded["label_weight"].to_list() == [
        [0, 1, 1, 1, 1, 0, 1, 0],
        [0, 1, 0, 1, 1, 1, 1, 0],
    ]
    features = task.label_features(rows, encoded, LABELS)["label"]
    assert [each.tolist() for each in features] == [
        [0, 1, 3, 3, 0, 0, 3, 0],
        [0, 1, 0, 2, 3, 3, 0, 0],
    ]
    # A control character has no piece, and is a word all the same.
    odd = task.encode(
        {"text": tf.constant(["ada \x01 oslo"])},
        Tokenizer(VOCABULARY, sequence_length=8),
    )
    assert odd["label_weight"].to_list() == [[0, 1, 1, 1, 0, 0]]


def test_decodes_words_from_first_pieces() -> None:
    source = Conll(file="none")
    task = Tagging(name="t", train=source, dev=source)
    logits = np.full([2, 4, 2], 9, np.float32)
    logits[0, 1], logits[0, 2], logits[1, 2] = [0, 1], [1, 0], [0, 1]
    batch = {"label_weight": tf.constant([[0.0, 1, 1, 0], [0, 0, 1, 0]])}
    decoded = task.decode(
        Outputs(logits={"label": tf.constant(logits)}), batch, ("A", "B")
    )
    assert decoded["tag"].numpy().tolist() == [[b"B", b"A"], [b"B", b""]]
    assert decoded["answer"].numpy().tolist() == [[2, 1], [2, 0]]


def test_bad_tags_are_named_with_their_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bad.conll"
    path.write_text("a\tO\n\nb\tX\nc\tO\n")
    source = Conll(file=str(path))
    task = Tagging(name="t", train=source, dev=source)
    with pytest.raises(InputError, match=r"bad\.conll:3: .* received X O"):
        task.gold(list(source.rows()), ("O",))
    with pytest.raises(InputError, match=r"here: every word has one .* received none"):
        task.gold([TaggedWords(words=("a",), where="here")], ("O",))
    assert tagging.__file__ == str(_HERE / "tagging.py")
