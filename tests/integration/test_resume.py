"""Killed at any moment and started again, a run ends with the same artifacts."""

import pathlib
import random
import signal
import time
from collections.abc import Callable, Iterator

import programs
import pytest
import tensorflow as tf

Start = Callable[..., programs.Program]
Same = Callable[[pathlib.Path, pathlib.Path], None]

_FILES = ("runtime/deterministic.gin",)
# More than two encode text in processes of their own, which must end too.
_WORKERS = ("pd.Runtime.processes = 3",)
_SECONDS = 300.0
_CHECKPOINT = "scratch/checkpoints/ckpt-*.index"
_MOMENTS = (
    # In each stage: what lies in its working directory when it has begun.
    ("prepare-corpus", "shard-*.json"),
    ("pretrain-student", _CHECKPOINT),
    ("finetune-teacher", _CHECKPOINT),
    ("label-labels", "shard-*.json"),
    ("distill-pd", _CHECKPOINT),
    ("export-pd", "saved_model"),
)


@pytest.fixture(scope="module")
def undisturbed(
    small_data: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[pathlib.Path]:
    """The working directory of a run without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start = request.getfixturevalue("start_small")
    process = start(folder / "run", files=_FILES, log=folder / "log", apart=True)
    assert process.wait(_SECONDS) == 0, (folder / "log").read_text()
    yield folder / "run"


def test_killed_in_every_stage(
    undisturbed: pathlib.Path,
    start_small: Start,
    tmp_path: pathlib.Path,
    assert_same_runs: Same,
) -> None:
    workdir, log = tmp_path / "run", tmp_path / "log"
    draw = random.Random(1)
    for stage, sign in _MOMENTS:
        process = start_small(workdir, files=_FILES, bindings=_WORKERS, log=log)
        _wait_for(workdir, f"{stage}-*/{sign}", process, log)
        # An export is nearly finished when its folder is there.
        time.sleep(0 if stage == "export-pd" else draw.uniform(0, 0.2))
        process.kill()
        process.wait()
        assert not list(workdir.glob(f"stages/{stage}-*")), f"{stage} ended too soon"
        _wait_for_end_of_session(process.pid)
    process = start_small(workdir, files=_FILES, log=log)
    assert process.wait(_SECONDS) == 0, log.read_text()
    assert_same_runs(undisturbed, workdir)


def test_sigterm_saves_and_exits_143(
    undisturbed: pathlib.Path,
    start_small: Start,
    tmp_path: pathlib.Path,
    assert_same_runs: Same,
) -> None:
    """Also to the workers that encode text, as a batch system sends it."""
    workdir, log = tmp_path / "run", tmp_path / "log"
    # No checkpoint but at an evaluation, every 32 steps, or at a stop.
    seldom = ("pd.Runtime.checkpoint_seconds = 3600.0", *_WORKERS)
    process = start_small(workdir, files=_FILES, bindings=seldom, log=log)
    _wait_for(workdir, "prepare-corpus-*/shard-*.json", process, log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(_SECONDS) == 143, log.read_text()
    _wait_for_end_of_session(process.pid)

    process = start_small(workdir, files=_FILES, bindings=seldom, log=log)
    _wait_for(workdir, f"finetune-teacher-*/{_CHECKPOINT}", process, log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(_SECONDS) == 143, log.read_text()
    (checkpoints,) = workdir.glob("working/finetune-teacher-*/scratch/checkpoints")
    latest = tf.train.latest_checkpoint(str(checkpoints))
    stopped = int(latest.rpartition("-")[2])
    assert stopped % 32 != 0

    process = start_small(workdir, files=_FILES, bindings=seldom, log=log)
    assert process.wait(_SECONDS) == 0, log.read_text()
    first, second = sorted(workdir.glob("logs/finetune-teacher-*/events*"))
    assert _logged_steps(first)[-1] == stopped
    # The first call after a start may be short, none is longer than steps_per_call.
    assert stopped < _logged_steps(second)[0] <= stopped + 2
    assert_same_runs(undisturbed, workdir)


def _wait_for(
    workdir: pathlib.Path,
    pattern: str,
    process: programs.Program,
    log: pathlib.Path,
) -> None:
    """Waits until something below `working` matches."""
    end = time.monotonic() + _SECONDS
    while not any((workdir / "working").glob(pattern)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, f"no {pattern}: {log.read_text()}"
        time.sleep(0.01)


def _wait_for_end_of_session(session: int) -> None:
    """Fails unless all processes of a session end soon by themselves."""
    end = time.monotonic() + 20
    while left := _processes_of(session):
        assert time.monotonic() < end, f"left behind: {left}"
        time.sleep(0.1)


def _processes_of(session: int) -> list[str]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # pid (name) state ppid group session …
        state, _, _, owner = text.rpartition(")")[2].split()[:4]
        if int(owner) == session and state != "Z":
            found.append(text)
    return found


def _logged_steps(events: pathlib.Path) -> list[int]:
    records = tf.data.TFRecordDataset(str(events)).as_numpy_iterator()
    parsed = [tf.compat.v1.Event.FromString(record) for record in records]
    return [event.step for event in parsed if event.HasField("summary")]
