"""A teacher that cannot teach is stopped before it labels anything."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import programs
import pytest
import tensorflow as tf

from pd_bert import config
from pd_bert.data.records import Records
from pd_bert.errors import InputError
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir

Start = Callable[..., programs.Program]

_SMALL = pathlib.Path(__file__).with_name("small.gin")
_GATE = str(_SMALL.with_name("gate.gin"))


@pytest.fixture(scope="module")
def run(
    small_data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., pathlib.Path]:
    """Runs the recipe in this process, always in one working directory."""
    workdir = tmp_path_factory.mktemp("gate") / "run"

    def run_with(*bindings: str) -> pathlib.Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SMALL_DATA", str(small_data))
            recipe, stages, runtime = config.load([str(_SMALL), _GATE], bindings)
            for stage in stages:
                stage.check()
            place = Workdir(workdir, runtime)
            place.claim(recipe.name)
            Runner(stages, place, runtime=runtime).run(tf.distribute.get_strategy())
        return workdir

    return run_with


@pytest.fixture(scope="module")
def passed(run: Callable[..., pathlib.Path]) -> pathlib.Path:
    """The working directory after a good teacher has labeled."""
    return run()


def relabeled(small_data: pathlib.Path, path: pathlib.Path, **named: str) -> str:
    """A binding: the training table with other labels."""
    lines = (small_data / "train.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    changed = [f"{text}\t{named[label]}" for text, label in rows]
    path.write_text("\n".join([lines[0], *changed, "so so\tbad", "so so\tgood"]))
    return f"train/pd.Table.files = '{path}'"


def journal(workdir: pathlib.Path) -> list[dict[str, Any]]:
    lines = (workdir / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def labels_of(workdir: pathlib.Path) -> set[pathlib.Path]:
    """The folders of labels, finished or begun."""
    return {*workdir.glob("stages/label-*"), *workdir.glob("working/label-*/")}


def test_a_good_teacher_labels(passed: pathlib.Path, small_data: pathlib.Path) -> None:
    artifact = json.loads(
        (passed / "latest" / "gate-teacher" / "artifact.json").read_text()
    )
    gate = artifact["gate"]
    assert gate["passed"] and gate["count"] == 24
    assert gate["metric"] > 0.9 > gate["majority"] >= 0.5
    assert gate["best_permutation_accuracy"] == gate["accuracy"]
    assert np.sum(gate["agreement"]) == 24
    assert len(list((passed / "latest").glob("label-*"))) == 1
    # What it read: the evaluation's predictions, row by row as the records are.
    evaluation = passed / "latest" / "evaluate-teacher"
    with np.load(evaluation / "predictions" / "dev.npz") as arrays:
        found = dict(arrays)
    assert {name: value.dtype.name for name, value in found.items()} == {
        "example_id": "int64",
        "logits": "float32",
        "probabilities": "float32",
        "label": "int64",
    }
    assert found["example_id"].tolist() == list(range(24))
    assert found["logits"].shape == (24, 2)
    rows = (small_data / "dev.tsv").read_text().splitlines()[1:]
    gold = [("bad", "good").index(row.split("\t")[1]) for row in rows]
    assert found["label"].tolist() == gold
    right = found["logits"].argmax(axis=1) == found["label"]
    assert gate["accuracy"] == right.mean()
    info = json.loads((evaluation / "artifact.json").read_text())
    assert info["metrics"]["dev"]["accuracy"] == gate["accuracy"]
    records = Records(
        passed / "stages" / info["lineage"]["task_data"]["artifact"] / "dev"
    )
    np.testing.assert_array_equal(records.columns([0])["label"], found["label"])
    (row,) = [
        row
        for row in json.loads((passed / "results.json").read_text())
        if row["kind"] == "evaluate"
    ]
    assert 0 < row["latency_ms"] < 1000 and row["latency_ms"] == info["latency_ms"]
    assert row["facts"]["num_layers"] == 2  # read from the model that it measured


def test_swapped_labels_end_the_program(
    passed: pathlib.Path,
    small_data: pathlib.Path,
    start_small: Start,
    tmp_path: pathlib.Path,
) -> None:
    """In another directory, which takes what does not depend on them from the first."""
    swapped = relabeled(small_data, tmp_path / "train.tsv", good="bad", bad="good")
    workdir, log = tmp_path / "run", tmp_path / "log"
    process = start_small(
        workdir,
        files=(_GATE,),
        # Of all checkpoints the one that dev likes best would have learnt the least.
        bindings=(swapped, "teacher/pd.Finetune.evaluate_every = 100000"),
        arguments=(f"--reuse={passed}",),
        log=log,
    )
    assert process.wait(300) == 1, log.read_text()
    said = log.read_text()
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "gate teacher: " in error and "finetune-teacher" in error
    assert "what it calls 'bad' is 'good', what it calls 'good' is 'bad'" in error
    assert error.endswith("pd.TeacherGate.accept = True")
    assert not labels_of(workdir)
    last = journal(workdir)[-1]
    assert last["event"] == "failed" and last["stage"].startswith("gate-teacher-")
    assert last["error"] == error.removeprefix("error: ")

    kept = {"vocabulary", "prepare", "pretrain"}
    made = {line["stage"].split("-")[0] for line in journal(workdir)}
    assert made == {"prepare", "clean", "finetune", "evaluate", "gate"}
    links = [path for path in (workdir / "stages").iterdir() if path.is_symlink()]
    # The task's records are others; corpus and transfer set are the same.
    assert sorted(path.name.split("-")[0] for path in links) == [
        "prepare",
        "prepare",
        "pretrain",
        "vocabulary",
    ]
    for path in links:
        assert path.resolve() == (passed / "stages" / path.name).resolve()
    assert said.count(f": reused from {passed.resolve()}\n") == 4
    plan = json.loads((workdir / "plan.json").read_text())
    assert kept < {row["kind"] for row in plan}
    assert plan[-1]["kind"] == "label" and not (workdir / plan[-1]["artifact"]).exists()


def test_one_answer_is_refused_and_can_be_accepted(
    run: Callable[..., pathlib.Path],
    passed: pathlib.Path,
    small_data: pathlib.Path,
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = labels_of(passed)
    constant = relabeled(small_data, tmp_path / "train.tsv", good="good", bad="good")
    with pytest.raises(InputError, match="it answers 'good' to every text"):
        run(constant)
    assert labels_of(passed) == before
    run(constant, "pd.TeacherGate.accept = True")
    assert "warning: finetune-teacher: it answers 'good'" in capfd.readouterr().out
    (new,) = labels_of(passed) - before
    assert new.parent.name == "stages"
    gate = json.loads(
        (passed / "latest" / "gate-teacher" / "artifact.json").read_text()
    )["gate"]
    assert not gate["passed"] and "'good' to every text" in gate["reason"]
