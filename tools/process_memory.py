"""The memory of a process and of all that it started (Linux)."""

import dataclasses
import pathlib
import subprocess
import time
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Memory:
    """In bytes, summed over a tree of processes.

    `pss` counts a page that n processes share as 1/n in each, so its sum is what the
    tree really takes; `rss` counts it n times.
    """

    pss: int = 0
    rss: int = 0


def peak_of(process: subprocess.Popen[bytes], interval: float = 0.2) -> Memory:
    """Waits for the end of a process; the peaks of both sums until then."""
    peak = Memory()
    while process.poll() is None:
        now = _memory(process.pid)
        peak = Memory(max(peak.pss, now.pss), max(peak.rss, now.rss))
        time.sleep(interval)
    return peak


def _memory(root: int) -> Memory:
    pss = rss = 0
    for pid in _tree(root):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:  # it has just ended
            continue
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                pss += int(value.split()[0]) * 1024
            elif name == "Rss":
                rss += int(value.split()[0]) * 1024
    return Memory(pss, rss)


def _tree(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += map(int, path.read_text().split())
            except OSError:
                continue
