"""The gate before the labels: what it reads, says and leaves."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pd_bert.artifact import Artifact
from pd_bert.errors import InputError
from pd_bert.sources.table import Table
from pd_bert.stages.base import Context, Info
from pd_bert.stages.evaluate import Evaluate
from pd_bert.stages.label import Label
from pd_bert.stages.load_encoder import LoadEncoder
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.stages.teacher_gate import TeacherGate
from pd_bert.tasks.classification import Classification
from pd_bert.tasks.labeled_task import LabeledTask
from pd_bert.tasks.regression import Regression
from pd_bert.training.runtime import Runtime

RUNTIME = Runtime()
WHERE = "[6/12] gate teacher"


@pytest.fixture
def evaluation(tmp_path: pathlib.Path) -> Evaluate:
    """Of a model that nobody loads."""
    (tmp_path / "table.tsv").write_text("sentence\tlabel\na film\tbad\n")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na")
    model = ReadVocabulary(name="made", file=str(tmp_path / "vocab.txt"))
    source = Table(files=str(tmp_path / "table.tsv"), label="label")
    task = Classification(name="mood", train=source, dev=source)
    return Evaluate(
        name="teacher",
        model=model,
        task_data=PrepareTask(task=task, vocabulary=model),
    )


def run(
    gate: TeacherGate,
    folder: pathlib.Path,
    *,
    logits: list[list[float]],
    gold: np.ndarray,
    labels: tuple[str, ...],
) -> Info:
    """Runs the gate on an evaluation's artifact with these predictions."""
    measured = folder / "evaluate"
    (measured / "predictions").mkdir(parents=True)
    np.savez(
        measured / "predictions" / "dev.npz",
        example_id=np.arange(len(gold)),
        logits=np.array(logits, np.float32),
        **({"score": np.array(logits, np.float32)[:, 0]} if len(labels) == 1 else {}),
        label=gold,
    )
    info = {"labels": labels, "primary_metric": "accuracy"}
    (measured / "artifact.json").write_text(json.dumps(info))
    context = Context(
        directory=folder / "gate",
        scratch=folder / "scratch",
        summaries=folder / "logs",
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        artifacts={gate.evaluation.fingerprint(RUNTIME): Artifact(measured)},
        chief=True,
        where=WHERE,
    )
    return gate.run(context)


GOOD = {
    "logits": [[3, 0], [2, 0], [0, 2], [0, 1]],
    "gold": np.array([0, 0, 1, 1]),
    "labels": ("bad", "good"),
}
ONE_ANSWER = {
    "logits": [[3, 0], [2, 0], [1, 0], [2, 0]],
    "gold": np.array([0, 0, 1, 0]),
    "labels": ("bad", "good"),
}


def test_a_good_teacher_passes(
    evaluation: Evaluate, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = run(TeacherGate(evaluation=evaluation), tmp_path, **GOOD)
    gate = json.loads(json.dumps(info["gate"]))
    assert gate["passed"] is True and gate["reason"] == ""
    assert (gate["split"], gate["count"], gate["primary_metric"]) == (
        "dev",
        4,
        "accuracy",
    )
    assert (gate["metric"], gate["majority"], gate["majority_label"]) == (1, 0.5, "bad")
    assert gate["best_permutation"] == ["bad", "good"]
    assert gate["agreement"] == [[2, 0], [0, 2]]
    assert sum(gate["confidence"]["right"]) == 4
    assert 0 < gate["expected_calibration_error"] < 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{WHERE}: dev accuracy 100.0 %, majority (bad) 50.0 %; no other order "
        "of its labels is clearly better; mean confidence 0.86"
    )


def test_a_refusal_says_how_to_override(
    evaluation: Evaluate, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = TeacherGate(evaluation=evaluation)
    with pytest.raises(InputError) as caught:
        run(gate, tmp_path / "a", **ONE_ANSWER)
    said = str(caught.value)
    assert said.startswith(f"{WHERE}: ") and "vocabulary-made" in said
    assert "'bad' to every text" in said and "75.0 %" in said
    assert said.endswith("pd.TeacherGate.accept = True")
    accepting = dataclasses.replace(gate, accept=True)
    info = run(accepting, tmp_path / "b", **ONE_ANSWER)
    assert info["gate"]["passed"] is False
    assert info["gate"]["reason"] and info["gate"]["reason"] in said
    warning = capsys.readouterr().out.splitlines()[-1]
    assert warning.startswith(f"{WHERE}: warning: ")
    assert info["gate"]["reason"] in warning
    # What follows an accepted teacher is not what follows one that passed.
    assert gate.fingerprint(RUNTIME) != accepting.fingerprint(RUNTIME)


def test_a_reversed_regression(evaluation: Evaluate, tmp_path: pathlib.Path) -> None:
    source = evaluation.task_data.task.train
    task: LabeledTask = Regression(name="likeness", train=source, dev=source)
    task_data = dataclasses.replace(evaluation.task_data, task=task)
    evaluation = dataclasses.replace(evaluation, task_data=task_data)
    given = {"gold": np.array([1, 2, 3], np.float32), "labels": ("score",)}
    gate = TeacherGate(evaluation=evaluation)
    with pytest.raises(InputError, match="its scale is reversed"):
        run(gate, tmp_path / "a", logits=[[3.0], [2.0], [1.0]], **given)
    info = run(gate, tmp_path / "b", logits=[[1.0], [2.0], [4.0]], **given)
    assert info["gate"]["passed"] and info["gate"]["majority"] is None


def test_outputs_that_are_no_numbers(
    evaluation: Evaluate, tmp_path: pathlib.Path
) -> None:
    logits = [[3, 0], [np.nan, 0], [0, np.inf], [0, 1]]
    with pytest.raises(InputError, match="2 of 4 rows are not"):
        gate = TeacherGate(evaluation=evaluation, accept=True)
        run(gate, tmp_path, **{**GOOD, "logits": logits})


def test_the_gate_of_another_teacher(
    evaluation: Evaluate, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "other").mkdir()
    other = LoadEncoder(name="other", folder=str(tmp_path / "other"))
    label = Label(
        teacher=evaluation.model,
        transfer=evaluation.task_data,
        split="train",
        gate=TeacherGate(evaluation=evaluation),
    )
    label.check()
    assert label.inputs()["gate"] == label.gate
    with pytest.raises(InputError, match="load-other; gate-teacher judges another"):
        dataclasses.replace(label, teacher=other).check()
