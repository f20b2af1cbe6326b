"""The directory of a run: its journal, and stages that pass from hand to hand."""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import tensorflow as tf

from pd_bert.costs.probe import Probe
from pd_bert.errors import InputError
from pd_bert.runs.estimates import estimate
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.stages.base import Context, Info
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.training.runtime import Runtime

_REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
_HOLD = """
import pathlib, sys, time
from pd_bert.system.lock import try_lock
with try_lock(pathlib.Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(600)
"""
RUNTIME = Runtime()


@pytest.fixture
def vocabulary(tmp_path: pathlib.Path) -> ReadVocabulary:
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]))
    return ReadVocabulary(file=str(file))


@pytest.fixture
def workdir(tmp_path: pathlib.Path) -> Workdir:
    workdir = Workdir(tmp_path / "run", RUNTIME)
    workdir.claim("journal")
    return workdir


def journal(workdir: Workdir) -> list[dict[str, object]]:
    text = (workdir.directory / "journal.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def run(workdir: Workdir, stage: ReadVocabulary) -> None:
    Runner([stage], workdir, runtime=RUNTIME).run(tf.distribute.get_strategy())


def test_a_line_an_event(workdir: Workdir, vocabulary: ReadVocabulary) -> None:
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    workdir.note("run", vocabulary)
    workdir.note("finished", vocabulary)
    lines = journal(workdir)
    assert [line["event"] for line in lines] == ["run", "finished"]
    for line in lines:
        assert line["stage"] == workdir.label(vocabulary)
        assert (line["process"], line["host"]) == (os.getpid(), platform.node())
        time = datetime.datetime.fromisoformat(str(line["time"]))
        assert before <= time <= datetime.datetime.now(datetime.UTC)
    assert sorted(lines[0]) == ["event", "host", "process", "stage", "time"]


def test_lines_of_several_writers_are_whole(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> None:
    def write(event: str) -> None:
        for _ in range(200):
            workdir.note(event, vocabulary)

    threads = [threading.Thread(target=write, args=(f"e{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = [line["event"] for line in journal(workdir)]
    assert sorted(events) == sorted(f"e{n}" for n in range(4) for _ in range(200))


def test_a_run_notes_each_stage_once(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> None:
    run(workdir, vocabulary)
    run(workdir, vocabulary)
    assert [line["event"] for line in journal(workdir)] == ["run", "finished"]


@pytest.fixture
def holder(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun the stage and holds it."""
    scratch = workdir.working(vocabulary) / "scratch"
    scratch.mkdir(parents=True)
    (scratch / "seconds").write_text("5.0")  # of the time that it spent
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(workdir.lock(vocabulary))],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_stage_whose_process_died_is_taken_over(
    workdir: Workdir,
    vocabulary: ReadVocabulary,
    holder: subprocess.Popen[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    killer = threading.Timer(1.5, holder.kill)
    killer.start()
    run(workdir, vocabulary)
    killer.join()
    name = "[1/1] vocabulary read"
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: another process is at it",
        f"{name}: running",
        f"{name}: done in 5 s",
    ]
    assert {line["process"] for line in journal(workdir)} == {os.getpid()}
    artifact = workdir.artifact(vocabulary)
    assert artifact is not None and artifact["vocabulary_size"] == 6
    assert artifact["seconds"] >= 5.0
    assert not workdir.working(vocabulary).exists()


def test_a_stage_killed_after_its_last_write_is_only_finished(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> None:
    """`artifact.json` is there, the rename is not."""
    run(workdir, vocabulary)
    workdir.finished(vocabulary).rename(workdir.working(vocabulary))
    made = (workdir.working(vocabulary) / "artifact.json").read_bytes()
    run(workdir, vocabulary)
    events = [line["event"] for line in journal(workdir)]
    assert events == ["run", "finished", "finished"]
    assert (workdir.finished(vocabulary) / "artifact.json").read_bytes() == made


def test_the_plan_names_every_stage_before_one_runs(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> None:
    lost = dataclasses.replace(vocabulary, name="lost", lowercase=False)
    fingerprints = [stage.fingerprint(RUNTIME) for stage in (vocabulary, lost)]
    pathlib.Path(vocabulary.file).write_text("[PAD]")  # since the fingerprints
    axes = {fingerprints[1]: {"SEED": 1}}
    runner = Runner([vocabulary, lost], workdir, runtime=RUNTIME, axis_values=axes)
    with pytest.raises(InputError):
        runner.run(tf.distribute.get_strategy())
    first, second = json.loads((workdir.directory / "plan.json").read_text())
    assert first == {
        "stage": "vocabulary-read",
        "kind": "vocabulary",
        "method": None,
        "size": None,
        "task": None,
        "seed": None,
        "axes": {},
        "artifact": workdir.label(vocabulary),
        "fingerprint": fingerprints[0],
    }
    assert (second["stage"], second["axes"]) == ("vocabulary-lost", {"SEED": 1})


class Broken(ReadVocabulary):
    def run(self, context: Context) -> Info:
        raise ValueError("no room\nfor that\n")


def test_a_failure_is_noted_in_a_line(
    workdir: Workdir, vocabulary: ReadVocabulary
) -> None:
    stage = Broken(file=vocabulary.file)
    with pytest.raises(ValueError, match="no room"):
        run(workdir, stage)
    pathlib.Path(vocabulary.file).write_text("[PAD]\n[CLS]")
    with pytest.raises(InputError) as caught:
        run(workdir, vocabulary)
    assert [(line["event"], line.get("error")) for line in journal(workdir)] == [
        ("run", None),
        ("failed", "ValueError: no room"),
        ("run", None),
        ("failed", " ".join(str(caught.value).split())),
    ]


@pytest.fixture
def other(tmp_path: pathlib.Path, vocabulary: ReadVocabulary) -> Workdir:
    """Another recipe's directory, in which the stage is finished by another name."""
    other = Workdir(tmp_path / "other", RUNTIME)
    other.claim("other")
    run(other, dataclasses.replace(vocabulary, name="shared"))
    return other


def test_what_another_run_finished_is_linked(
    workdir: Workdir,
    vocabulary: ReadVocabulary,
    other: Workdir,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (made,) = (other.directory / "stages").iterdir()
    before = {path: path.stat().st_mtime_ns for path in other.directory.rglob("*")}
    reusing = Workdir(workdir.directory, RUNTIME, reuse=[other.directory])
    probe = Probe(
        runtime=RUNTIME,
        strategy=tf.distribute.get_strategy(),
        measures=False,
        directory=tmp_path,
    )
    (planned,) = estimate([vocabulary], reusing, probe)
    assert planned.line["reused"] is True and not reusing.finished(vocabulary).exists()
    capsys.readouterr()
    run(reusing, vocabulary)
    name = "[1/1] vocabulary read"
    said = f"{name}: reused from {other.directory}\n"
    assert capsys.readouterr().out == said
    assert reusing.finished(vocabulary).readlink() == made
    latest = workdir.directory / "latest" / "vocabulary-read"
    assert (latest / "vocab.txt").is_file()
    (row,) = json.loads((workdir.directory / "results.json").read_text())
    assert row["artifact"] == str(workdir.finished(vocabulary))
    run(workdir, vocabulary)  # the link stays without the flag
    assert capsys.readouterr().out == said
    assert not (workdir.directory / "journal.jsonl").exists()
    assert before == {
        path: path.stat().st_mtime_ns for path in other.directory.rglob("*")
    }


def test_only_equal_stages_of_working_directories_are_reused(
    workdir: Workdir, vocabulary: ReadVocabulary, other: Workdir, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(InputError, match=r"working directory.*none/at/all has none"):
        Workdir(workdir.directory, RUNTIME, reuse=[tmp_path / "none/at/all"])
    cased = dataclasses.replace(vocabulary, lowercase=False)
    reusing = Workdir(workdir.directory, RUNTIME, reuse=[other.directory])
    run(reusing, cased)
    assert not reusing.finished(cased).is_symlink()
    assert [line["event"] for line in journal(workdir)] == ["run", "finished"]


def test_a_reused_stage_that_is_gone(
    workdir: Workdir, vocabulary: ReadVocabulary, other: Workdir
) -> None:
    run(Workdir(workdir.directory, RUNTIME, reuse=[other.directory]), vocabulary)
    (made,) = (other.directory / "stages").iterdir()
    shutil.rmtree(made)
    with pytest.raises(InputError, match=f"links to {made}, which is gone"):
        run(workdir, vocabulary)
    workdir.finished(vocabulary).unlink()
    run(workdir, vocabulary)
    assert workdir.finished(vocabulary).is_dir()


def test_what_a_process_is_at_is_not_linked(
    workdir: Workdir,
    vocabulary: ReadVocabulary,
    other: Workdir,
    holder: subprocess.Popen[str],
) -> None:
    reusing = Workdir(workdir.directory, RUNTIME, reuse=[other.directory])
    reusing.reuse(vocabulary)
    assert not reusing.finished(vocabulary).is_symlink()
