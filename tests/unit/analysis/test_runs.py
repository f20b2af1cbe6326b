"""Reading working directories: what is there, and what is missing."""

import json

import pytest

from pd_bert.analysis.runs import WORKDIR, Runs, column, shown
from pd_bert.errors import InputError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("@tiny/bert.Bert()", "tiny"),
        ("@pd/evaluate.Evaluate", "pd"),
        ("@a/b/bert.Bert()", "a/b"),
        ("@bert.Bert()", "bert.Bert"),
        ("%LARGE", "LARGE"),
        ("plain", "plain"),
        (0.5, 0.5),
        (None, None),
        ([1, 2], "[1, 2]"),
    ],
)
def test_axis_values_are_shown_without_marks(value, text):
    assert shown(value) == text


def test_columns_are_of_row_axes_and_facts(tmp_path, row, write_run):
    held = row(
        "pd", 0.5, axes={"STUDENT": "@tiny/bert.Bert()"}, facts={"similarity": 0.7}
    )
    (read,) = Runs([write_run(tmp_path / "run", [held])]).rows
    assert [column(read, name) for name in ("size", "STUDENT", "similarity", "x")] == [
        "tiny",
        "tiny",
        0.7,
        None,
    ]


def test_a_row_of_an_earlier_version(tmp_path, row, write_run):
    held = row("pd", 0.5)
    for key in ("axes", "facts", "latency_ms"):
        del held[key]
    held["artifact"] = "/elsewhere/stages/evaluate-pd-0123"
    (read,) = Runs([write_run(tmp_path / "run", [held])]).rows
    assert (read["axes"], read["facts"], read["latency_ms"]) == ({}, {}, None)
    assert read["artifact"] == str(tmp_path / "run" / "stages" / "evaluate-pd-0123")


def test_unfinished_and_failed_stages_of_a_plan(tmp_path, row, write_run):
    held = row("pd", 0.5)
    workdir = write_run(tmp_path / "run", [held])
    names = ["evaluate-pd-pdtiny0", "distill-a-1", "distill-b-2", "distill-c-3"]
    (workdir / "plan.json").write_text(json.dumps([{"artifact": n} for n in names]))
    lines = [
        {"event": "run", "stage": "distill-a-1", "time": "t0"},
        {"event": "failed", "stage": "distill-a-1", "time": "t1", "error": "no <text>"},
        {"event": "run", "stage": "distill-b-2", "time": "t2"},
        {"event": "run", "stage": "evaluate-old-9", "time": "t3"},
    ]
    text = "\n".join(map(json.dumps, lines))
    (workdir / "journal.jsonl").write_text(f'{text}\n{{"event": "ru')
    found = Runs([workdir]).unfinished
    assert [(each.stage, each.state, each.error, each.time) for each in found] == [
        ("distill-a-1", "failed", "no <text>", "t1"),
        ("distill-b-2", "begun, not finished", "", "t2"),
        ("distill-c-3", "not begun", "", ""),
    ]
    assert (found[0].kind, found[0].name, found[0].fingerprint) == ("distill", "a", "1")


def test_without_a_plan_journal_and_working_folders_tell(tmp_path, row, write_run):
    workdir = write_run(tmp_path / "run", [row("pd", 0.5)])
    (workdir / "working" / "distill-b-2").mkdir(parents=True)
    line = {"event": "run", "stage": "distill-a-1", "time": "t0"}
    (workdir / "journal.jsonl").write_text(json.dumps(line) + "\n")
    found = Runs([workdir]).unfinished
    assert [(each.stage, each.state) for each in found] == [
        ("distill-a-1", "begun, not finished"),
        ("distill-b-2", "begun, not finished"),
    ]


def test_a_stage_of_two_directories_is_one(tmp_path, row, write_run):
    shared = row("teacher", 0.9)
    runs = Runs(
        [
            write_run(tmp_path / "a", [shared, row("pd", 0.5, fingerprint="1")]),
            write_run(tmp_path / "b", [shared, row("pd", 0.6, fingerprint="2")]),
        ]
    )
    assert [(each["method"], each["axes"]) for each in runs.rows] == [
        ("teacher", {}),
        ("pd", {WORKDIR: "a"}),
        ("pd", {WORKDIR: "b"}),
    ]


def test_nothing_at_all(tmp_path, row, write_run):
    with pytest.raises(InputError, match=r"holds results\.json"):
        Runs([tmp_path])
    trained = row("pd", 0.5, kind="distill", metrics=None)
    with pytest.raises(InputError, match="needs a finished evaluation"):
        Runs([write_run(tmp_path / "run", [trained])])
    (tmp_path / "run" / "results.json").write_text('[{"kind": "evaluate"}]')
    with pytest.raises(InputError, match=r"row 1 of .* lacks artifact, finger"):
        Runs([tmp_path / "run"])
    (tmp_path / "run" / "results.json").write_text("{}")
    with pytest.raises(InputError, match="list of objects"):
        Runs([tmp_path / "run"])
