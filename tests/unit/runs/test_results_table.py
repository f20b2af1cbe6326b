"""The table that a run ends with."""

import itertools
import json
import pathlib
from typing import Any

from pd_bert.artifact import Artifact
from pd_bert.runs.results import facts
from pd_bert.runs.results_table import results_table
from pd_bert.values import digest

NUMBERS = itertools.count()


def row(task: str, metrics: dict[str, Any], primary: str, **others: Any) -> dict:
    axes = {a: v for a, v in others.get("axes", {}).items() if a != "SEED"}
    return {
        "stage": "evaluate-pf",
        "kind": "evaluate",
        "task": task,
        "method": "pf",
        "size": "tiny",
        "seed": 0,
        "axes": {},
        "metrics": metrics,
        "primary_metric": primary,
        "fingerprint": str(next(NUMBERS)),
        "parameters": 4_000,
        "size_bytes": 16_000,
        "examples_per_second": 100.0,
        "fingerprint_without_seeds": digest([task, others.get("method"), axes]),
        **others,
    }


def test_one_metric_is_named_in_the_header():
    rows = [
        row("sst2", {"dev": {"accuracy": 0.5}}, "accuracy", method="teacher"),
        row("sst2", {"dev": {"accuracy": 0.7}, "test": {"accuracy": 0.6}}, "accuracy"),
        row("sst2", {"dev": {"accuracy": 0.8}, "test": {"accuracy": 0.6}}, "accuracy"),
    ]
    assert results_table([{"kind": "prepare"}, *rows]).split("\n") == [
        "task  method   size  dev accuracy %  test accuracy %  seeds  parameters   MB  "
        "examples/s  speed-up",
        "sst2  teacher  tiny            50.0                –      1       4,000  0.0  "
        "       100      1.0×",
        "sst2  pf       tiny      75.0 ± 7.1       60.0 ± 0.0      2       4,000  0.0  "
        "       100      1.0×",
    ]


def test_tasks_of_different_metrics_and_their_mean():
    mnli = {"dev": {"accuracy": 0.5}, "dev_mismatched": {"accuracy": 0.25}}
    mean = {"parameters": None, "size_bytes": None, "examples_per_second": None}
    rows = [
        row("mean of 2", {"dev": {"score": 0.4}}, "score", kind="score", **mean),
        row("cola", {"dev": {"matthews": 0.125}}, "matthews"),
        row("mnli", mnli, "accuracy"),
    ]
    lines = [line.split() for line in results_table(rows).split("\n")]
    header = "task method size metric dev % test % dev_mismatched %"
    assert " ".join(lines[0][:10]) == header
    assert lines[1][:7] == ["cola", "pf", "tiny", "matthews", "12.5", "–", "–"]
    assert lines[2][:7] == ["mnli", "pf", "tiny", "accuracy", "50.0", "–", "25.0"]
    assert lines[3][:8] == ["mean", "of", "2", "pf", "tiny", "score", "40.0", "–"]


def test_an_axis_that_tells_lines_apart_has_a_column():
    rows = [
        row(
            "sst2",
            {"dev": {"accuracy": seed / 10}},
            "accuracy",
            seed=seed,
            axes={"SEED": seed, "STUDENT": "@tiny/pd.Bert", "TRANSFER_SIZE": size},
        )
        for size in (50, 100)
        for seed in (1, 2)
    ]
    lines = [line.split() for line in results_table(rows).split("\n")]
    assert lines[0][:4] == ["task", "method", "size", "TRANSFER_SIZE"]
    assert [line[3:7] for line in lines[1:]] == [
        ["50", "15.0", "±", "7.1"],
        ["100", "15.0", "±", "7.1"],
    ]


def test_nothing_to_show():
    assert results_table([{"kind": "prepare"}]) == ""


def artifact(folder: pathlib.Path, facts: dict[str, Any] | None, *made_of: str) -> None:
    folder.mkdir(parents=True)
    lineage = {name: {"artifact": name} for name in made_of}
    info: dict[str, Any] = {"lineage": lineage}
    if facts is not None:
        info["facts"] = facts
    (folder / "artifact.json").write_text(json.dumps(info))


def test_the_nearest_fact_holds(tmp_path: pathlib.Path) -> None:
    stages = tmp_path / "one" / "stages"
    artifact(stages / "far", {"texts": 900, "similarity": 0.5, "files": 1})
    artifact(stages / "near", {"texts": 100, "files": 2}, "far")
    artifact(stages / "bare", None, "gone", "near")
    artifact(stages / "own", {"files": 3}, "far", "bare")
    # "far" is one step from "own", "near" two.
    found = {"files": 3, "texts": 900, "similarity": 0.5}
    assert facts(Artifact(stages / "own")) == found
    found = {"files": 2, "texts": 100, "similarity": 0.5}
    assert facts(Artifact(stages / "bare")) == found
    # Of a link into another directory: what lies there beside it.
    link = tmp_path / "two" / "stages" / "other"
    link.parent.mkdir(parents=True)
    link.symlink_to(stages / "bare")
    assert facts(Artifact(link)) == found
    artifact(stages / "none", None)
    assert facts(Artifact(stages / "none")) == {}
