"""Searches as a user runs them: to the end, killed, in parallel, pruned, refused."""

import collections
import json
import pathlib
import re
import shutil
import signal
import time
from collections.abc import Callable
from typing import Any

import programs
import pytest

Start = Callable[..., programs.Program]

_TINY = str(pathlib.Path(__file__).with_name("tiny.gin"))
_SECONDS = 300.0
_SEARCH = """# A search of the tests.
from __gin__ import dynamic_registration
from pd_bert import api as pd
pd.Search.space = {space}
"""
_GRID = {"FINETUNE_BATCH_SIZE": (8, 16), "FINETUNE_LEARNING_RATE": (5e-3, 1e-3)}
_SHORT = ("FINETUNE_EPOCHS = 5",)


class Searches:
    """Starts searches of the tiny recipe in a folder."""

    def __init__(
        self, start: Start, folder: pathlib.Path, reuse: pathlib.Path | None = None
    ) -> None:
        self._start = start
        self._folder = folder
        self._reuse = () if reuse is None else (f"--reuse={reuse}",)
        self.log = folder / "log"

    def files(
        self, space: dict[str, tuple[object, ...]] | str, more: str = ""
    ) -> list[str]:
        path = self._folder / "search.gin"
        path.write_text(_SEARCH.format(space=space) + more)
        return [_TINY, "runtime/deterministic.gin", str(path)]

    def start(
        self,
        space: dict[str, tuple[object, ...]] | str = _GRID,
        *bindings: str,
        more: str = "",
        log: pathlib.Path | None = None,
        arguments: tuple[str, ...] = (),
    ) -> programs.Program:
        return self._start(
            self._folder / "run",
            program="search",
            files=tuple(self.files(space, more)),
            bindings=(*_SHORT, *bindings),
            arguments=(*self._reuse, *arguments),
            log=log or self.log,
        )

    def run(self, *values: Any, code: int = 0, **options: Any) -> pathlib.Path:
        process = self.start(*values, **options)
        assert process.wait(_SECONDS) == code, self.log.read_text()
        return self._folder / "run"


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> pathlib.Path:
    """The working directory of the grid's search; its log lies beside it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return Searches(request.getfixturevalue("start_small"), folder).run()


@pytest.fixture(scope="module")
def prepared(
    undisturbed: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The same without its trials: data and encoder, which every search here needs."""
    folder = tmp_path_factory.mktemp("prepared") / "run"
    trials = shutil.ignore_patterns("finetune-*", "evaluate-*")
    shutil.copytree(undisturbed, folder, symlinks=True, ignore=trials)
    return folder


@pytest.fixture
def searches(
    start_small: Start, tmp_path: pathlib.Path, prepared: pathlib.Path
) -> Searches:
    return Searches(start_small, tmp_path, prepared)


def outcome(run: pathlib.Path) -> list[tuple[object, ...]]:
    """The results that must not depend on how the search went."""
    found = json.loads((run / "search.json").read_text())
    return [
        (tuple(row["params"].values()), row["state"], row["value"], row["values"])
        for row in found["trials"]
    ]


def states(run: pathlib.Path) -> dict[str, int]:
    """The number of trials by state, in the journal."""
    names = {1: "complete", 2: "pruned", 3: "fail"}
    lines = map(json.loads, (run / "study.journal").read_text().splitlines())
    found = [names.get(line["state"]) for line in lines if line["op_code"] == 6]
    return dict(collections.Counter(name for name in found if name))


def settings(path: pathlib.Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_grid(
    undisturbed: pathlib.Path, start_small: Start, small_data: pathlib.Path
) -> None:
    log = undisturbed.parent / "log"
    rows = outcome(undisturbed)
    assert [row[0] for row in rows] == [(8, 5e-3), (8, 1e-3), (16, 5e-3), (16, 1e-3)]
    assert {row[1] for row in rows} == {"complete"}
    best = json.loads((undisturbed / "search.json").read_text())["best"]
    assert best["value"] == max(row[2] for row in rows)
    assert (tuple(best["params"].values()), best["value"]) == next(
        (row[0], row[2]) for row in rows if row[2] == best["value"]
    )
    text = log.read_text()
    for stage in ("vocabulary trained", "prepare corpus", "pretrain student"):
        assert text.count(f"{stage}: running") == 1
    assert text.count("finetune pf: running") == 4
    assert "dev accuracy %" in text and text.count("complete (best)") == 1

    # best.gin after the recipe gives the best trial's model, which is there already.
    process = start_small(
        undisturbed,
        files=(_TINY, "runtime/deterministic.gin", str(undisturbed / "best.gin")),
        bindings=_SHORT,
        log=undisturbed.parent / "best_log",
    )
    assert process.wait(_SECONDS) == 0, (undisturbed.parent / "best_log").read_text()
    assert ": running" not in (undisturbed.parent / "best_log").read_text()
    (row,) = (
        row
        for row in json.loads((undisturbed / "results.json").read_text())
        if row["kind"] == "evaluate"
    )
    assert row["metrics"]["dev"]["accuracy"] == best["value"]


def test_repeated_it_trains_nothing(
    undisturbed: pathlib.Path, start_small: Start
) -> None:
    before = outcome(undisturbed)
    again = Searches(start_small, undisturbed.parent)
    again.log = undisturbed.parent / "again_log"
    again.run()
    assert ": running" not in again.log.read_text()
    assert outcome(undisturbed) == before


def test_what_another_run_has_finished_is_reused(
    undisturbed: pathlib.Path, start_small: Start, tmp_path: pathlib.Path
) -> None:
    searches = Searches(start_small, tmp_path, undisturbed)
    run = searches.run()
    assert outcome(run) == outcome(undisturbed)
    assert ": running" not in searches.log.read_text()
    assert all(path.is_symlink() for path in (run / "stages").iterdir())


def test_killed_and_stopped(undisturbed: pathlib.Path, searches: Searches) -> None:
    run = searches.log.parent / "run"
    # A kill in the second trial, a stop in the third.
    for finished, number in ((1, signal.SIGKILL), (2, signal.SIGTERM)):
        process = searches.start()
        _wait_for_training(run, finished, process, searches.log)
        process.send_signal(number)
        expected = 143 if number == signal.SIGTERM else -signal.SIGKILL
        assert process.wait(_SECONDS) == expected, searches.log.read_text()
        assert not (run / "search.json").exists()
    searches.run()
    assert outcome(run) == outcome(undisturbed)
    assert settings(run / "best.gin") == settings(undisturbed / "best.gin")
    assert states(run) == {"complete": 4, "fail": 2}
    names = [sorted(p.name for p in r.glob("stages/*")) for r in (run, undisturbed)]
    assert names[0] == names[1]


def test_two_processes(undisturbed: pathlib.Path, searches: Searches) -> None:
    folder = searches.log.parent
    logs = [folder / "log_0", folder / "log_1"]
    processes = [searches.start(log=log) for log in logs]
    for process, log in zip(processes, logs, strict=True):
        assert process.wait(_SECONDS) == 0, log.read_text()
    assert outcome(folder / "run") == outcome(undisturbed)
    assert states(folder / "run") == {"complete": 4}
    tables = []
    taken = []
    for log in logs:
        text = log.read_text()
        taken += re.findall(r"^Trial (\d): FINE", text, re.MULTILINE)
        tables.append(re.findall(r"^ +\d+ .*complete.*$", text, re.MULTILINE))
        assert "finetune pf: running" in text
    assert sorted(taken) == list("0123")
    assert tables[0] == tables[1] and len(tables[0]) == 4


def test_trials_that_train_together(
    undisturbed: pathlib.Path, searches: Searches
) -> None:
    """Equal batch sizes read the same batches; a trial that diverges ends alone."""
    run = searches.run(
        {**_GRID, "FINETUNE_LEARNING_RATE": (5e-3, 1e-3, 1e38)},
        more="pd.Search.together = 6\npd.Runtime.together = 3\n",
    )
    rows = outcome(run)
    assert [row for row in rows if row[1] == "complete"] == outcome(undisturbed)
    assert [row[0] for row in rows if row[1] == "diverged"] == [(8, 1e38), (16, 1e38)]
    text = searches.log.read_text()
    first_end = re.search(r"^Trial \d: 0\.", text, re.MULTILINE)
    assert first_end and text.count("finetune pf: running", 0, first_end.start()) >= 3


def test_hopeless_and_diverging_trials_end_early(searches: Searches) -> None:
    """Over two seeds, whose mean is the value."""
    run = searches.run(
        {"FINETUNE_LEARNING_RATE": (5e-3, 4e-3, 1e-7, 1e38)},
        more="pd.Recipe.axes = {'SEED': (0, 1)}\n"
        "pd.Search.pruner = @pd.Median()\n"
        "pd.Median.startup_trials = 2\n",
    )
    rows = outcome(run)
    assert [row[1] for row in rows] == ["complete", "complete", "pruned", "diverged"]
    for _, state, value, values in rows:
        if state == "complete":
            assert len(values) == 2 and value == pytest.approx(sum(values) / 2)
    assert len(list(run.glob("stages/finetune-pf-*"))) == 4
    assert not [path for path in (run / "working").iterdir() if path.is_dir()]
    assert settings(run / "best.gin")[0].startswith("FINETUNE_LEARNING_RATE = 0.00")


def test_bad_input_is_one_line_and_loses_nothing(
    undisturbed: pathlib.Path, start_small: Start
) -> None:
    before = outcome(undisturbed)
    artifacts = sorted(undisturbed.glob("stages/*"))
    other = Searches(start_small, undisturbed.parent)
    for index, (space, bindings, message) in enumerate(
        [
            ({"FINETUNE_BATCH_SISE": (8,)}, (), "FINETUNE_BATCH_SISE must be a macro"),
            ({"FINETUNE_BATCH_SIZE": (8,)}, (), "begun with space"),
            (_GRID, ("LENGTH = 16",), "begun with fingerprint"),
            (_GRID, ("pd.Recipe.name = 'other'",), "holds 'small', received"),
            (_GRID, ("pd.Search.stage = 'evaluate-x'",), "'evaluate-x'"),
            ("{'FINETUNE_LEARNING_RATE': (@no/such.Thing,)}", (), "'such' was not"),
            ({"FINETUNE_LEARNING_RATE": ("@no/such.Thing",)}, (), "without quotes"),
        ]
    ):
        other.log = undisturbed.parent / f"bad_{index}"
        other.run(space, *bindings, code=1)
        errors = re.findall(r"^error: .*$", other.log.read_text(), re.MULTILINE)
        assert len(errors) == 1 and message in errors[0], other.log.read_text()
        assert other.log.read_text().endswith(f"{errors[0]}\n"), "it is the last line"
    assert outcome(undisturbed) == before
    assert sorted(undisturbed.glob("stages/*")) == artifacts


def _wait_for_training(
    run: pathlib.Path, finished: int, process: programs.Program, log: pathlib.Path
) -> None:
    """Until a model is in training after `finished` others."""
    end = time.monotonic() + _SECONDS
    pattern = "working/finetune-pf-*/scratch/checkpoints/ckpt-*.index"
    while (
        not any(run.glob(pattern)) or len(list(run.glob("stages/finetune*"))) < finished
    ):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.01)
