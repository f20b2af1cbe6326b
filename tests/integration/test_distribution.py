"""One device, two replicas, two worker processes: the same training."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import programs
import pytest

from pd_bert.data.encode_corpus import EncodeCorpus
from pd_bert.data.example_spec import TOKENS, Feature
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.tasks.masked_lm import corpus_spec
from pd_bert.text.train_vocabulary import train_vocabulary

Start = Callable[..., programs.Program]
Result = tuple[dict[str, list[float]], dict[str, np.ndarray]]

_SCRIPT = pathlib.Path(__file__).with_name("train_losses.py")
_REPOSITORY = _SCRIPT.parents[2]
_SECONDS = 300


@pytest.fixture(scope="module")
def records(
    small_data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """`mlm`, windows for a language model; `soft`, lengths 4 to 30 with logits."""
    folder = tmp_path_factory.mktemp("records")
    documents = [
        text.split("\n")
        for text in (small_data / "corpus.txt").read_text().strip().split("\n\n")
    ]
    vocabulary = train_vocabulary((s for d in documents for s in d), size=80)
    vocabulary.write(folder / "vocab.txt")
    encode = EncodeCorpus(
        vocabulary=folder / "vocab.txt", lowercase=True, sequence_length=32
    )
    logits = {**TOKENS, "teacher_logits": Feature(dtype="float32", shape=(3,))}
    for name, chunks, encoder, spec in (
        (
            "mlm",
            [(0, documents[:15]), (1, documents[15:30])],
            encode,
            corpus_spec(True),
        ),
        ("soft", [0, 1], _soft_examples, logits),
    ):
        (folder / name).mkdir()
        write_shards(lambda c=chunks: c, encoder, spec=spec, directory=folder / name)
        description = {"vocabulary": vocabulary.fingerprint, "sequence_length": 32}
        write_manifest(folder / name, spec=spec, description=description)
    return folder


def _soft_examples(chunk: int) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(chunk)
    for _ in range(27):  # not a multiple of the batch: fillers occur
        length = int(generator.integers(4, 31))
        yield {
            "token_ids": generator.integers(5, 60, length),
            "segment_start": length,
            "teacher_logits": generator.normal(size=3) * 2,
        }


@pytest.fixture(scope="module")
def one_device(records: pathlib.Path, tmp_path_factory: Any) -> Result:
    (result,) = _train("one_device", records, tmp_path_factory.mktemp("one"), [{}])
    return result


def test_two_replicas_in_one_process(
    one_device: Result, records: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (mirrored,) = _train("mirrored", records, tmp_path, [{}])
    _assert_close(one_device, mirrored)


def test_two_worker_processes(
    one_device: Result, records: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for worker in _train("multi_worker", records, tmp_path, _cluster()):
        _assert_close(one_device, worker)


def test_accumulation_changes_nothing_and_clipping_does(one_device: Result) -> None:
    losses, _ = one_device
    for case, clip in (("mlm", 0.2), ("soft", 0.02)):
        plain = losses[f"{case}, accumulation 1, clip {clip}"]
        split = losses[f"{case}, accumulation 2, clip {clip}"]
        free = losses[f"{case}, accumulation 1, clip 1000000000.0"]
        np.testing.assert_allclose(plain, split, rtol=0, atol=1e-5)
        assert len(plain) == 12 and plain[0] == free[0]
        assert abs(plain[-1] - free[-1]) > 1e-3
        assert abs(plain[0] - plain[-1]) > 1e-3  # it learns


def test_a_cluster_runs_a_recipe(start_small: Start, tmp_path: pathlib.Path) -> None:
    """Stopped by a SIGTERM to one worker, and started again to the end."""
    workdir = tmp_path / "run"

    def start() -> list[programs.Program]:
        return [
            start_small(
                workdir,
                files=("runtime/multi_worker.gin",),
                bindings=(
                    "pd.Runtime.steps_per_call = 10",
                    "FINETUNE_EPOCHS = 1",
                    "DISTILL_EPOCHS = 1",
                ),
                log=tmp_path / f"log{index}",
                variables=variables,
            )
            for index, variables in enumerate(_cluster())
        ]

    workers = start()
    pattern = "pretrain-student-*/scratch/checkpoints/ckpt-*.index"
    try:
        end = time.monotonic() + _SECONDS
        while not any((workdir / "working").glob(pattern)):
            assert all(w.poll() is None for w in workers), _logs(tmp_path)
            assert time.monotonic() < end, _logs(tmp_path)
            time.sleep(0.02)
        workers[1].send_signal(signal.SIGTERM)
        assert [w.wait(_SECONDS) for w in workers] == [143, 143], _logs(tmp_path)
        assert list((workdir / "working").glob(pattern))
        for _ in range(3):
            for log in tmp_path.glob("log*"):
                log.unlink()
            workers = start()
            codes = [w.wait(_SECONDS) for w in workers]
            # On a machine with too much to do TensorFlow gives up its cluster after
            # 10 s without a sign of life; any other failure is ours.
            if codes == [0, 0] or "heartbeat" not in _logs(tmp_path):
                break
        assert codes == [0, 0], _logs(tmp_path)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    names = sorted(p.name.rpartition("-")[0] for p in (workdir / "stages").iterdir())
    assert names == [
        "clean-transfer",
        "distill-pd",
        "evaluate-pd",
        "evaluate-teacher",
        "export-pd",
        "finetune-teacher",
        "gate-teacher",
        "label-labels",
        "prepare-corpus",
        "prepare-task",
        "prepare-transfer",
        "pretrain-student",
        "vocabulary-trained",
    ]
    assert not [p for p in (workdir / "working").iterdir() if p.is_dir()]
    rows = json.loads((workdir / "results.json").read_text())
    assert [row["kind"] for row in rows][-2:] == ["evaluate", "export"]


def _cluster() -> list[dict[str, str]]:
    """TF_CONFIG of two workers on this machine."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other)]
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(2)
    ]


def _train(
    name: str,
    records: pathlib.Path,
    folder: pathlib.Path,
    environments: list[dict[str, str]],
) -> list[Result]:
    """Runs the script in a process an environment; their losses and weights."""
    processes = []
    for index, variables in enumerate(environments):
        command = [sys.executable, str(_SCRIPT), name, str(records)]
        processes.append(
            subprocess.Popen(
                [*command, str(folder / f"{index}.npz")],
                env={**os.environ, "PYTHONPATH": str(_REPOSITORY), **variables},
                stdout=subprocess.PIPE,
                stderr=(folder / f"log{index}").open("w"),
                text=True,
            )
        )
    try:
        outputs = [process.communicate(timeout=_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert all(p.returncode == 0 for p in processes), _logs(folder)
    return [
        (
            json.loads(output.strip().split("\n")[-1]),
            dict(np.load(folder / f"{index}.npz")),
        )
        for index, output in enumerate(outputs)
    ]


def _assert_close(expected: Result, found: Result) -> None:
    assert len(found[0]) == 4
    for case, losses in found[0].items():
        np.testing.assert_allclose(losses, expected[0][case], 0, 1e-5, err_msg=case)
    for name, array in found[1].items():
        np.testing.assert_allclose(array, expected[1][name], 0, 1e-4, err_msg=name)


def _logs(folder: pathlib.Path) -> str:
    return "\n".join(path.read_text()[-6000:] for path in sorted(folder.glob("log*")))
