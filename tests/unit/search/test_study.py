"""A study that several processes share, some of which die."""

import multiprocessing
import os
import pathlib
from typing import Any

import optuna
import pytest

from pd_bert.errors import InputError
from pd_bert.search.journal import open_journal
from pd_bert.search.pruners import Median
from pd_bert.search.pruning import Pruning
from pd_bert.search.search import Search
from pd_bert.search.study import Study

SPACE = {"A": (1, 2, 3), "B": ("x", "y")}
IDENTITY = {"recipe": "r", "space": {"A": [1, 2, 3], "B": ["x", "y"]}}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "working").mkdir()
    return tmp_path


def study(folder: pathlib.Path, **settings: Any) -> Study:
    return Study(folder, Search(space=SPACE, **settings), IDENTITY)


def work(folder: pathlib.Path, dies_at: int | None = None) -> None:
    """Ends trials with A as their value; dies in the trial number `dies_at`."""
    mine = study(folder)
    done = 0
    while True:
        with mine.take() as trials:
            if not trials:
                return
            (trial,) = trials
            if done == dies_at:
                trial.report(0.25, 0)
                trial.set_user_attr("evaluated_0", [7])
                os._exit(9)
            mine.complete(trial, mine.point(trial)["A"], seconds=0.0)
        done += 1


def start(folder: pathlib.Path, *arguments: int) -> multiprocessing.Process:
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(folder, *arguments)
    )
    process.start()
    return process


def test_each_point_once_by_several_processes(folder):
    started = [start(folder) for _ in range(3)]
    for process in started:
        process.join()
        assert process.exitcode == 0
    _assert_each_once(folder)


def test_the_trial_of_a_dead_process_is_taken_again(folder):
    process = start(folder, 2)
    process.join()
    assert process.exitcode == 9
    mine = study(folder)
    assert mine.unfinished()
    with mine.take() as (trial,):
        assert mine.point(trial) == {"A": 2, "B": "x"}  # where the dead one was
        (reported,) = [
            t.intermediate_values
            for t in trial.study.trials
            if t.number == trial.number
        ]
        assert reported == {0: 0.25}
        # Its training goes on before the evaluation of step 7, or after it.
        action = Pruning(trial, training=0, metric="accuracy")
        action.evaluated(7, {"accuracy": 0.25})
        action.evaluated(8, {"accuracy": 0.5})
        mine.complete(trial, 2.0, seconds=0.0)
    ended = next(t for t in mine.finished() if t.number == trial.number)
    assert ended.intermediate_values == {0: 0.25, 1: 0.5}
    assert mine.unfinished()  # the other points
    work(folder)
    _assert_each_once(folder)


def test_a_living_trial_is_left_alone(folder):
    mine = study(folder, trials=1)
    with mine.take() as (trial,):
        other = start(folder)
        other.join()
        assert len(mine.finished()) == 5
        assert mine.unfinished()
        mine.prune(trial, failure="pruned", seconds=0.0)
    _assert_each_once(folder)


def test_more_trials_later(folder):
    for count in (2, 4):
        mine = study(folder, trials=count)
        for _ in range(3):
            with mine.take() as trials:
                for trial in trials:
                    mine.complete(trial, 0.0, seconds=0.0)
        assert len(mine.finished()) == count


def test_median_compares_evaluation_by_evaluation_and_seed_by_seed(folder):
    mine = study(folder, pruner=Median(startup_trials=2, warmup=1))
    for low in (0.5, 0.6):
        with mine.take() as (trial,):
            for seed in (0, 1):
                action = Pruning(trial, training=seed, metric="f1")
                for step, value in ((32, 0.3), (64, low)):
                    action.evaluated(step, {"f1": value})
            mine.complete(trial, low, seconds=0.0)
    with mine.take() as (trial,):
        action = Pruning(trial, training=0, metric="f1")
        action.evaluated(4, {"f1": 0.1})  # warm-up
        with pytest.raises(optuna.TrialPruned):
            action.evaluated(8, {"f1": 0.54})
        mine.prune(trial, failure="pruned", seconds=0.0)


def test_another_search_is_refused(folder):
    study(folder)
    other = {**IDENTITY, "space": {"A": [1]}}
    with pytest.raises(InputError, match=r"holds one search; .*begun with space"):
        Study(folder, Search(space={"A": (1,)}), other)


def test_half_a_line_is_cut_off(folder):
    path = folder / "study.journal"
    optuna.create_study(storage=open_journal(path), study_name="s")
    with path.open("a") as file:
        file.write('{"op_code": 4, "wor')
    same = optuna.load_study(storage=open_journal(path), study_name="s")
    same.set_user_attr("key", 1)
    again = optuna.load_study(storage=open_journal(path), study_name="s")
    assert again.user_attrs == {"key": 1}


def _assert_each_once(folder: pathlib.Path) -> None:
    mine = study(folder)
    points = [tuple(mine.point(trial).values()) for trial in mine.finished()]
    assert sorted(points) == [(a, b) for a in SPACE["A"] for b in SPACE["B"]]
