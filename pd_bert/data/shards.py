"""Writing TFRecord shards: by several processes, resumable, with a manifest.

A data set is cut into chunks; each chunk becomes one shard. A shard is finished when
its description `shard-NNNNN.json` exists, which is written last. Any number of
processes, on any machines that share the directory, may write the same data set: each
takes the chunks that are neither finished nor locked by another. The bytes depend on
the chunk alone, so killed and restarted, or split otherwise, the result is the same.
"""

import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from pd_bert.data.atomic import write_json, written_aside
from pd_bert.data.example_spec import ExampleSpec, serialize, spec_to_json
from pd_bert.data.lock import try_lock
from pd_bert.errors import InputError

Chunk = TypeVar("Chunk")
Example = dict[str, Any]
Encode = Callable[[Chunk], Iterable[Example]]
"""Chunk → examples. Pickled to the workers, so a module's function or a value."""

_POLL_SECONDS = 0.5


def write_shards(
    chunks: Callable[[], Iterable[Chunk]],
    encode: Encode,
    *,
    spec: ExampleSpec,
    directory: pathlib.Path,
    processes: int = 0,
    progress: Callable[[int], None] = lambda examples: None,
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Writes every chunk as a shard, with others where there are others.

    `chunks()` yields the same chunks in the same order each time it is called. With
    `processes` 0 the chunks are encoded here. `progress` is told of finished examples;
    `stop` is called between shards and raises to end early. Returns when all shards
    are finished, by whomever.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _executor(processes) as executor:
        while not _pass(
            executor, max(1, 2 * processes), chunks, encode, spec, directory, progress,
            stop,
        ):
            time.sleep(_POLL_SECONDS)


def write_manifest(
    directory: pathlib.Path, *, spec: ExampleSpec, description: dict[str, Any]
) -> dict[str, Any]:
    """Joins the finished shards' descriptions into `manifest.json`."""
    shards = [
        json.loads(path.read_text()) for path in sorted(directory.glob("shard-*.json"))
    ]
    manifest = {
        "spec": spec_to_json(spec),
        "count": sum(shard["count"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        **description,
        "shards": shards,
    }
    write_json(directory / "manifest.json", manifest)
    for path in directory.glob("shard-*.lock"):
        path.unlink(missing_ok=True)
    return manifest


def checksum(path: pathlib.Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pass(
    executor: concurrent.futures.Executor,
    depth: int,
    chunks: Callable[[], Iterable[Chunk]],
    encode: Encode,
    spec: ExampleSpec,
    directory: pathlib.Path,
    progress: Callable[[int], None],
    stop: Callable[[], None],
) -> bool:
    """Goes once over the chunks; returns whether all are finished."""
    pending: set[concurrent.futures.Future[int | None]] = set()
    finished = True

    def collect(return_when: str) -> None:
        nonlocal pending, finished
        done, pending = concurrent.futures.wait(pending, return_when=return_when)
        for future in done:
            count = future.result()
            finished &= count is not None
            progress(count or 0)

    for index, chunk in enumerate(chunks()):
        stop()
        if (directory / f"shard-{index:05d}.json").exists():
            continue
        arguments = (chunk, index, encode, spec, directory)
        pending.add(executor.submit(_write_shard, *arguments))
        # Bounded: the chunks in flight are all that is in memory.
        while len(pending) >= depth:
            collect(concurrent.futures.FIRST_COMPLETED)
    collect(concurrent.futures.ALL_COMPLETED)
    return finished


def _write_shard(
    chunk: Chunk, index: int, encode: Encode, spec: ExampleSpec, directory: pathlib.Path
) -> int | None:
    """Writes a shard; returns its number of examples, None if another has the lock."""
    stem = directory / f"shard-{index:05d}"
    description, path = stem.with_suffix(".json"), stem.with_suffix(".tfrecord")
    with try_lock(stem.with_suffix(".lock")) as mine:
        if not mine:
            return None
        if description.exists():
            return 0
        lengths = []
        try:
            with written_aside(path) as aside, tf.io.TFRecordWriter(str(aside)) as file:
                for example in encode(chunk):
                    file.write(serialize(example, spec))
                    lengths.append(len(example["token_ids"]))
        except tf.errors.ResourceExhaustedError as error:
            raise OSError(28, f"no space left to write {path}") from error
        with written_aside(stem.with_suffix(".npy")) as aside, aside.open("wb") as file:
            np.save(file, np.asarray(lengths, np.uint16))
        write_json(
            description,
            {
                "file": path.name,
                "count": len(lengths),
                "bytes": path.stat().st_size,
                "sha256": checksum(path),
            },
        )
        return len(lengths)


def _executor(processes: int) -> concurrent.futures.Executor:
    if not processes:
        return _Inline()
    # forkserver: TensorFlow is imported once and its pages are shared by the workers.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tensorflow_text"])
    return concurrent.futures.ProcessPoolExecutor(
        processes, mp_context=context, initializer=_die_with_parent
    )


class _Inline(concurrent.futures.Executor):
    """Runs what is submitted at once, in this process."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _die_with_parent() -> None:
    """Ends this worker when the process it works for is gone, even by SIGKILL."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def chunked(
    items: Iterable[Chunk], size: Callable[[Chunk], int], limit: int
) -> Iterator[list[Chunk]]:
    """Cuts items into lists of about `limit` in all, sizes given by `size`.

    >>> list(chunked("abcde", lambda item: 1, 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    chunk: list[Chunk] = []
    filled = 0
    for item in items:
        chunk.append(item)
        filled += size(item)
        if filled >= limit:
            yield chunk
            chunk, filled = [], 0
    if chunk:
        yield chunk


def require_examples(manifest: dict[str, Any], where: str) -> None:
    """Raises InputError for a data set without an example."""
    if not manifest["count"]:
        raise InputError(f"a data set holds at least one example; {where} gave none")
