"""Runs of several seeds as one, and comparisons of their stored predictions."""

import pytest

from pd_bert.analysis.evidence import gather
from pd_bert.analysis.runs import Runs
from pd_bert.analysis.summary import baseline_of, compare, splits_of, summaries
from pd_bert.errors import InputError


def test_seeds_are_one_and_axes_that_tell_are_shown(row):
    found = summaries(
        [
            row("teacher", 0.9, size="base", examples_per_second=100.0),
            row("pd", 0.5, seed=0, axes={"T": 1, "SEED": 0}, latency_ms=1.0),
            row("pd", 0.7, seed=1, axes={"T": 1, "SEED": 1}, latency_ms=3.0),
            row("pd", 0.8, seed=0, axes={"T": 2, "SEED": 0}, fingerprint="x"),
        ]
    )
    assert [each.title for each in found] == [
        "teacher base",
        "pd tiny (T 1)",
        "pd tiny (T 2)",
    ]
    first = found[1]
    assert (
        first.spreads["dev"].mean == pytest.approx(60) and first.spreads["dev"].n == 2
    )
    assert (first.latency_ms, first.size_mb, first.speed_up) == (2.0, 16.0, 10.0)


def test_the_baseline_has_the_same_task_size_and_axes(row):
    found = summaries(
        [
            row("teacher", 0.9, size="base"),
            row("d", 0.5),
            row("d", 0.5, size="mini"),
            row("pd", 0.6),
            row("pd", 0.6, size="small"),
            row("pd", 0.6, task="cola", fingerprint="c"),
        ]
    )
    teacher, d, d_mini, pd, pd_small, pd_cola = found
    assert baseline_of(pd, found, "d") is d
    assert baseline_of(pd_small, found, "d") is None  # two sizes, neither is its
    assert baseline_of(pd_small, found, "teacher") is teacher
    assert baseline_of(d_mini, found, "teacher") is teacher
    assert baseline_of(pd_cola, found, "teacher") is None
    assert baseline_of(d, found, "d") is None


def test_predictions_are_compared_over_seeds(
    tmp_path, row, write_run, write_predictions
):
    rows = [row("pd", 0.8, seed=0), row("pd", 0.6, seed=1), row("d", 0.4)]
    workdir = write_run(tmp_path / "run", rows)
    gold = [0, 1, 0, 1, 0]
    write_predictions(workdir, rows[0], [0, 1, 0, 1, 1], gold)
    write_predictions(workdir, rows[1], [0, 1, 0, 0, 1], gold)
    write_predictions(workdir, rows[2], [0, 1, 1, 0, 1], gold)
    pd, d = summaries(Runs([workdir]).measured)
    assert [each.names for each in pd.predictions("test")] == [("bad", "good")] * 2
    found = compare(pd, d, "test")
    assert found is not None
    assert found.value == pytest.approx(100 * (0.7 - 0.4))
    assert found.low <= found.value <= found.high
    assert compare(pd, d, "dev") is None


def test_predictions_of_other_examples_are_not_compared(
    tmp_path, row, write_run, write_predictions
):
    rows = [row("pd", 0.8), row("d", 0.4), row("pf", 0.4)]
    workdir = write_run(tmp_path / "run", rows)
    write_predictions(workdir, rows[0], [0, 1, 0], [0, 1, 0])
    write_predictions(workdir, rows[1], [0, 1, 0], [0, 1, 1])
    pd, d, pf = summaries(Runs([workdir]).measured)
    assert compare(pd, d, "test") is None
    assert pf.predictions("test") == () and compare(pd, pf, "test") is None


def test_a_broken_file_of_predictions_is_named(tmp_path, row, write_run):
    held = row("pd", 0.8)
    workdir = write_run(tmp_path / "run", [held])
    path = workdir / "stages" / "evaluate-pd-pdtiny0" / "predictions" / "test.npz"
    path.parent.mkdir()
    path.write_bytes(b"PK")
    (pd,) = summaries(Runs([workdir]).measured)
    with pytest.raises(InputError, match=r"example_id, logits and label; .*test\.npz"):
        pd.predictions("test")


def test_split_and_baseline_must_be_there(tmp_path, row, write_run):
    held = row(
        "pd", 0.8, metrics={"dev": {"accuracy": 0.8}, "dev_b": {"accuracy": 0.7}}
    )
    workdir = write_run(tmp_path / "run", [held])
    assert gather([workdir]).split == "dev"
    assert splits_of(gather([workdir]).summaries) == ("dev", "dev_b")
    with pytest.raises(InputError, match="dev, dev_b; received 'test'"):
        gather([workdir], split="test")
    with pytest.raises(InputError, match="methods of the runs, pd; received 'd'"):
        gather([workdir], baseline="d")
