"""A sweep: what is equal is made once, whoever runs it and however it is killed."""

import collections
import json
import pathlib
import random
import time
from collections.abc import Callable

import programs

Start = Callable[..., programs.Program]
Same = Callable[[pathlib.Path, pathlib.Path], None]

_SECONDS = 600.0
_FILES = (
    str(pathlib.Path(__file__).with_name("sweep.gin")),
    "runtime/deterministic.gin",
)
_KILLS = 3


def test_two_processes_three_kills_same_results(
    start_small: Start, tmp_path: pathlib.Path, assert_same_runs: Same
) -> None:
    """Students apart in one undisturbed process; then together, killed, in two."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    process = start_small(alone, files=_FILES, log=tmp_path / "alone.log", apart=True)
    assert process.wait(_SECONDS) == 0, (tmp_path / "alone.log").read_text()
    events = _events(alone)
    # 2 sizes × 3 methods × 2 seeds and the teacher are evaluated.
    rows = json.loads((alone / "results.json").read_text())
    assert sum(row["kind"] == "evaluate" for row in rows) == 13
    (row,) = [
        row
        for row in rows
        if row["kind"] == "evaluate"
        and row["method"] == "pd"
        and row["size"] == "wide"
        and row["seed"] == 1
    ]
    assert row["axes"] == {
        "STUDENT": "@wide/pd.Bert",
        "METHOD": "@pd/pd.Evaluate",
        "SEED": 1,
    }
    assert rows[0]["axes"] == {}  # the vocabulary is everybody's
    assert all(count == 1 for count in events["run"].values())
    kinds = collections.Counter(name.split("-")[0] for name in events["run"])
    # One corpus, task and transfer set, which is cleaned; a pre-training a size; one
    # teacher, judged once, and its label pass; 4 students by labels, 8 by soft labels.
    assert kinds == {
        "vocabulary": 1,
        "prepare": 3,
        "clean": 1,
        "gate": 1,
        "pretrain": 2,
        "label": 1,
        "finetune": 5,
        "distill": 8,
        "evaluate": 13,
    }

    draw = random.Random(7)
    together = ("pd.Runtime.together = 3",)

    def start(number: int) -> programs.Program:
        log = tmp_path / f"shared-{number}.log"
        return start_small(shared, files=_FILES, bindings=together, log=log)

    processes = [start(number) for number in range(2)]
    for kill in range(_KILLS):
        _wait_for_events(shared, 8 + 16 * kill)
        time.sleep(draw.uniform(0, 1))
        number = draw.randrange(2)
        assert processes[number].poll() is None, "it ended too soon"
        processes[number].kill()
        processes[number].wait()
        processes[number] = start(number)
    for number, process in enumerate(processes):
        log = tmp_path / f"shared-{number}.log"
        assert process.wait(_SECONDS) == 0, log.read_text()
    assert_same_runs(alone, shared)
    shared_events = _events(shared)
    assert shared_events["run"].keys() == events["run"].keys()
    assert all(count == 1 for count in shared_events["finished"].values())
    # A killed process leaves a group of three at most.
    again = sum(shared_events["run"].values()) - len(shared_events["run"])
    assert again <= 3 * _KILLS
    both = {json.loads(line)["process"] for line in _lines(shared)}
    assert len(both) >= 2


def _lines(workdir: pathlib.Path) -> list[str]:
    path = workdir / "journal.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def _events(workdir: pathlib.Path) -> dict[str, collections.Counter[str]]:
    """How often each stage was run and finished."""
    counts = {"run": collections.Counter(), "finished": collections.Counter()}
    for line in map(json.loads, _lines(workdir)):
        counts[line["event"]][line["stage"]] += 1
    return counts


def _wait_for_events(workdir: pathlib.Path, count: int) -> None:
    end = time.monotonic() + _SECONDS
    while len(_lines(workdir)) < count:
        assert time.monotonic() < end, f"fewer than {count} events"
        time.sleep(0.05)
