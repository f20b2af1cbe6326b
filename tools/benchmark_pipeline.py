"""Measures the input pipeline of masked-LM training on a large data set.

  PYTHONPATH=. .venv/bin/python tools/benchmark_pipeline.py --windows=10000000

Prints the memory above the examples of a block, the time to the first batch, the waits
for batches in the first steps, the longest wait after them (over the edge of a block,
in steps of `--step_ms`) and the windows per second when training takes no time. It
needs Linux and 30 MB of disk: all shards are hard links to one. Another PYTHONPATH
measures another version of pd_bert.
"""

import inspect
import itertools
import json
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import app, flags

from pd_bert.data import pipeline
from pd_bert.data.pipeline import Batches, NumpyBatch
from pd_bert.data.records import Records
from pd_bert.data.shards import write_manifest, write_shards
from pd_bert.tasks.masked_lm import MaskedLanguageModel, corpus_spec
from pd_bert.text.vocabulary import SPECIAL_TOKENS, Vocabulary

_WINDOWS = flags.DEFINE_integer("windows", 10_000_000, "Windows of 128 pieces.", 1)
_BATCH = flags.DEFINE_integer("batch_size", 128, "Windows per step.", 1)
_STEP = flags.DEFINE_float("step_ms", 20.0, "How long a step of training takes.", 0)
_STEPS = flags.DEFINE_integer("steps", 4700, "Steps: more than a block has.", 501)
_FOLDER = flags.DEFINE_string("folder", None, "Where the data are written.")

_LENGTH, _SHARD, _PIECES = 128, 20_000, 30_522
# A window in memory: its ids, their offset, and two or three more numbers.
_WINDOW_BYTES = 4 * _LENGTH + 16
_START, _FAST_STEPS = 500, 500


def main(argv: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=_FOLDER.value) as folder:
        small, large = pathlib.Path(folder, "small"), pathlib.Path(folder, "large")
        _write(small, _SHARD)
        _write(large, _WINDOWS.value)
        for _ in itertools.islice(_elements(_batches(small)), 50):
            pass  # TensorFlow has started
        _measure(large)


def _measure(folder: pathlib.Path) -> None:
    before = _memory("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    begin, begin_work = time.perf_counter(), time.process_time()
    batches = _batches(folder)
    elements = _elements(batches)
    next(elements)
    first = time.perf_counter() - begin
    work = (
        time.process_time() - begin_work
    )  # on a machine with other work, the fair one
    waits = []
    for _ in range(_STEPS.value):
        time.sleep(_STEP.value / 1000)
        begin = time.perf_counter()
        next(elements)
        waits.append(1000 * (time.perf_counter() - begin))
    begin = time.perf_counter()
    for _ in itertools.islice(elements, _FAST_STEPS):
        pass
    speed = _FAST_STEPS * _BATCH.value / (time.perf_counter() - begin)
    peak = _memory("VmHWM") - before
    block = _block_bytes()
    later = waits[_START:]
    longest = np.argsort(later)[::-1][:5] + _START
    figures = {
        "pd_bert": str(pathlib.Path(pipeline.__file__).parents[2]),
        "windows": _WINDOWS.value,
        "block_mb": round(block / 1e6),
        "peak_mb": round(peak / 1e6),
        "above_block_mb": round((peak - block) / 1e6),
        "first_batch_seconds": round(first, 2),
        "first_batch_processor_seconds": round(work, 2),
        "waits_at_start_seconds": round(sum(waits[:_START]) / 1000, 2),
        "longest_wait_steps": round(max(later) / _STEP.value, 1),
        "longest_waits_ms": {int(i): round(waits[i], 1) for i in longest},
        "windows_per_second": round(speed),
    }
    print(json.dumps(figures, indent=1))


def _write(folder: pathlib.Path, windows: int) -> None:
    """Writes one shard, links it as often as needed and describes them all."""
    folder.mkdir()
    spec = corpus_spec(True)

    def encode(seed: int) -> Iterator[dict[str, Any]]:
        draw = np.random.default_rng(seed)
        for ids in draw.integers(1000, _PIECES, (_SHARD, _LENGTH), np.int32):
            ids[0], ids[60], ids[-1] = 2, 3, 3
            yield {"token_ids": ids, "segment_start": 61, "next_sentence_label": 0}

    write_shards(lambda: [0], encode, spec=spec, directory=folder)
    first = json.loads((folder / "shard-00000.json").read_text())
    for number in range(1, -(-windows // _SHARD)):
        name = f"shard-{number:05d}"
        for suffix in (".tfrecord", ".npy"):
            os.link(folder / f"shard-00000{suffix}", folder / f"{name}{suffix}")
        described = {**first, "file": f"{name}.tfrecord"}
        (folder / f"{name}.json").write_text(json.dumps(described))
    description = {"vocabulary": "", "sequence_length": _LENGTH}
    write_manifest(folder, spec=spec, description=description)


def _batches(folder: pathlib.Path) -> Batches:
    others = (f"token{index}" for index in range(_PIECES - len(SPECIAL_TOKENS)))
    vocabulary = Vocabulary(tokens=(*SPECIAL_TOKENS, *others))
    task = MaskedLanguageModel()

    def mask(batch: NumpyBatch, epoch: int) -> NumpyBatch:
        return task.transform(batch, vocabulary=vocabulary, seed=0, epoch=epoch)

    return Batches(
        Records(folder), batch_size=_BATCH.value, buckets=(_LENGTH,), transform=mask
    )


def _elements(batches: Batches) -> Iterator[Any]:
    if hasattr(pipeline, "to_dataset"):  # up to commit 0536d2b
        return iter(pipeline.to_dataset(batches.iterate, one_length=True))
    from pd_bert.data.to_dataset import to_dataset

    return iter(to_dataset(batches, start=0))


def _block_bytes() -> int:
    """The memory for examples: of a block and, if it is read ahead, of the next one."""
    options = inspect.signature(Batches).parameters
    if "block_examples" in options:  # up to commit 0536d2b
        return options["block_examples"].default * _WINDOW_BYTES
    return options["block_bytes"].default


def _memory(name: str) -> int:
    """Bytes of resident memory: VmRSS now, VmHWM at the most."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    app.run(main)
