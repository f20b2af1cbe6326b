"""Reading working directories: what is there, and what is missing."""

import json
import pathlib
import shutil

import pytest

from pd_bert.analysis.logs import logged, thinned
from pd_bert.analysis.runs import Runs, column, folder, short_names, unique_names
from pd_bert.errors import InputError


def test_columns_are_of_row_axes_and_facts(tmp_path, row, write_run):
    held = row("pd", 0.5, axes={"STUDENT": "@tiny/pd.Bert"}, facts={"similarity": 0.7})
    (read,) = Runs([write_run(tmp_path / "run", [held])]).rows
    assert [column(read, name) for name in ("size", "STUDENT", "similarity", "x")] == [
        "tiny",
        "@tiny/pd.Bert",
        0.7,
        None,
    ]


def test_artifacts_are_read_where_the_directory_is_now(tmp_path, row, write_run):
    held = row("pd", 0.5, artifact="/elsewhere/stages/evaluate-pd-0123")
    (read,) = Runs([write_run(tmp_path / "run", [held])]).rows
    assert read["artifact"] == str(tmp_path / "run" / "stages" / "evaluate-pd-0123")


def test_unfinished_and_failed_stages_of_a_plan(tmp_path, row, write_run):
    held = row("pd", 0.5)
    workdir = write_run(tmp_path / "run", [held])
    names = [
        pathlib.Path(held["artifact"]).name,
        "distill-a-1",
        "distill-b-2",
        "distill-c-3",
    ]
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
            write_run(tmp_path / "a", [shared, row("pd", 0.5)]),
            write_run(tmp_path / "b", [shared, row("pd", 0.6)]),
        ]
    )
    assert [each["method"] for each in runs.rows] == ["teacher", "pd", "pd"]
    assert [(each["method"], each["directory"]) for each in runs.measured] == [
        ("teacher", "a"),
        ("pd", "a"),
        ("teacher", "b"),
        ("pd", "b"),
    ]


def test_directories_of_one_base_name_have_their_own_names(
    tmp_path, row, write_run, monkeypatch
):
    for parent in ("x", "y"):
        (tmp_path / parent).mkdir()
        write_run(tmp_path / parent / "run", [row("pd", 0.5)])
    monkeypatch.chdir(tmp_path / "x" / "run")
    here = pathlib.Path()
    runs = Runs([here, tmp_path / "y" / "run", tmp_path / "x" / "run"])
    assert runs.names == ("x/run", "y/run")
    assert [each["directory"] for each in runs.measured] == ["x/run", "y/run"]
    paths = [pathlib.Path(each) for each in ("/a/run", "/run", "/b/other")]
    assert short_names(paths) == ("a/run", "/run", "other")


def test_an_unfinished_stage_of_two_directories_is_one(tmp_path, row, write_run):
    for name, events in (("a", ["run"]), ("b", ["run", "failed"])):
        workdir = write_run(tmp_path / name, [row("pd", 0.5, fingerprint=name)])
        plan = [{"artifact": f"distill-x-{n}"} for n in ("1", "2")]
        (workdir / "plan.json").write_text(json.dumps(plan))
        lines = [{"event": event, "stage": "distill-x-1"} for event in events]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (workdir / "journal.jsonl").write_text(text)
    (tmp_path / "b" / "stages" / "distill-x-2").mkdir()  # finished there
    found = Runs([tmp_path / "a", tmp_path / "b"]).unfinished
    assert [(each.stage, each.state, each.workdir) for each in found] == [
        ("distill-x-1", "failed", "a, b")
    ]


def test_a_reused_artifact_that_is_gone_is_told(tmp_path, row, write_run):
    held, gone = row("pd", 0.5), row("d", 0.4)
    workdir = write_run(tmp_path / "run", [held, gone])
    link = workdir / gone["artifact"]
    shutil.rmtree(link)
    link.symlink_to(tmp_path / "other" / link.name)
    (found,) = Runs([workdir]).unfinished
    assert (found.stage, found.state) == (link.name, "finished, but gone")
    assert found.error == f"reused from {tmp_path / 'other' / link.name}"


def test_an_artifact_that_one_directory_lost_is_read_from_another(
    tmp_path, row, write_run
):
    held = row("pd", 0.5)
    broken = write_run(tmp_path / "a", [held])
    whole = write_run(tmp_path / "b", [held])
    shutil.rmtree(broken / held["artifact"])
    (broken / held["artifact"]).symlink_to(tmp_path / "gone")
    runs = Runs([broken, whole])
    assert runs.unfinished == ()
    found = {each["artifact"] for each in (*runs.rows, *runs.measured)}
    assert found == {str(whole / held["artifact"])}


def test_rows_without_what_tells_seeds_from_settings_are_refused(
    tmp_path, row, write_run
):
    held = row("pd", 0.5)
    del held["fingerprint_without_seeds"]
    with pytest.raises(InputError, match=r"row 1 of .* lacks fingerprint_without"):
        Runs([write_run(tmp_path / "run", [held])])


def test_logs_are_of_stages_of_the_runs_alone(tmp_path, row, write_run):
    """An unfinished one is named so; a reused one's lie where it was made."""
    made, own = row("teacher", 0.9), row("pd", 0.5)
    other = write_run(tmp_path / "other", [made])
    workdir = write_run(tmp_path / "run", [own, made])
    link = workdir / made["artifact"]
    shutil.rmtree(link)
    link.symlink_to(other / made["artifact"])
    names = [pathlib.Path(each["artifact"]).name for each in (made, own)]
    plan = [{"artifact": name} for name in (*names, "distill-a-1")]
    (workdir / "plan.json").write_text(json.dumps(plan))
    for path in (
        other / "logs" / names[0],
        workdir / "logs" / names[1],
        workdir / "logs" / "distill-a-1",
        workdir / "logs" / "distill-old-2",
    ):
        path.mkdir(parents=True)
    assert logged(Runs([workdir])) == [
        ("evaluate-pd tiny seed 0", workdir / "logs" / names[1]),
        ("evaluate-teacher tiny seed 0", other / "logs" / names[0]),
        ("distill-a-1 (unfinished)", workdir / "logs" / "distill-a-1"),
    ]


def test_long_histories_are_thinned_and_keep_their_ends():
    found = thinned(range(10, 50_010, 10))
    assert (len(found), found[0], found[-1]) == (500, 10, 50_000)
    assert thinned([1, 2]) == [1, 2] and thinned([]) == []


def test_figures_that_cannot_be_read_are_told_and_others_kept(tmp_path, row, write_run):
    settings = {"name": "f", "title": "t", "x": "size", "x_label": "s"}
    other = {**settings, "x": "task"}
    for name, figures in (
        ("a", [{"settings": settings}, {"settings": {**settings, "new": 1}}]),
        ("b", [{"settings": other}, {"settings": settings}]),
    ):
        workdir = write_run(tmp_path / name, [row("pd", 0.5)])
        (workdir / "figures.json").write_text(json.dumps(figures))
    write_run(tmp_path / "c", [row("pd", 0.5)])
    (tmp_path / "c" / "figures.json").write_text("[{")
    runs = Runs([tmp_path / name for name in "abc"])
    assert [(each.name, each.x, homes) for each, homes in runs.figures] == [
        ("f", "size", {"a", "b"}),
        ("f_2", "task", {"b"}),
    ]
    first, second = runs.faults
    assert "no setting new" in first and str(tmp_path / "a") in first
    assert str(tmp_path / "c") in second


def test_stages_of_several_tasks_are_told_by_task(tmp_path, row, write_run):
    gates = [
        row("teacher", 0.9, kind="gate", stage="gate-teacher", task=task, metrics=None)
        for task in ("rte", "cola", "cola")
    ]
    measured = [row("pd", 0.8, task=task) for task in ("rte", "cola")]
    corpus = row("", 0, kind="prepare", stage="prepare-corpus", task="mlm")
    runs = Runs([write_run(tmp_path / "run", [*gates, *measured, corpus])])
    titles = [runs.title(each) for each in runs.rows[:3]]
    assert titles == ["gate-teacher rte", "gate-teacher cola", "gate-teacher cola"]
    assert runs.title(runs.rows[-1]) == "prepare-corpus"
    folders = [folder(each).name for each in gates]
    names = unique_names(dict(zip(folders, titles, strict=True)))
    assert len(set(names.values())) == 3 and names[folders[0]] == titles[0]
    alone = Runs([write_run(tmp_path / "alone", [gates[0], measured[0]])])
    assert alone.title(alone.rows[0]) == "gate-teacher"


def test_nothing_at_all(tmp_path, row, write_run):
    with pytest.raises(InputError, match="has neither"):
        Runs([tmp_path])
    with pytest.raises(InputError, match="no stage is finished or wanted"):
        Runs([write_run(tmp_path / "run", [])])
    (tmp_path / "run" / "results.json").write_text('[{"kind": "evaluate"}]')
    with pytest.raises(InputError, match=r"row 1 of .* lacks artifact, axes"):
        Runs([tmp_path / "run"])
    (tmp_path / "run" / "results.json").write_text("{}")
    with pytest.raises(InputError, match="list of objects"):
        Runs([tmp_path / "run"])
