"""Runs of several seeds as one, and comparisons of their stored predictions."""

import json

import pytest

from pd_bert.analysis.evidence import baseline_of, gather
from pd_bert.errors import InputError
from pd_bert.report.sections.run_table import run_table, text_table
from pd_bert.report.sections.tradeoff import tradeoff
from pd_bert.runs.group_results import group_results
from pd_bert.runs.results_table import splits_of


def test_the_baseline_has_the_same_task_size_and_axes(row):
    found = group_results(
        [
            row("teacher", 0.9, size="base"),
            row("d", 0.5),
            row("d", 0.5, size="mini"),
            row("pd", 0.6),
            row("pd", 0.6, size="small"),
            row("pd", 0.6, task="cola"),
            row("pf", 0.6, size="huge"),
        ]
    )
    teacher, d, d_mini, pd, pd_small, pd_cola, _ = found
    assert baseline_of(pd, found, "d") is d
    assert baseline_of(pd_small, found, "d") is None  # neither has its size
    assert baseline_of(pd, found, "pf") is None  # one size alone, but another
    assert baseline_of(pd_small, found, "teacher") is teacher
    assert baseline_of(d_mini, found, "teacher") is teacher
    assert baseline_of(pd_cola, found, "teacher") is None
    assert baseline_of(d, found, "d") is None


GOLD = [0, 1, 0, 1, 0]


def test_predictions_are_compared_over_seeds(
    tmp_path, row, write_run, write_predictions
):
    rows = [row("pd", 0.8, seed=0), row("pd", 0.6, seed=1), row("d", 0.4)]
    rows.append(row("teacher", 0.9, size="base"))
    workdir = write_run(tmp_path / "run", rows)
    write_predictions(workdir, rows[0], [0, 1, 0, 1, 1], GOLD)
    write_predictions(workdir, rows[1], [0, 1, 0, 0, 1], GOLD)
    write_predictions(workdir, rows[2], [0, 1, 1, 0, 1], GOLD)
    write_predictions(workdir, rows[3], GOLD, GOLD)
    evidence = gather([workdir], baseline="teacher")
    pd, d, _ = evidence.groups
    assert [each.names for each in evidence.predictions(pd)] == [("bad", "good")] * 2
    found = evidence.compare(pd, d, "test")
    assert found is not None
    assert found.value == pytest.approx(100 * (0.7 - 0.4))
    assert found.low <= found.value <= found.high
    assert evidence.compare(pd, d, "dev") is None
    # A teacher of another size is named where it is the baseline.
    assert text_table(evidence).count("to teacher base") == 2


def test_predictions_of_other_examples_are_not_compared(
    tmp_path, row, write_run, write_predictions
):
    rows = [row("pd", 0.8), row("d", 0.4), row("pf", 0.4)]
    workdir = write_run(tmp_path / "run", rows)
    write_predictions(workdir, rows[0], [0, 1, 0], [0, 1, 0])
    write_predictions(workdir, rows[1], [0, 1, 0], [0, 1, 1])
    evidence = gather([workdir])
    pd, d, pf = evidence.groups
    assert evidence.compare(pd, d, "test") is None
    assert evidence.predictions(pf) == ()
    assert evidence.compare(pd, pf, "test") is None


def test_broken_predictions_are_listed_and_left_out(
    tmp_path, row, write_run, write_predictions
):
    rows = [row("pd", 0.8), row("d", 0.4)]
    workdir = write_run(tmp_path / "run", rows)
    write_predictions(workdir, rows[1], GOLD, GOLD)
    path = workdir / rows[0]["artifact"] / "predictions" / "test.npz"
    path.parent.mkdir()
    path.write_bytes(b"PK")
    evidence = gather([workdir])
    pd, d = evidence.groups
    assert evidence.predictions(pd) == () and len(evidence.predictions(d)) == 1
    assert [evidence.predictions(pd) for _ in range(2)] == [(), ()]
    (fault,) = evidence.faults
    assert str(path) in fault and "example_id, label and" in fault


def test_split_and_baseline_must_be_there(tmp_path, row, write_run):
    held = row(
        "pd", 0.8, metrics={"dev": {"accuracy": 0.8}, "dev_b": {"accuracy": 0.7}}
    )
    workdir = write_run(tmp_path / "run", [held])
    assert gather([workdir]).split == "dev"
    assert splits_of(gather([workdir]).groups) == ("dev", "dev_b")
    with pytest.raises(InputError, match="dev, dev_b; received 'test'"):
        gather([workdir], split="test")
    with pytest.raises(InputError, match="methods of the runs, pd; received 'd'"):
        gather([workdir], baseline="d")


def test_a_task_is_shown_on_one_split_and_who_lacks_it_is_named(
    tmp_path, row, write_run
):
    rows = [
        row("pd", 0.8, seed=0),
        row("pd", 0.6, seed=1, metrics={"dev": {"accuracy": 0.6}}),
        row("d", 0.4, metrics={"dev": {"accuracy": 0.4}}),
    ]
    evidence = gather([write_run(tmp_path / "run", rows)])
    assert evidence.split_of("sst2") == "test"
    drawn = tradeoff(evidence).blocks
    assert all("Left out, as not measured in both: d tiny." in d.caption for d in drawn)
    (file,) = run_table(evidence).files
    pd = dict(zip(file.header, file.rows[0], strict=True))
    assert (pd["dev_n"], pd["test_n"]) == (2, 1)
    assert evidence.groups[0].seeds == "dev 2, test 1"


def test_the_batch_of_a_latency_is_told(tmp_path, row, write_run):
    held = row("pd", 0.8)
    workdir = write_run(tmp_path / "run", [held])
    assert gather([workdir]).timed == "one example"
    (workdir / held["artifact"] / "artifact.json").write_text(
        json.dumps({"latency_batch_size": 8})
    )
    evidence = gather([workdir])
    assert "latency of a batch of 8 (ms)" in tradeoff(evidence).blocks[0].caption
