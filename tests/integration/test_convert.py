"""pd-bert-convert and LoadEncoder: whole ways through other formats and back."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import programs
import pytest
import tensorflow as tf
import torch
import transformers

from pd_bert.artifact import Artifact
from pd_bert.data.source import TextRow
from pd_bert.errors import InputError
from pd_bert.export.measure import measure
from pd_bert.export.predictor import load_predictor
from pd_bert.formats.artifact import ArtifactFolder
from pd_bert.formats.known import FORMATS, recognize
from pd_bert.formats.tensor_file import stored
from pd_bert.models.bert import Bert
from pd_bert.models.initialization import Whole
from pd_bert.models.model import Model
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.any_file import open_file
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.base import Stage
from pd_bert.stages.distill import Distill
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.label import Label
from pd_bert.stages.load_encoder import LoadEncoder
from pd_bert.stages.outline import Outline
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.stages.pretrain import Pretrain
from pd_bert.system.atomic import folder_written_aside
from pd_bert.training.runtime import Runtime

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_TEXTS = [
    "the film was great.",
    "A DULL story, and the Music was pöor!",
    "",
    "the actor was fine and the plot was weak. " * 20,
]


def convert(*arguments: str) -> subprocess.CompletedProcess[str]:
    return programs.run("convert", *arguments)


def through(folder: pathlib.Path, output: pathlib.Path, to: str) -> pathlib.Path:
    """What the program does, in this process."""
    with folder_written_aside(output) as aside:
        FORMATS[to].write(recognize(folder).read(folder), aside)
    return output


def same_weights(one: pathlib.Path, other: pathlib.Path) -> None:
    first, second = Model.load(one), Model.load(other)
    assert first.head_values == second.head_values
    for mine, theirs in zip(first.weights, second.weights, strict=True):
        assert np.array_equal(mine, theirs)


def run_stages(stages: list[Stage], folder: pathlib.Path, runtime: Runtime) -> Workdir:
    workdir = Workdir(folder, runtime)
    workdir.claim("convert")
    for stage in stages:
        stage.check()
    runner = Runner(in_order(stages, runtime), workdir, runtime=runtime)
    runner.run(tf.distribute.get_strategy())
    return workdir


@pytest.fixture(scope="module")
def published(tiny_run, tmp_path_factory) -> pathlib.Path:
    """The classifier in Hugging Face's layout, by the program."""
    output = tmp_path_factory.mktemp("published") / "model"
    done = convert(
        f"--input={tiny_run.model}", f"--output={output}", "--to=huggingface"
    )
    assert done.returncode == 0, done.stderr
    assert "(artifact); lower-cased vocabulary; took encoder, label\n" in done.stdout
    assert f"Wrote: {output} (huggingface)" in done.stdout
    return output


@pytest.fixture(scope="module")
def pretrained(tiny_run, tmp_path_factory) -> pathlib.Path:
    """transformers' own BERT with the heads of pre-training, over our vocabulary."""
    folder = tmp_path_factory.mktemp("pretrained") / "bert"
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=Artifact(tiny_run.model)["vocabulary_size"],
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    transformers.BertForPreTraining(config).save_pretrained(folder)
    shutil.copy(tiny_run.model / "vocab.txt", folder)
    return folder


# ---- there and back


@pytest.mark.parametrize("between", ["huggingface", "keras"])
@pytest.mark.parametrize("kind", ["model", "pairs"])
def test_there_and_back(tiny_run, kind, between, tmp_path):
    source = getattr(tiny_run, kind)
    there = through(source, tmp_path / "there", between)
    back = through(there, tmp_path / "back", "artifact")
    same_weights(source, back)
    one, other = Artifact(source), Artifact(back)
    for key in ("labels", "inputs", "sequence_length", "vocabulary", "metrics"):
        assert one[key] == other[key], key
    assert Model.load(back).architecture.attention_heads == 2
    again = through(back, tmp_path / "again", "artifact")
    assert Artifact(again)["fingerprint"] == other["fingerprint"]
    card = through(back, tmp_path / "card", "huggingface") / "README.md"
    assert "converted by pd_bert." in card.read_text()


def test_pretrained_heads_there_and_back(tiny_run, tmp_path):
    there = through(tiny_run.encoder, tmp_path / "there", "huggingface")
    model = transformers.BertForPreTraining.from_pretrained(there)
    assert model.config.hidden_act == "gelu_new"
    same_weights(tiny_run.encoder, through(there, tmp_path / "back", "artifact"))


def test_written_artifact_predicts_and_evaluates(tiny_run, published, tmp_path):
    back = through(published, tmp_path / "back", "artifact")
    dev = open_file(
        str(tiny_run.data / "dev.tsv"), text="sentence", text_b=None, label="label"
    )
    measured = measure(load_predictor(back), dev)
    assert measured["metrics"] == Artifact(tiny_run.model)["metrics"]["dev"]
    rows = [TextRow(text=text, where="here") for text in _TEXTS]
    ours = list(load_predictor(tiny_run.model).predict(rows))
    assert list(load_predictor(back).predict(rows)) == ours


def test_texts_to_labels_in_transformers(tiny_run, published):
    tokenizer = transformers.AutoTokenizer.from_pretrained(published)
    classifier = transformers.AutoModelForSequenceClassification
    model = classifier.from_pretrained(published).eval()
    given = tokenizer(_TEXTS, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**given).logits.numpy()
    rows = [TextRow(text=text, where="here") for text in _TEXTS]
    ours = np.stack(
        [o["logits"] for _, o in load_predictor(tiny_run.model).outputs(rows)]
    )
    np.testing.assert_allclose(logits, ours, rtol=0, atol=1e-5)
    assert np.ptp(ours[:, 0]) > 0.1
    assert model.config.id2label == {0: "bad", 1: "good"}


def test_pairs_to_scores_in_transformers(tiny_run, tmp_path):
    folder = through(tiny_run.pairs, tmp_path / "pairs", "huggingface")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    classifier = transformers.AutoModelForSequenceClassification
    model = classifier.from_pretrained(folder).eval()
    firsts, seconds = _TEXTS[:2], _TEXTS[1::-1]
    given = tokenizer(firsts, seconds, padding=True, return_tensors="pt")
    with torch.no_grad():
        scores = model(**given).logits.numpy()[:, 0]
    pairs = zip(firsts, seconds, strict=True)
    rows = [TextRow(text=first, text_b=second, where="here") for first, second in pairs]
    outputs = load_predictor(tiny_run.pairs).outputs(rows)
    ours = [float(each["score"]) for _, each in outputs]
    np.testing.assert_allclose(scores, ours, rtol=0, atol=1e-5)
    assert model.config.problem_type == "regression" and model.config.num_labels == 1


def test_a_foreign_classifier_of_pairs(tiny_run, pretrained, tmp_path):
    config = transformers.BertConfig.from_pretrained(pretrained, num_labels=3)
    torch.manual_seed(1)
    model = transformers.BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path / "foreign")
    shutil.copy(pretrained / "vocab.txt", tmp_path / "foreign")
    output = tmp_path / "artifact"
    done = convert(
        f"--input={tmp_path}/foreign", f"--output={output}", "--to=artifact", "--pairs"
    )
    assert done.returncode == 0, done.stderr
    row = TextRow(text=_TEXTS[0], text_b=_TEXTS[1], where="here")
    ((_, found),) = load_predictor(output).outputs([row])
    tokenizer = transformers.BertTokenizer.from_pretrained(tmp_path / "foreign")
    with torch.no_grad():
        given = tokenizer(row.text, row.text_b, return_tensors="pt")
        np.testing.assert_allclose(found["logits"], model(**given).logits[0], atol=1e-5)
    assert load_predictor(output).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


# ---- the model card


def test_model_card(tiny_run, tmp_path, monkeypatch):
    """Of a real distillation, followed through the working directory."""
    monkeypatch.setenv("SMALL_DATA", str(tiny_run.data))
    workdir = tmp_path / "run"
    shutil.copytree(tiny_run.workdir, workdir, symlinks=True)
    teacher = next(stage for stage in tiny_run.stages if isinstance(stage, Finetune))
    transfer = PrepareTransfer(
        source=TextLines(files=str(tiny_run.data / "transfer.txt")),
        vocabulary=teacher.task_data.vocabulary,
        sequence_length=32,
    )
    distill = Distill(
        name="pd",
        architecture=teacher.architecture,
        objectives=(SoftLabels(),),
        optimizer=teacher.optimizer,
        transfer=Label(teacher=teacher, transfer=transfer),
        task_data=teacher.task_data,
        seed=7,
    )
    place = Workdir(workdir, tiny_run.runtime)
    stages = in_order([distill], tiny_run.runtime)
    Runner(stages, place, runtime=tiny_run.runtime).run(tf.distribute.get_strategy())
    folder = through(workdir / "latest" / "distill-pd", tmp_path / "hf", "huggingface")
    text = (folder / "README.md").read_text()
    artifact, taught = place.artifact(distill), place.artifact(teacher)
    assert artifact is not None and taught is not None
    _, front, body = text.split("---\n", 2)
    keys = dict(line.split(": ", 1) for line in front.splitlines())
    assert keys["library_name"] == "transformers"
    assert keys["pipeline_tag"] == "text-classification"
    (index,) = json.loads(keys["model-index"])
    (result,) = index["results"]
    accuracy = artifact["metrics"]["dev"]["accuracy"]
    assert result["metrics"] == [{"type": "accuracy", "value": accuracy}]
    assert result["dataset"] == {"name": "mood", "type": "mood", "split": "dev"}
    for line in (
        "# distill-pd",
        'A BERT classifier of single texts into "bad", "good", trained by pd_bert.',
        "| layers | 2 |",
        f"| parameters | {artifact['parameters']:,} |",
        "- Method: pd, SoftLabels",
        "- Task: mood",
        "- Data: prepare-task, task mood, from Table, "
        "train 240 examples, dev 24 examples",
        "- Data: prepare-transfer, from TextLines, 400 examples",
        "- Seed: 7",
        f"| dev | {accuracy:.4f} |",
    ):
        assert line in body.splitlines(), line
    taught_accuracy = taught["metrics"]["dev"]["accuracy"]
    assert f"- Teacher: finetune-pf, {taught['parameters']:,} parameters" in body
    assert f"dev accuracy {taught_accuracy:.4f}" in body
    assert f"tensorflow {artifact['versions']['tensorflow']}" in body
    assert str(tiny_run.data) not in text and "SMALL_DATA" not in text


# ---- the stage


def test_pretraining_goes_on_from_the_heads(tiny_run, pretrained, tmp_path, capsys):
    stage = LoadEncoder(name="bert", folder=str(pretrained))
    before = next(each for each in tiny_run.stages if isinstance(each, Pretrain))
    corpus = dataclasses.replace(before.corpus, vocabulary=stage)
    pretrain = dataclasses.replace(
        before, architecture=None, initial=stage, corpus=corpus, steps=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DATA", str(tiny_run.data))
        workdir = run_stages([pretrain], tmp_path / "run", tiny_run.runtime)
    said = capsys.readouterr().out
    heads = "encoder, masked_lm, next_sentence"
    assert f"load bert: huggingface; lower-cased vocabulary; took {heads}\n" in said
    loaded, trained = workdir.artifact(stage), workdir.artifact(pretrain)
    assert loaded is not None and trained is not None
    one, other = Model.load(loaded.directory), Model.load(trained.directory)
    assert one.architecture.exact_gelu and other.architecture == one.architecture
    # One step of the warm-up moves weights a little; anew they would be far away.
    for mine, theirs in zip(one.weights, other.weights, strict=True):
        assert np.abs(np.asarray(mine) - np.asarray(theirs)).max() < 0.01
    assert loaded["taken"] == ["encoder", "masked_lm", "next_sentence"]
    before, after = stage.outline({}), Outline.of(loaded)
    for name in ("vocabulary", "vocabulary_size", "lowercase", "labels"):
        assert getattr(before, name) == getattr(after, name), name
    assert before.network and after.network
    assert before.network.architecture == after.network.architecture


def as_tf1(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The same model as BERT's reference code would have saved it."""
    folder.mkdir()
    arrays = stored(recognize(source).read(source).model)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in arrays.items():
            tf.compat.v1.get_variable(name, initializer=array)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / "bert_model.ckpt"))
    config = json.loads((source / "config.json").read_text())
    config["hidden_act"] = "gelu"  # which is the tanh approximation there
    (folder / "bert_config.json").write_text(json.dumps(config))
    shutil.copy(source / "vocab.txt", folder)
    return folder


def test_every_kind_is_loaded_alike(tiny_run, pretrained, tmp_path):
    config = json.loads((pretrained / "config.json").read_text())
    source = tmp_path / "hf"
    shutil.copytree(pretrained, source)
    (source / "config.json").write_text(
        json.dumps({**config, "hidden_act": "gelu_new"})
    )
    folders = {"huggingface": source}
    for kind in ("keras", "artifact"):
        folders[kind] = through(source, tmp_path / kind, kind)
    folders["tf1"] = as_tf1(source, tmp_path / "tf1")
    stages = {
        kind: LoadEncoder(name=kind, folder=str(folder))
        for kind, folder in folders.items()
    }
    workdir = run_stages(list(stages.values()), tmp_path / "run", tiny_run.runtime)
    weights = []
    for kind, stage in stages.items():
        artifact = workdir.artifact(stage)
        assert artifact is not None and artifact["source"] == kind
        backbone = Model.load(artifact.directory).encoder.backbone
        weights.append([np.asarray(weight) for weight in backbone.weights])
        assert artifact.vocabulary().lowercase
    for other in weights[1:]:
        for one, two in zip(weights[0], other, strict=True):
            assert np.array_equal(one, two)


def test_a_missing_pooler_is_reported_and_the_same_every_time(pretrained, tmp_path):
    model = transformers.BertForMaskedLM.from_pretrained(pretrained)
    model.save_pretrained(tmp_path)
    shutil.copy(pretrained / "vocab.txt", tmp_path)
    one, other = (recognize(tmp_path).read(tmp_path) for _ in range(2))
    pooler = ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")
    assert one.missing == pooler and one.taken == ("encoder", "masked_lm")
    for mine, theirs in zip(one.model.weights, other.model.weights, strict=True):
        assert np.array_equal(mine, theirs)


def test_a_student_computes_as_its_initial_model_does(pretrained, tmp_path):
    initial = Model.load(through(pretrained, tmp_path / "artifact", "artifact"))
    tanh = dataclasses.replace(initial.architecture, exact_gelu=False)
    student = Model(tanh, {}, initial.encoder.vocabulary_size)
    says = r"compute as the student .*exact_gelu=False.*exact_gelu=True"
    with pytest.raises(InputError, match=says):
        Whole().apply(student, initial, "here")


# ---- bad input


def edit(folder: pathlib.Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def only_a_pickle(folder: pathlib.Path) -> str:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return "weights are read from model.safetensors only"


def nothing(folder: pathlib.Path) -> str:
    (folder / "model.safetensors").unlink()
    return r"must contain model\.safetensors; .* does not"


def truncated(folder: pathlib.Path) -> str:
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size // 2)
    return f"not readable safetensors .*{path}"


def no_header(folder: pathlib.Path) -> str:
    (folder / "model.safetensors").write_bytes(b"what is this?")
    return "not readable safetensors"


def another_shape(folder: pathlib.Path) -> str:
    edit(folder, intermediate_size=25)
    return r"layer_0/intermediate/dense/kernel is \[16, 24\] instead of \[16, 25\]"


def another_depth(folder: pathlib.Path) -> str:
    edit(folder, num_hidden_layers=2)
    return r"lacks bert/encoder/layer_1/.* and \d+ more$"


def roberta(folder: pathlib.Path) -> str:
    edit(folder, model_type="roberta")
    return "architecture must be bert; received 'roberta'"


def relu(folder: pathlib.Path) -> str:
    edit(folder, hidden_act="relu")
    return "hidden_act must be gelu or .*; received 'relu'"


def relative(folder: pathlib.Path) -> str:
    edit(folder, position_embedding_type="relative_key")
    return "position_embedding_type must be 'absolute'; received 'relative_key'"


def decoder(folder: pathlib.Path) -> str:
    edit(folder, is_decoder=True)
    return "is_decoder must be False; received True"


def no_size(folder: pathlib.Path) -> str:
    edit(folder, hidden_size="16")
    return "hidden_size must be a positive integer; received '16'"


def no_json(folder: pathlib.Path) -> str:
    (folder / "config.json").write_text('{"model_type": "be')
    return "the file must hold JSON"


def short_vocabulary(folder: pathlib.Path) -> str:
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(lines[:-1]) + "\n")
    return r"must have the same size; .* holds \d+ embeddings and \d+ tokens"


def no_vocabulary(folder: pathlib.Path) -> str:
    (folder / "vocab.txt").unlink()
    return "must contain its vocabulary, vocab.txt or tokenizer.json"


def unknown(folder: pathlib.Path) -> str:
    (folder / "config.json").unlink()
    return (
        "must contain artifact.json and model.json .* or "
        "config.json with model_type .* or "
        "config.json with class_name .* or bert_config.json .*; .* contains "
        "model.safetensors, vocab.txt"
    )


@pytest.mark.parametrize(
    "damage",
    [
        only_a_pickle,
        nothing,
        truncated,
        no_header,
        another_shape,
        another_depth,
        roberta,
        relu,
        relative,
        decoder,
        no_size,
        no_json,
        short_vocabulary,
        no_vocabulary,
        unknown,
    ],
)
def test_refused(pretrained, tmp_path, damage):
    folder = tmp_path / "bert"
    shutil.copytree(pretrained, folder)
    words = damage(folder)
    with pytest.raises(InputError, match=words):
        through(folder, tmp_path / "out", "artifact")
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]
    # A recipe hears of it before anything is trained.
    with pytest.raises(InputError, match=words):
        LoadEncoder(name="bert", folder=str(folder)).check()


def test_damaged_artifact_and_preset(tiny_run, tmp_path):
    artifact, preset = tmp_path / "artifact", tmp_path / "preset"
    shutil.copytree(tiny_run.model, artifact)
    os.truncate(artifact / "heads.npz", 100)
    with pytest.raises(InputError, match=f"not a readable model .*{artifact}"):
        through(artifact, tmp_path / "out", "keras")
    through(tiny_run.model, preset, "keras")
    os.truncate(preset / "model.weights.h5", 4000)
    with pytest.raises(InputError, match=f"not a readable preset .*{preset}"):
        through(preset, tmp_path / "out", "artifact")
    edit(preset, class_name="RobertaBackbone")
    with pytest.raises(
        InputError, match="must be BertBackbone; received RobertaBackbone"
    ):
        through(preset, tmp_path / "out", "artifact")
    assert not (tmp_path / "out").exists()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Other(Bert):
    """An architecture of somebody else's, which need not be BERT."""


def test_another_architecture_has_no_place_elsewhere(tiny_run, tmp_path):
    read = ArtifactFolder().read(tiny_run.encoder)
    bert = read.model.architecture
    other = Other(**{f.name: getattr(bert, f.name) for f in dataclasses.fields(bert)})
    model = Model(other, {}, len(read.vocabulary), dropout=0.0)
    for to in ("huggingface", "keras"):
        with (
            pytest.raises(InputError, match="holds BERT; the model is Other"),
            folder_written_aside(tmp_path / "out") as aside,
        ):
            FORMATS[to].write(dataclasses.replace(read, model=model), aside)
    assert not list(tmp_path.iterdir())


def test_the_program_ends_in_one_line(tiny_run, tmp_path):
    empty, there = tmp_path / "empty", tmp_path / "there"
    empty.mkdir()
    there.mkdir()
    for folder, output, flags, words in (
        (empty, "out", ("--to=keras",), "contains nothing"),
        (tmp_path / "none", "out", ("--to=keras",), "no such folder"),
        (tiny_run.model, "there", ("--to=keras",), "must not exist yet"),
        (tiny_run.encoder, "out", ("--to=keras", "--pairs"), "has no labels"),
    ):
        output = tmp_path / output
        done = convert(f"--input={folder}", f"--output={output}", *flags)
        assert done.returncode == 1 and done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and words in line
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "there"}
    assert not list(there.iterdir())
    done = convert(f"--input={empty}", f"--output={tmp_path}/out", "--to=tf1")
    assert done.returncode == 1
    assert "should be one of <artifact|huggingface|keras>" in done.stderr
