"""What a student begins with, and the gold labels beside a teacher's."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.data.pipeline import Batches
from pd_bert.data.records import Records
from pd_bert.formats.known import FORMATS, recognize
from pd_bert.models.initialization import Truncated, WordEmbeddings
from pd_bert.models.model import Model
from pd_bert.objectives.labels import Labels
from pd_bert.objectives.soft_labels import SoftLabels
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Stage
from pd_bert.stages.distill import Distill
from pd_bert.stages.finetune import Finetune
from pd_bert.stages.label import Label
from pd_bert.stages.live_teacher import LiveTeacher
from pd_bert.stages.load_encoder import LoadEncoder
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.training.optimizer import AdamW


@pytest.fixture
def place(tiny_run, tmp_path, monkeypatch) -> Workdir:
    """A copy of the run, to go on from."""
    monkeypatch.setenv("SMALL_DATA", str(tiny_run.data))
    shutil.copytree(tiny_run.workdir, tmp_path / "run", symlinks=True)
    return Workdir(tmp_path / "run", tiny_run.runtime)


@pytest.fixture
def classifier(tiny_run) -> Finetune:
    return next(s for s in tiny_run.stages if s.title == "finetune-pf")


def run(stages: list[Stage], place: Workdir, runtime) -> None:
    for stage in stages:
        stage.check()
    runner = Runner(in_order(stages, runtime), place, runtime=runtime)
    runner.run(tf.distribute.get_strategy())


def arrays(model: Model, part: str) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in model.encoder.parts()[part]]


def same(one: Model, other: Model, part: str) -> bool:
    pairs = zip(arrays(one, part), arrays(other, part), strict=True)
    return all(np.array_equal(mine, its) for mine, its in pairs)


@pytest.fixture
def published(tiny_run, tmp_path) -> pathlib.Path:
    """The encoder of two layers in Hugging Face's layout."""
    folder = tmp_path / "published"
    folder.mkdir()
    FORMATS["huggingface"].write(
        recognize(tiny_run.encoder).read(tiny_run.encoder), folder
    )
    return folder


def test_parts_of_a_loaded_encoder(tiny_run, place, classifier, published, capsys):
    """A learning rate of 0 leaves the weights as they were before the first step."""
    loaded = LoadEncoder(name="bert", folder=str(published))
    truncated = dataclasses.replace(
        classifier,
        name="truncated",
        architecture=dataclasses.replace(classifier.architecture, num_layers=1),
        initial=loaded,
        initialization=Truncated(),
        optimizer=AdamW(learning_rate=0.0),
        steps=1,
        seed=3,
    )
    words = dataclasses.replace(
        truncated, name="words", initialization=WordEmbeddings()
    )
    run([truncated, words], place, tiny_run.runtime)
    printed = capsys.readouterr().out
    initial = Model.load(place.finished(loaded))
    for stage, taken, random in (
        (truncated, ["token_embedding", "embeddings", "layer_0"], ["pooler", "label"]),
        (words, ["token_embedding"], ["embeddings", "layer_0", "pooler", "label"]),
    ):
        line = f"{', '.join(taken)} from load-bert; random: {', '.join(random)}"
        assert f" finetune {stage.name}: {line}\n" in printed
        artifact = place.artifact(stage)
        assert artifact is not None
        assert artifact["initialized"] == {"taken": taken, "random": random}
        student = Model.load(artifact.directory)
        for part in ("token_embedding", "embeddings", "layer_0", "pooler"):
            assert same(student, initial, part) == (part in taken), part


def test_a_regression_is_distilled_on_pairs_without_scores(tiny_run, place):
    teacher = next(s for s in tiny_run.stages if s.title == "finetune-pairs")
    task_data = teacher.task_data
    transfer = PrepareTransfer(
        source=task_data.task.train,
        vocabulary=task_data.vocabulary,
        sequence_length=32,
    )
    label = Label(teacher=teacher, transfer=transfer)
    stored = Distill(
        name="stored",
        architecture=teacher.architecture,
        objectives=(SoftLabels(),),
        optimizer=AdamW(learning_rate=1e-3),
        transfer=label,
        task_data=task_data,
        buckets=(32,),
        steps=3,
    )
    live = dataclasses.replace(
        stored, name="live", transfer=transfer, teachers=(LiveTeacher(model=teacher),)
    )
    run([stored, live], place, tiny_run.runtime)
    assert "label" not in Records(place.finished(label)).spec
    one, other = (Model.load(place.finished(stage)) for stage in (stored, live))
    for mine, its in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=1e-4)


def test_labels_of_a_split_keep_the_gold_labels(tiny_run, place, classifier):
    task_data = classifier.task_data
    label = Label(teacher=classifier, transfer=task_data, split="train")
    student = Distill(
        name="both",
        architecture=classifier.architecture,
        objectives=(SoftLabels(), Labels(weight=0.5)),
        optimizer=classifier.optimizer,
        transfer=label,
        task_data=task_data,
        buckets=(32,),
        steps=3,
    )
    run([student], place, tiny_run.runtime)
    artifact = place.artifact(label)
    assert artifact is not None and artifact.labels == ("bad", "good")
    gold = Records(place.finished(task_data) / "train")
    labeled = Records(artifact.directory)
    assert labeled.spec.keys() - gold.spec.keys() == {"teacher_logits"}
    assert labeled.shard_counts == gold.shard_counts == [240]
    mine, its = labeled.columns([0]), gold.columns([0])
    np.testing.assert_array_equal(mine["label"], its["label"])
    assert set(mine["label"].tolist()) == {0, 1}
    rows = np.arange(240)
    np.testing.assert_array_equal(
        mine["token_ids"].padded(rows, 32, 0), its["token_ids"].padded(rows, 32, 0)
    )
    model = Model.load(place.finished(classifier))
    batch = next(Batches(gold, batch_size=240, buckets=(32,), shuffle=False).epoch())
    batch = {name: tf.constant(value) for name, value in batch.items()}
    logits = model(batch).logits["label"].numpy()
    np.testing.assert_allclose(mine["teacher_logits"], logits, rtol=0, atol=1e-4)
    trained = place.artifact(student)
    assert trained is not None and trained["steps"] == 3


def test_two_live_teachers_frozen_parts_and_a_validation(
    tiny_run, place, classifier, capsys
):
    """Two teachers of half the weight are one; the encoder is not trained."""
    label = Label(teacher=classifier, transfer=classifier.task_data, split="train")
    one = Distill(
        name="one",
        initial=classifier.initial,
        trainable=("pooler", "label"),
        objectives=(SoftLabels(),),
        teachers=(LiveTeacher(model=classifier),),
        optimizer=AdamW(learning_rate=1e-2),
        transfer=label,
        task_data=classifier.task_data,
        validation=label,
        evaluate_every=2,
        buckets=(32,),
        steps=6,
    )
    two = dataclasses.replace(
        one,
        name="two",
        objectives=(
            SoftLabels(teacher="a", weight=0.5),
            SoftLabels(teacher="b", weight=0.5),
        ),
        teachers=(
            LiveTeacher(name="a", model=classifier),
            LiveTeacher(name="b", model=classifier),
        ),
    )
    capsys.readouterr()
    run([one, two], place, tiny_run.runtime)
    assert "validation_loss=" in capsys.readouterr().err  # in place of dev's accuracy
    mine, its = (Model.load(place.finished(stage)) for stage in (one, two))
    initial = Model.load(place.finished(classifier.initial))
    steps = [place.artifact(stage)["best_step"] for stage in (one, two)]
    assert steps[0] == steps[1]
    for a, b in zip(mine.weights, its.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)
    for part in initial.encoder.parts():
        assert same(its, initial, part) == (part != "pooler"), part
