"""Writing TFRecord shards: by several processes, resumable, with a manifest.

A data set is cut into chunks; each chunk becomes one shard. A shard is finished when
its description `shard-NNNNN.json` exists, which is written last. Any number of
processes, on any machines that share the directory, may write the same data set: each
takes the chunks that are neither finished nor locked by another. The bytes depend on
the chunk alone, so killed and restarted, or split otherwise, the result is the same.
"""

import concurrent.futures
import concurrent.futures.process
import functools
import hashlib
import itertools
import json
import multiprocessing.context
import os
import pathlib
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from pd_bert.data.example_spec import ExampleSpec, serialize, spec_to_json
from pd_bert.data.tfrecord import FRAME_BYTES
from pd_bert.errors import InputError
from pd_bert.system.atomic import write_json, written_aside
from pd_bert.system.lock import try_lock

Chunk = TypeVar("Chunk")
Example = dict[str, Any]
Encode = Callable[[Chunk], Iterable[Example]]
"""Chunk → examples. Pickled to the workers, so a module's function or a value."""

_WAIT_SECONDS = 2.0  # for shards that others write; then the source is read again
# The tokenizer runs outside the interpreter's lock, so that threads fill two cores.
# They start at once and share all memory; the first worker process takes 5 s and 1 GB.
_MOST_THREADS = 2
_PART_BYTES = 1 << 24


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
    """Writes every chunk as a shard, together with other processes that do the same.

    `directory` must exist: a process that helps must not make it again after its owner
    has moved it away. `chunks()` yields the same chunks in the same order each time it
    is called. With `processes` 0 the chunks are encoded in this thread, with 1 or 2 by
    threads, with more by processes. `progress` is called with the number of examples
    that were finished. `stop` is called between shards and raises to end early. Returns
    when all shards are finished, by this or other processes.
    """
    with _executor(processes) as executor:
        while not _pass(
            executor,
            max(1, 2 * processes),
            chunks,
            encode,
            spec,
            directory,
            progress,
            stop,
        ):
            time.sleep(_WAIT_SECONDS)


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
    # Locks, and what killed processes were writing.
    for path in itertools.chain(directory.glob("*.lock"), directory.glob(".*.tmp")):
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
            try:
                count = future.result()
            except concurrent.futures.process.BrokenProcessPool:
                stop()  # a signal to the whole group ended the workers too
                raise
            finished &= count is not None
            progress(count or 0)

    for index, chunk in enumerate(chunks()):
        stop()
        if (directory / f"shard-{index:05d}.json").exists():
            continue
        write = functools.partial(_write_shard, chunk, index, encode, spec, directory)
        pending.add(executor.submit(write))
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
        lengths: list[int] = []
        parts = _Parts(spec)
        try:
            with written_aside(path) as aside, tf.io.TFRecordWriter(str(aside)) as file:
                for example in encode(chunk):
                    serialized = serialize(example, spec)
                    file.write(serialized)
                    parts.add(example, len(serialized))
                    lengths.append(len(example["token_ids"]))
        except tf.errors.ResourceExhaustedError as error:
            raise OSError(28, "No space left on device", str(path)) from error
        lengths_path = stem.with_suffix(".npy")
        with written_aside(lengths_path) as aside, aside.open("wb") as file:
            np.save(file, np.asarray(lengths, np.uint16))
        write_json(
            description,
            {
                "file": path.name,
                "count": len(lengths),
                "bytes": path.stat().st_size,
                "sha256": checksum(path),
                "lengths_sha256": checksum(lengths_path),
                "parts": parts.described,
            },
        )
        return len(lengths)


class _Parts:
    """Neighboring examples of a shard, of `_PART_BYTES` or a little more.

    A part is the least that is read of a shard, so that a shard of any size can be
    read in blocks. `described` has the examples of each part, its bytes in the file
    and the elements of each sequence.
    """

    def __init__(self, spec: ExampleSpec) -> None:
        self._sequences = [name for name, feature in spec.items() if feature.variable]
        self.described: list[dict[str, Any]] = []

    def add(self, example: Example, serialized: int) -> None:
        if not self.described or self.described[-1]["bytes"] >= _PART_BYTES:
            elements = dict.fromkeys(self._sequences, 0)
            self.described.append({"count": 0, "bytes": 0, "elements": elements})
        part = self.described[-1]
        part["count"] += 1
        part["bytes"] += FRAME_BYTES + serialized
        for name in self._sequences:
            part["elements"][name] += len(example[name])


def _executor(processes: int) -> concurrent.futures.Executor:
    if not processes:
        return _Inline()
    if processes <= _MOST_THREADS:
        return concurrent.futures.ThreadPoolExecutor(processes)
    context = _Context()
    context.set_forkserver_preload([__name__, "tensorflow_text"])
    return concurrent.futures.ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start_worker
    )


class _Process(multiprocessing.context.ForkServerProcess):
    """A worker that does not import the main module.

    That is a program which imports Keras and all stages: seconds, and some 200 MB, for
    each worker. So what is encoded and how must not be defined in the main module.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        with _main_lock:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = types.ModuleType("__main__")
            try:
                return multiprocessing.context.ForkServerProcess._Popen(process_obj)
            finally:
                sys.modules["__main__"] = main


_main_lock = threading.Lock()


class _Context(multiprocessing.context.ForkServerContext):
    """forkserver: TensorFlow is imported once and its pages are shared by workers."""

    Process = _Process


class _Inline(concurrent.futures.Executor):
    """Runs what is submitted at once, in this process."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _start_worker() -> None:
    """Ends this worker when the process it works for is gone, even by SIGKILL.

    Ctrl-C and a batch system signal the whole group; only the parent shall decide. A
    GPU stays the parent's: TensorFlow takes the memory of all that it sees.
    """
    tf.config.set_visible_devices([], "GPU")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Not os.getppid(): that is the fork server, which lives as long as its workers.
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
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
