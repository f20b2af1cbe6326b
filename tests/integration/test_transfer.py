"""A transfer set is cleaned before the teacher labels it, and taken in parts after."""

import json
import pathlib
import subprocess

import numpy as np
import programs
import pytest

from pd_bert.artifact import Artifact
from pd_bert.data.records import Records

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_FILES = (str(pathlib.Path(__file__).with_name("transfer.gin")),)


@pytest.fixture(scope="module")
def finished(start_small, tmp_path_factory) -> pathlib.Path:
    """The working directory of the small recipe, planned and run."""
    folder = tmp_path_factory.mktemp("transfer")
    for arguments in (("--dry_run",), ()):
        log = folder / f"log{len(arguments)}"
        process = start_small(
            folder / "run", files=_FILES, arguments=arguments, log=log
        )
        assert process.wait(300) == 0, log.read_text()
    planned = (folder / "log1").read_text()
    for stage in ("clean-transfer", "label-labels", "subset-subset", "distill-pd"):
        assert stage in planned
    assert "clean transfer: " in (folder / "log0").read_text()
    return folder / "run" / "latest"


def test_the_chain_on_a_clean_set(finished) -> None:
    prepared = Artifact(finished / "prepare-transfer")
    cleaned = Artifact(finished / "clean-transfer")
    task = finished / "prepare-task"
    before, after = _texts(prepared.directory), _texts(cleaned.directory)
    held_out, train = _texts(task / "dev"), _texts(task / "train")
    expected = len(set(before) - set(held_out))
    assert len(after) == len(set(after)) == cleaned["count"] == expected
    assert set(after) == set(before) - set(held_out)
    report = cleaned["transfer"]
    assert report["size_before"] == prepared["count"] == 400
    assert report["size"] == expected
    assert report["duplicates"] == len(before) - len(set(before)) > 0
    assert report["leaks"] == {"dev": len(set(before) & set(held_out))}
    assert report["leaked"] > 0
    assert report["in_train"] == len(set(after) & set(train)) > 0
    assert 0 < report["similarity"] < 1

    labels = Artifact(finished / "label-labels")
    assert labels["count"] == expected
    confidence = labels["confidence"]
    assert sum(confidence["histogram"]) == expected
    assert sum(confidence["histogram"][:5]) == 0  # of two labels one has half
    assert sum(confidence["labels"].values()) == pytest.approx(1)

    part = Artifact(finished / "subset-subset")
    assert part["facts"] == {"transfer_size": 100}
    assert part.labels == labels.labels == ("bad", "good")
    all_, some = (Records(a.directory) for a in (labels, part))
    assert some.manifest["teacher"] == all_.manifest["teacher"]
    assert np.isin(_logits(some), _logits(all_)).all()
    assert Artifact(finished / "distill-pd")["steps"] == 13  # 100 in batches of 8


def _texts(directory: pathlib.Path) -> list[tuple[int, ...]]:
    records = Records(directory)
    ids = records.columns(range(len(records.shard_counts)))["token_ids"]
    return [tuple(ids[row].tolist()) for row in range(records.count)]


def _logits(records: Records) -> np.ndarray:
    columns = records.columns(range(len(records.shard_counts)))
    return np.asarray(columns["teacher_logits"])


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return programs.run("compare", *arguments)


@pytest.fixture
def arguments(finished, small_data) -> list[str]:
    return [
        f"--labeled={small_data / 'train.tsv'}",
        f"--held_out={small_data / 'dev.tsv'}",
        f"--transfer={small_data / 'transfer.txt'}",
        f"--vocabulary={finished / 'clean-transfer' / 'vocab.txt'}",
        "--text_column=sentence",
        "--sequence_length=32",
    ]


def test_the_program_tells_what_the_stage_does(finished, small_data, arguments) -> None:
    done = compare(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    report = Artifact(finished / "clean-transfer")["transfer"]
    assert printed.pop("leaks") == {str(small_data / "dev.tsv"): report["leaks"]["dev"]}
    assert printed == {key: value for key, value in report.items() if key != "leaks"}


def test_the_program_prints_a_table(finished, arguments) -> None:
    done = compare(*arguments)
    assert done.returncode == 0, done.stderr
    report = Artifact(finished / "clean-transfer")["transfer"]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["texts", str(report["size"]), "240"] in lines
    assert ["similarity", f"{report['similarity']:.3f}"] in lines


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--text_column=words", "no column 'words' in the header"),
        ("--transfer=nowhere.txt", "nowhere.txt"),
        ("--vocabulary=nowhere.txt", "a vocabulary must be a readable file"),
    ],
)
def test_bad_input_is_one_line(arguments, argument, message) -> None:
    done = compare(*arguments, argument)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
