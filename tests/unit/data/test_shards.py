import contextlib
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pd_bert.data.encode_rows import EncodeRows
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.shards import chunked, write_manifest, write_shards
from pd_bert.data.source import TextRow
from pd_bert.text.vocabulary import Vocabulary

TOKENS_OF = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c")
CHUNKS = [
    [TextRow(text=text, where="here") for text in texts]
    for texts in (["a b", "b"], ["c c c"], ["a", "b", "c"], ["b a"], ["c"])
]
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

# Writes 30 shards of one example, each slowly; prints how many it wrote itself.
SLOW = """
import pathlib, sys, time
from pd_bert.data.example_spec import TOKENS
from pd_bert.data.shards import write_shards
folder = pathlib.Path(sys.argv[1])
def encode(chunk):
    time.sleep(0.03)
    yield {"token_ids": [2, chunk, 3], "segment_start": 3}
pathlib.Path(sys.argv[2]).touch()
while not (folder / "go").exists():
    time.sleep(0.005)
written = []
write_shards(lambda: range(30), encode, spec=TOKENS, directory=folder,
             progress=written.append)
print(sum(written))
"""


@pytest.fixture
def encode(tmp_path: pathlib.Path) -> EncodeRows:
    Vocabulary(tokens=TOKENS_OF).write(tmp_path / "vocab.txt")
    return EncodeRows(
        vocabulary=tmp_path / "vocab.txt", lowercase=True, sequence_length=8
    )


def write(folder: pathlib.Path, encode: Any, **options: Any) -> dict[str, bytes]:
    """The files that are there in the end."""
    folder.mkdir(exist_ok=True)
    write_shards(lambda: CHUNKS, encode, spec=TOKENS, directory=folder, **options)
    write_manifest(folder, spec=TOKENS, description={"vocabulary": "v"})
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_number_of_processes_changes_nothing(
    encode: EncodeRows, tmp_path: pathlib.Path
) -> None:
    counts: list[int] = []
    here = write(tmp_path / "0", encode, progress=counts.append)
    assert counts == [2, 1, 3, 1, 1]
    assert sorted(here) == sorted(
        ["manifest.json"]
        + [
            f"shard-0000{i}.{end}"
            for i in range(5)
            for end in ("json", "npy", "tfrecord")
        ]
    )
    for processes in (1, 3):
        folder = tmp_path / str(processes)
        assert write(folder, encode, processes=processes) == here


def test_what_a_killed_run_left_is_harmless(
    encode: EncodeRows, tmp_path: pathlib.Path
) -> None:
    expected = write(tmp_path / "whole", encode)
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "shard-00000.tfrecord").write_bytes(b"half")
    (folder / ".shard-00001.tfrecord.1a2b3c4d.tmp").write_bytes(b"half")
    (folder / "shard-00001.lock").touch()
    for end in ("json", "npy", "tfrecord"):
        name = f"shard-00002.{end}"
        (folder / name).write_bytes(expected[name])
    counts: list[int] = []
    assert write(folder, encode, progress=counts.append) == expected
    assert counts == [2, 1, 1, 1]  # not the finished one again


def test_an_error_of_an_example_leaves_no_shard(tmp_path: pathlib.Path) -> None:
    def failing(chunk: Any) -> Iterator[dict[str, Any]]:
        yield {"token_ids": [2, 3], "segment_start": 2}
        raise RuntimeError("no second example")

    with pytest.raises(RuntimeError, match="no second example"):
        write_shards(lambda: [0], failing, spec=TOKENS, directory=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00000.lock"]


def test_stop_ends_between_shards(encode: EncodeRows, tmp_path: pathlib.Path) -> None:
    class StopError(Exception):
        pass

    calls = iter([False, False, True])

    def stop() -> None:
        if next(calls):
            raise StopError

    with contextlib.suppress(StopError):
        write(tmp_path / "s", encode, stop=stop)
    finished = sorted(path.name for path in (tmp_path / "s").glob("*.json"))
    assert finished == ["shard-00000.json", "shard-00001.json"]


def test_the_directory_is_not_made(encode: EncodeRows, tmp_path: pathlib.Path) -> None:
    """Its owner may have moved it away, finished."""
    with pytest.raises(FileNotFoundError):
        write_shards(
            lambda: CHUNKS, encode, spec=TOKENS, directory=tmp_path / "moved" / "away"
        )
    assert not (tmp_path / "moved").exists()


def test_two_runs_share_the_work(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    ready = [tmp_path / "ready0", tmp_path / "ready1"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", SLOW, str(folder), str(path)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for path in ready
    ]
    try:
        while not all(path.exists() for path in ready):
            time.sleep(0.01)
            assert all(run.poll() is None for run in runs)
        (folder / "go").touch()
        written = [int(run.communicate(timeout=120)[0]) for run in runs]
    finally:
        for run in runs:
            run.kill()
            run.wait()
    assert sum(written) == 30 and min(written) > 0
    shards = sorted(folder.glob("shard-*.json"))
    assert [json.loads(path.read_text())["count"] for path in shards] == [1] * 30


def test_chunked() -> None:
    words = ["aaa", "b", "cc", "dddd", "e"]
    assert list(chunked(words, len, 4)) == [["aaa", "b"], ["cc", "dddd"], ["e"]]
    assert list(chunked([], len, 4)) == []
